"""From a take to two whole files: choose the engine, let it draw, distrust what it wrote, put it in place."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from lipsync import label_jpeg, label_mp4, plugin
from lipsync.ear import Ear, deaf
from lipsync.errors import EngineError, LabelError, StorageError
from lipsync.label_letters import check_marks
from lipsync.label_note import TOOL
from lipsync.media import Frame, write_poster
from lipsync.memory import scarce
from lipsync.proof import Proof
from lipsync.take import Engine, EngineFacts, Options, Render, Report, Take
from lipsync.threads import settle_threads

ENGINES = "lipsyncd.engines"
_SHOWN = 32
"""Letters of a file's name that are to be seen in its private one: whoever looks on sees what it will be."""


@runtime_checkable
class Listener(Protocol):
    """An engine that listens to speeches itself; one that does not is given an ear by the studio."""

    ear: Ear[object]


class Studio:
    """Holds one warm engine and renders takes with it, one at a time."""

    def __init__(self, engine: Engine, options: Options) -> None:
        self._engine = engine
        self._marks = options.marks
        self._ear = engine.ear if isinstance(engine, Listener) else Ear(options.limits, deaf)

    @property
    def facts(self) -> EngineFacts:
        """Who draws: name, version, weights."""
        return self._engine.facts

    @property
    def speeches_heard(self) -> int:
        """How often a speech was really listened to: once for any number of faces."""
        return self._ear.heard

    def seconds(self, speech: Path) -> float:
        """Give how long a speech lasts; free for the one that was rendered last."""
        return float(self._ear.hear(speech).seconds)

    def render(self, take: Take, video: Path, poster: Path, report: Report) -> Render:
        """Make a take's video and its poster; both appear whole or not at all.

        Args:
            take: Whose face, what speech.
            video: The .mp4 to appear; an older one is replaced.
            poster: The .jpg to appear, in any folder.
            report: Called with the progress, often, from this thread or another.

        Returns:
            The facts, checked against the file: ``video`` is where it lies now.

        Raises:
            LipsyncError: The take cannot be rendered; neither file was touched.
        """
        with _beside(video) as film, _named(video, film), _beside(poster) as still, _named(poster, still):
            render = self._drawn(take, film, report)
            proof = self._distrust(render, film, take)
            write_poster(film, render.poster_at, still, self._retouch(render))
            proof.check_poster(still, render)
            self._note(film, still)
            _put(film, video)
            _put(still, poster)
        return replace(render, video=video, marks=self._marks)

    def _retouch(self, render: Render) -> Callable[[Frame], None] | None:
        """Give what draws the visible label into a poster whose frame does not show it (any more)."""
        if not self._marks.visible:
            return None
        from lipsync.label import label_for  # Pillow is loaded where something is written

        label = label_for(self._marks, (render.width, render.height), place=render.label_at)
        return label.draw if label and label.strength(render.poster_at) < 1 else None

    def _note(self, film: Path, still: Path) -> None:
        """Put the implicit label into both files."""
        if not self._marks.metadata:
            return
        with _beside(film) as noted:
            try:
                note = label_mp4.stamped(film, noted, self._marks.producer or TOOL)
                label_jpeg.stamp(still, note)
                noted.replace(film)
            except OSError as error:
                hint = "Make room on the disk or check that the share is there."
                raise StorageError(f"{film.name} cannot be labelled: {error.strerror}", hint) from error

    def _drawn(self, take: Take, film: Path, report: Report) -> Render:
        try:
            return self._engine.render(take, film, report)
        except (MemoryError, RuntimeError) as error:
            if not _scarce(error):
                raise
            hint = "Cap render.width and render.height, or give the machine more."
            raise EngineError(f"there was not enough memory for {take.face.name}", hint) from error

    def _distrust(self, render: Render, film: Path, take: Take) -> Proof:
        if self._marks.visible and not render.label_at:
            hint = "Set label.visible to false, or use another engine."
            raise LabelError(f"the engine {self.facts.name!r} does not draw the visible label", hint)
        proof = Proof(self.facts.name, take.face.name, float(self._ear.hear(take.speech).seconds))
        proof.check_video(film, render)
        return proof


def load(options: Options) -> Studio:
    """Build the engine that ``options`` names and keep it warm.

    Raises:
        EngineError: The engine is unknown or broken, or the device is not there.
        LabelError: The visible label cannot be written with the letters at hand.
        WeightsError: Its weights are missing or damaged.
    """
    check_marks(options.marks)
    _check_device(options.device)
    build = plugin.find(ENGINES, options.engine)
    settle_threads()
    try:
        engine: Engine = build(options)
    except (MemoryError, RuntimeError) as error:
        if not _scarce(error):
            raise
        hint = "Something else may hold it: see nvidia-smi, or have fewer render.processes."
        raise EngineError(f"there was not enough memory for the engine {options.engine}", hint) from error
    return Studio(engine, options)


def _scarce(error: BaseException) -> bool:
    """Say whether memory did not suffice, the GPU's included; without torch there is none of that."""
    return isinstance(error, MemoryError) or ("torch" in sys.modules and scarce(error))


def _check_device(device: str) -> None:
    if device == "cuda":
        from lipsync.gpu import computes

        if not computes():
            hint = 'Set render.device to "auto"; `lipsyncd doctor` says more.'
            raise EngineError("torch can use no NVIDIA GPU on this machine", hint)


@contextlib.contextmanager
def _beside(final: Path) -> Iterator[Path]:
    """Give a private name in the folder of ``final``; whatever still has it at the end is removed."""
    if not final.parent.is_dir():
        raise StorageError(f"there is no folder to put {final.name} in", "Check that the share is still there.")
    private = final.with_name(f".{final.stem[:_SHOWN]}.{secrets.token_hex(8)}.part{final.suffix}")
    try:
        yield private
    finally:
        with contextlib.suppress(OSError):
            private.unlink(missing_ok=True)


@contextlib.contextmanager
def _named(final: Path, private: Path) -> Iterator[None]:
    """Say of a file that cannot be stored what it was to be called: its private name tells a person nothing."""
    try:
        yield
    except StorageError as error:
        raise StorageError(error.message.replace(private.name, final.name), error.hint) from error


def _put(private: Path, final: Path) -> None:
    """Move a finished file to its name so that a power cut leaves the old one or the whole new one."""
    try:
        _sync(private)
        private.replace(final)
        _sync(final.parent)
    except OSError as error:
        hint = "Check the space and the rights of the folder."
        raise StorageError(f"{final.name} cannot be put in place ({error.strerror})", hint) from error


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
