"""A take becomes a video: a face, a speech, and the mouth that goes with it. Knows no folders, jobs or networks.

The front door. Importing it loads no torch, OpenCV, PyAV or librosa; :func:`load` does.

Dimension letters in all docstrings below: B batch, T frames, C channels, H W frame, S crop side, M mel bands,
L motion steps, K landmarks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lipsync.errors import (
    EngineError,
    LimitError,
    LipsyncError,
    MediaError,
    NoFaceError,
    StorageError,
    WeightsError,
)
from lipsync.take import (
    AUDIO_SUFFIXES,
    PHOTO_SUFFIXES,
    VIDEO_SUFFIXES,
    Engine,
    EngineFacts,
    Limits,
    Options,
    Progress,
    Render,
    Report,
    Take,
    Weights,
)

if TYPE_CHECKING:
    from lipsync.studio import Studio

__all__ = [
    "AUDIO_SUFFIXES",
    "PHOTO_SUFFIXES",
    "VIDEO_SUFFIXES",
    "Engine",
    "EngineError",
    "EngineFacts",
    "LimitError",
    "Limits",
    "LipsyncError",
    "MediaError",
    "NoFaceError",
    "Options",
    "Progress",
    "Render",
    "Report",
    "StorageError",
    "Studio",
    "Take",
    "Weights",
    "WeightsError",
    "engines",
    "load",
    "trackers",
]


def load(options: Options) -> Studio:
    """Build the engine that ``options`` names and keep it warm.

    Raises:
        EngineError: The engine is unknown (the installed ones are named) or broken.
        WeightsError: Its weights are missing or damaged.
    """
    from lipsync import studio

    return studio.load(options)


def engines() -> list[str]:
    """Give the names that ``Options.engine`` may have."""
    from lipsync import plugin

    return plugin.names("lipsyncd.engines")


def trackers() -> list[str]:
    """Give the names that ``Options.tracker`` may have, beside "auto"."""
    from lipsync import plugin

    return plugin.names("lipsyncd.trackers")


def __getattr__(name: str) -> object:
    if name == "Studio":
        from lipsync.studio import Studio

        return Studio
    raise AttributeError(f"module 'lipsync' has no attribute {name!r}")
