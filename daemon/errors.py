"""What can go wrong with drops and jobs.

::

    DaemonError               a message for a person, and a hint: what to do about it
    ├── DropError             a drop is refused; ``lacking`` where a file that still arrives could mend it
    ├── JobError              no such job, or what was asked of it cannot be done in its state
    ├── JournalError          a job.json is missing, torn or not of our schema
    ├── ListenError           an address at which we shall answer cannot be had
    ├── PasswordError         the page's password is no good, or cannot be read
    └── LaterError            a step cannot be taken just now and is tried again by itself (disk full, nobody answers)
        ├── DiskError         a disk is full, read-only, failing or not there
        └── Underway          nothing is wrong: calls to publishers are under way

    Interruption              no error: somebody wants a take to be left where it is
    ├── Stopped               the daemon is asked to end
    └── Cancelled             the job is cancelled
"""

from __future__ import annotations

from pathlib import Path

_LOOK_AGAIN = 0.25
"""Seconds between two looks at calls under way."""


class DaemonError(Exception):
    """Something about a drop or a job, and why.

    Attributes:
        message: What happened, to which file (file name only).
        hint: What the person can do, one sentence, or "".
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}".rstrip() if self.hint else self.message


class DropError(DaemonError):
    """A drop is refused.

    Attributes:
        lacking: True where a file that is still on its way could mend it: worth waiting a little.
    """

    def __init__(self, message: str, hint: str = "", *, lacking: bool = False) -> None:
        super().__init__(message, hint)
        self.lacking = lacking


class JobError(DaemonError):
    """There is no such job, or what was asked of it cannot be done in its state."""


class JournalError(DaemonError):
    """A job.json is missing, torn or not of our schema."""


class ListenError(DaemonError):
    """An address at which we shall answer cannot be had."""


class PasswordError(DaemonError):
    """The page's password is no good, or what is kept of it cannot be read.

    Attributes:
        unseen: True where it is kept from us, and may be all right for those whom it concerns.
    """

    def __init__(self, message: str, hint: str = "", *, unseen: bool = False) -> None:
        super().__init__(message, hint)
        self.unseen = unseen


class LaterError(DaemonError):
    """A step cannot be taken just now; it is tried again by itself, after a while.

    Attributes:
        wait: Seconds until then, or None: longer each time.
        miss: False where nobody failed to answer and only time is missing: it is waited for, however long.
    """

    def __init__(self, message: str, hint: str = "", *, wait: float | None = None, miss: bool = True) -> None:
        super().__init__(message, hint)
        self.wait = wait
        self.miss = miss


class DiskError(LaterError):
    """A disk does not take or give something: nobody's fault, and over as soon as the disk does.

    Attributes:
        kind: What is wrong, in a word: while that stays the same it is said once.
        wanted: Bytes that must be free before another try is worth it; 0 where nobody knows.
        path: What was refused, or None.
        where: The folder on the disk in question; None for that of the job.
    """

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        kind: str = "",
        wanted: int = 0,
        path: Path | None = None,
        where: Path | None = None,
    ) -> None:
        super().__init__(message, hint)
        self.kind = kind
        self.wanted = wanted
        self.path = path
        self.where = where


class Underway(LaterError):
    """Calls to publishers are under way; the message says which, and how far they are."""

    def __init__(self, message: str) -> None:
        super().__init__(message, wait=_LOOK_AGAIN, miss=False)


class Interruption(Exception):
    """Somebody wants a take to be left where it is."""


class Stopped(Interruption):
    """The daemon is asked to end."""


class Cancelled(Interruption):
    """The job is cancelled."""
