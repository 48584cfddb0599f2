"""What can go wrong between a finished file and its permanent address.

::

    PublishError              a message for a person, and a hint: what to do about it
    ├── Unreachable           nobody answered, or answered "later" (passing: worth another try)
    ├── Pending               everything is sent, only time is missing (passing)
    ├── Refused               the service said no, for good: no funds, no right, too large
    ├── Mismatch              what the service holds is not what we gave it, or not what was promised
    ├── Unstorable            what was asked for cannot be written here: no room, no right
    ├── PublisherError        a publisher is unknown, broken or wrongly set up
    ├── SigningError          a file could not be given its content credentials
    │   └── SigningCrash      the process that signs crashed or hung (passing)
    └── ManifestError         a manifest is missing, torn or not of our schema
"""

from __future__ import annotations

from publishers.base import Receipt


class PublishError(Exception):
    """A file could not be made permanent, and this is why.

    Attributes:
        message: What happened, to which file, at which publisher.
        hint: What the person can do, one sentence, or "".
        passing: True where the same call may succeed later.
        wait: Seconds after which that is worth a try, or None where nobody knows.
    """

    passing: bool = False

    def __init__(self, message: str, hint: str = "", wait: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.wait = wait

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}".rstrip() if self.hint else self.message


class Unreachable(PublishError):
    """Nobody answered, or answered "later"."""

    passing = True


class Pending(PublishError):
    """Everything is sent, and only time is missing until it counts as published.

    Attributes:
        receipt: What there is so far; its state is "sent", "pending" or "confirmed".
    """

    passing = True

    def __init__(self, message: str, receipt: Receipt, wait: float) -> None:
        super().__init__(message, "It is looked after by itself.", wait)
        self.receipt = receipt


class Refused(PublishError):
    """The service said no, for good."""


class Mismatch(PublishError):
    """What the service holds is not what we gave it, or not what was promised."""


class Unstorable(PublishError):
    """What was asked for cannot be written here: no room, no right, or somebody else writes it."""


class PublisherError(PublishError):
    """A publisher is unknown, broken or wrongly set up."""


class ManifestError(PublishError):
    """A manifest is missing, torn or not of our schema."""


class SigningError(PublishError):
    """A file could not be given its content credentials."""


class SigningCrash(SigningError):
    """The process that signs crashed or hung."""

    passing = True
