"""A take becomes a video: a face, a speech, and the mouth that goes with it. Knows no folders, jobs or networks.

The front door. Importing it loads no torch, OpenCV, PyAV or librosa; :func:`load` does.

Dimension letters in all docstrings below: B batch, T frames, C channels, H W frame, S crop side, M mel bands,
L motion steps, K landmarks.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync.errors import (
    EngineError,
    LabelError,
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
    Marks,
    Options,
    Program,
    Progress,
    Render,
    Report,
    Take,
    Weights,
)

if TYPE_CHECKING:
    from lipsync.alignment_weights import tracker_lacks
    from lipsync.intake import Found
    from lipsync.label_note import Declared
    from lipsync.machine import GpuMemory, Machine, survey
    from lipsync.miniature import thumbnail
    from lipsync.model import Model
    from lipsync.offer import Offer
    from lipsync.shelf import Brought
    from lipsync.studio import Studio

__all__ = [
    "AUDIO_SUFFIXES",
    "PHOTO_SUFFIXES",
    "VIDEO_SUFFIXES",
    "Brought",
    "Declared",
    "Engine",
    "EngineError",
    "EngineFacts",
    "Found",
    "GpuMemory",
    "LabelError",
    "LimitError",
    "Limits",
    "LipsyncError",
    "Machine",
    "Marks",
    "MediaError",
    "Model",
    "NoFaceError",
    "Offer",
    "Options",
    "Program",
    "Progress",
    "Render",
    "Report",
    "StorageError",
    "Studio",
    "Take",
    "Weights",
    "WeightsError",
    "brought",
    "check_marks",
    "engine_names",
    "gpu_memory",
    "holdings",
    "keep_outside",
    "load",
    "marks_of",
    "models",
    "offers",
    "program_faults",
    "recognise",
    "survey",
    "take_in",
    "thumbnail",
    "tracker_lacks",
    "tracker_names",
    "vouch",
    "wav2lip_file",
]

_LATE = {
    "Brought": "lipsync.shelf",
    "Declared": "lipsync.label_note",
    "Found": "lipsync.intake",
    "GpuMemory": "lipsync.machine",
    "Machine": "lipsync.machine",
    "Model": "lipsync.model",
    "Offer": "lipsync.offer",
    "Studio": "lipsync.studio",
    "survey": "lipsync.machine",
    "thumbnail": "lipsync.miniature",
    "tracker_lacks": "lipsync.alignment_weights",
}
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


def check_marks(marks: Marks) -> None:
    """Say now whether the visible label can be written on this machine; takes some hundredths of a second.

    Raises:
        LabelError: Letters are missing; they are named, with what to do.
    """
    if marks.visible:
        from lipsync import label_letters

        label_letters.check_marks(marks)


def marks_of(path: Path) -> Declared:
    """Read what the metadata of a finished video (mp4) or poster (jpg) say of it.

    Raises:
        MediaError: It is neither, or cannot be read.
    """
    from lipsync import label_read

    return label_read.marks_of(path)


def models() -> list[Model]:
    """Give the weights in the package: name, file, size, sha256, licence, and whether each is sound."""
    from lipsync import model

    return model.models()


def brought(folder: Path | None) -> dict[str, Brought]:
    """Give the usable weights that people brought, by name: path, sha256, licence, and what they serve.

    Raises:
        WeightsError: The folder, or the house's own catalogue in it, cannot be read.
    """
    from lipsync import shelf

    return shelf.brought(folder)


def holdings(folder: Path | None, *, verify: bool = False, remember: bool = False) -> list[Brought]:
    """Give all that lies in the folder of weights, also what is damaged, unknown or a part.

    Args:
        folder: ``Options.weights``.
        verify: Hash each again.
        remember: Note what was hashed, for the next time.

    Raises:
        WeightsError: The folder, or the house's own catalogue in it, cannot be read.
    """
    from lipsync import shelf

    return shelf.holdings(folder, verify=verify, remember=remember)


def offers(folder: Path | None = None) -> dict[str, Offer]:
    """Give the weights that could be brought, by name, those of the house's own catalogue among them.

    Raises:
        WeightsError: That catalogue cannot be used.
    """
    from lipsync import offer

    return offer.offers(folder)


def recognise(path: Path, folder: Path, name: str = "") -> Found:
    """Say what a file of weights is that a person brings; loads torch where only a look inside tells.

    Args:
        path: The file.
        folder: The folder of weights, for a house's own catalogue.
        name: What it is to be called, where it is in no catalogue.

    Raises:
        WeightsError: It is nothing that fits, or is damaged.
    """
    from lipsync import intake

    return intake.recognise(path, folder, name)


def take_in(path: Path, folder: Path, found: Found) -> Path:
    """Copy a recognised file into the folder of weights, whole or not at all, and give where it lies.

    Raises:
        WeightsError: It changed meanwhile, or another file has its name.
        OSError: The disk refuses.
    """
    from lipsync import intake

    return intake.take_in(path, folder, found)


def vouch(path: Path, offer: Offer, sha256: str, source: str) -> None:
    """Write the note of a file that was fetched into the folder of weights and checked.

    Raises:
        OSError: The disk refuses.
    """
    from lipsync import intake

    intake.vouch(path, offer, sha256, source)


def program_faults(argv: Sequence[str]) -> list[str]:
    """Say what is wrong with the arguments of an external program for the engine "command"; [] where nothing is."""
    from lipsync import template

    return template.faults(argv)


def keep_outside(argv: Sequence[str], root: Path) -> None:
    """Have the program of the engine "command" run outside the walls that this process is about to put up.

    Args:
        argv: Its template: nothing else will ever be run there.
        root: The folder in whose folders it is run.
    """
    from lipsync import leash

    leash.keep_outside(argv, root)


def wav2lip_file(weights: Path | None, checkpoint: str) -> Path:
    """Give the file that the engine wav2lip would load; it is not opened.

    Args:
        weights: ``Options.weights``.
        checkpoint: ``Options.checkpoint``.

    Raises:
        WeightsError: There is none, or it is not clear which one is meant.
    """
    from lipsync.wav2lip import checkpoint as checkpoints

    return checkpoints.find(weights, checkpoint)


def gpu_memory() -> GpuMemory | None:
    """Say how full the GPU is that this process uses; None where it uses none so far."""
    from lipsync import machine

    return machine.gpu_memory()


def __getattr__(name: str) -> object:
    if name in _LATE:
        return getattr(import_module(_LATE[name]), name)
    raise AttributeError(f"module 'lipsync' has no attribute {name!r}")
