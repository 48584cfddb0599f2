"""A take becomes a video: a face, a speech, and the mouth that goes with it. Knows no folders, jobs or networks.

The front door. Importing it loads no torch, OpenCV, PyAV or librosa; :func:`load` does.

Dimension letters in all docstrings below: B batch, T frames, C channels, H W frame, S crop side, M mel bands,
L motion steps, K landmarks.
"""

from __future__ import annotations

from importlib import import_module
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
    from lipsync.machine import Machine
    from lipsync.model import Model
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
    "Machine",
    "MediaError",
    "Model",
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
    "engine_names",
    "load",
    "models",
    "survey",
    "tracker_names",
]

_LATE = {"Machine": "lipsync.machine", "Model": "lipsync.model", "Studio": "lipsync.studio"}
"""Names whose modules are imported when they are asked for."""


def load(options: Options) -> Studio:
    """Build the engine that ``options`` names and keep it warm.

    Raises:
        EngineError: The engine is unknown (the installed ones are named) or broken.
        WeightsError: Its weights are missing or damaged.
    """
    from lipsync import studio

    return studio.load(options)


def engine_names() -> list[str]:
    """Give the names that ``Options.engine`` may have."""
    from lipsync import plugin

    return plugin.names("lipsyncd.engines")


def tracker_names() -> list[str]:
    """Give the names that ``Options.tracker`` may have, beside "auto"."""
    from lipsync import plugin

    return plugin.names("lipsyncd.trackers")


def models() -> list[Model]:
    """Give the weights in the package: name, file, size, sha256, licence, and whether each is sound."""
    from lipsync import model

    return model.models()


def survey() -> Machine:
    """Find out which encoders, GPU, engines and trackers work here; takes seconds and loads torch."""
    from lipsync import machine

    return machine.survey()


def __getattr__(name: str) -> object:
    if name in _LATE:
        return getattr(import_module(_LATE[name]), name)
    raise AttributeError(f"module 'lipsync' has no attribute {name!r}")
