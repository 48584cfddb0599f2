"""A plug-in engine that misbehaves: how, the name of the face file says. Copied into a plug-in folder by the tests."""

from __future__ import annotations

import mmap
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from lipsync import EngineFacts, Options, Progress, Render, Report, Take
from lipsync.engines.null import NullEngine

MEGABYTE = 1 << 20
STRAY = "import time\nwhile True:\n  open({film!r}, 'ab').write(b'stray ' * 1000); time.sleep(0.01)"


class Rogue:
    """Does what the null engine does, before or after something that it should not."""

    def __init__(self, options: Options) -> None:
        self._honest = NullEngine(options)
        self.ear = self._honest.ear
        self._kept: list[bytearray] = []

    @property
    def facts(self) -> EngineFacts:
        return EngineFacts(name="rogue", version="1")

    def render(self, take: Take, video: Path, report: Report) -> Render:
        act: Callable[[Take, Path, Report], Render] = getattr(self, f"_{take.face.stem}")
        return replace(act(take, video, report), engine=self.facts)

    def _good(self, take: Take, video: Path, report: Report) -> Render:
        return self._honest.render(take, video, report)

    def _held(self, take: Take, video: Path, report: Report) -> Render:
        """Be at work until a test has seen enough."""
        while not Path(__file__).with_name("go").exists():
            report(Progress("draw", 1, 2))
            time.sleep(0.05)
        return self._good(take, video, report)

    def _cut(self, take: Take, video: Path, report: Report) -> Render:
        render = self._good(take, video, report)
        os.truncate(video, video.stat().st_size // 2)
        return render

    def _long(self, take: Take, video: Path, report: Report) -> Render:
        return replace(self._good(take, video, report), duration=99.0)

    def _frames(self, take: Take, video: Path, report: Report) -> Render:
        return replace(self._good(take, video, report), frames=0)

    def _size(self, take: Take, video: Path, report: Report) -> Render:
        return replace(self._good(take, video, report), width=64)

    def _text(self, take: Take, video: Path, report: Report) -> Render:
        render = self._good(take, video, report)
        video.write_text("this is a video")
        return render

    def _none(self, take: Take, video: Path, report: Report) -> Render:
        render = self._good(take, video, report)
        video.unlink()
        return render

    def _empty(self, take: Take, video: Path, report: Report) -> Render:
        render = self._good(take, video, report)
        os.truncate(video, 0)
        return render

    def _link(self, take: Take, video: Path, report: Report) -> Render:
        render = self._good(take, video, report)
        video.unlink()
        video.symlink_to(take.face)
        return render

    def _pipe(self, take: Take, video: Path, report: Report) -> Render:
        render = self._good(take, video, report)
        video.unlink()
        os.mkfifo(video)
        return render

    def _black(self, take: Take, video: Path, report: Report) -> Render:
        black = video.with_name("black.png")
        cv2.imwrite(str(black), np.zeros((96, 96, 3), np.uint8))
        render = self._good(replace(take, face=black), video, report)
        black.unlink()
        return replace(render, driven=render.frames)

    def _leave(self, take: Take, video: Path, report: Report) -> Render:
        self._good(take, video, report)
        os._exit(1)

    def _throw(self, _take: Take, _video: Path, _report: Report) -> Render:
        raise RuntimeError("I do not feel like it")

    def _segv(self, *_: object) -> Render:
        return self._end(signal.SIGSEGV)

    def _abrt(self, *_: object) -> Render:
        return self._end(signal.SIGABRT)

    def _kill(self, *_: object) -> Render:
        return self._end(signal.SIGKILL)

    def _stop(self, *_: object) -> Render:
        return self._end(signal.SIGSTOP)

    def _end(self, number: signal.Signals) -> Render:
        os.kill(os.getpid(), number)
        time.sleep(600)
        raise AssertionError("nobody ended us")

    def _hang(self, *_: object) -> Render:
        time.sleep(600)
        raise AssertionError("nobody ended us")

    def _forever(self, _take: Take, _video: Path, report: Report) -> Render:
        while True:
            report(Progress("draw", 1, 2))
            time.sleep(0.1)

    def _leak(self, take: Take, video: Path, report: Report) -> Render:
        report(Progress("draw", 0, 2))
        try:
            while True:
                self._kept.append(bytearray(b"x") * (16 * MEGABYTE))
        except MemoryError:
            self._kept[-4:] = []  # enough to say so, and the rest is never given back
            raise

    def _shared(self, _take: Take, _video: Path, report: Report) -> Render:
        taken = []
        while True:
            report(Progress("draw", 1, 2))
            taken.append(mmap.mmap(-1, 16 * MEGABYTE))
            taken[-1].write(b"x" * (16 * MEGABYTE))
            time.sleep(0.05)

    def _stray(self, take: Take, video: Path, _report: Report) -> Render:
        with subprocess.Popen([sys.executable, "-S", "-E", "-c", STRAY.format(film=str(video))]):
            while not video.exists():
                time.sleep(0.02)
            return self._end(signal.SIGSEGV)

    def _nest(self, _take: Take, video: Path, report: Report) -> Render:
        with subprocess.Popen([sys.executable, "-S", "-E", "-c", STRAY.format(film=str(video))]):
            return self._forever(_take, video, report)
