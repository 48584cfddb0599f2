"""What ends a command early.

::

    CommandError              two lines for a person, and the exit code
    ├── UsageError            2: the words of the command cannot be right
    └── LackError             3: something needed is missing here
"""

from __future__ import annotations


class CommandError(Exception):
    """A command cannot go on, and this is why.

    Attributes:
        message: What happened, to which file.
        hint: What the person can do, one sentence.
        code: Exit code of the process.
    """

    code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(CommandError):
    """The words of the command cannot be right."""

    code = 2


class LackError(CommandError):
    """Something needed is missing here."""

    code = 3
