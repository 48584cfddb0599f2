"""What can go wrong while a take becomes a video.

::

    LipsyncError              a message for a person, and a hint: what to do about it
    ├── MediaError            a file cannot be read as what it claims to be, or cannot be written
    │   ├── LimitError        a file is sound but larger or longer than the limits allow
    │   └── StorageError      the disk is full, read-only or gone (passing: worth another try)
    ├── NoFaceError           no usable face in the picture or anywhere in the video
    ├── WeightsError          weights are missing, of the wrong size, or not what they claim to be
    ├── LabelError            the visible label cannot be written with the letters at hand
    └── EngineError           an engine or tracker is unknown, broken or ran out of something (passing)

Whether another try can help is a property of the type: ``passing``.
"""

from __future__ import annotations


class LipsyncError(Exception):
    """A take cannot be rendered, and this is why.

    Attributes:
        message: What happened, to which file (file name only, never a path of the machine).
        hint: What the person can do, one sentence, or "".
        passing: True where the same take may succeed later without anyone mending the input.
    """

    passing: bool = False

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}".rstrip() if self.hint else self.message


class MediaError(LipsyncError):
    """A file cannot be read as what it claims to be, or cannot be written."""


class LimitError(MediaError):
    """A file is sound but larger or longer than the limits allow."""


class StorageError(MediaError):
    """The disk is full, read-only or gone."""

    passing = True


class NoFaceError(LipsyncError):
    """There is no usable face in the picture or anywhere in the video."""


class WeightsError(LipsyncError):
    """Weights are missing, of the wrong size, or not what they claim to be."""


class LabelError(LipsyncError):
    """The visible label cannot be written: letters are missing, or it does not fit."""


class EngineError(LipsyncError):
    """An engine or tracker is unknown, broken or ran out of something."""

    passing = True
