"""The render process: holds the warm engine, one request at a time, and dies with the daemon.

Its standard output belongs to the protocol (see ``daemon.message``); whatever an engine prints goes to standard error.
An exception that is not a LipsyncError ends this process: that is the daemon's sign that it crashed.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, TextIO

from daemon import guard
from daemon.cage import Cage
from daemon.confinement import Confinement
from daemon.message import MOVED, Answer, Failure, Gpu, Request, made
from lipsync import LipsyncError, Options, Progress, Take, gpu_memory, load

if TYPE_CHECKING:
    from daemon.job import Made
    from lipsync import Studio

_PR_SET_PDEATHSIG = 1
_PROGRESS_EVERY = 0.2


class Channel:
    """The way back to the daemon; reports progress a few times a second at most."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._reported = 0.0
        self._stage = ""

    def send(self, answer: Answer) -> None:
        """Send one line."""
        self._stream.write(answer.line())
        self._stream.flush()

    def report(self, progress: Progress) -> None:
        """Send how far a take is, if the last word on it is old enough."""
        now = time.monotonic()
        if progress.stage != self._stage or now - self._reported >= _PROGRESS_EVERY:
            self._stage, self._reported = progress.stage, now
            self.send(Answer(progress=progress))


class Renderer:
    """Keeps the studio of the last options warm and renders with it, each take behind walls of its own."""

    def __init__(self, confinement: Confinement) -> None:
        self._confinement = confinement
        self._options: Options | None = None
        self._studio: Studio | None = None

    def answer(self, request: Request, channel: Channel) -> Answer:
        """Render one take and give the last word on it."""
        try:
            studio = self._warm(request.options)
            take = Take(request.face, request.speech, request.pick, request.who)

            def work() -> Made:
                render = studio.render(take, request.video, request.poster, channel.report)
                return made(render, studio.seconds(request.speech))

            reads = [path for path in (request.face, request.speech, request.who) if path]
            facts = self._confinement.within(reads, request.video.parent, work)
            return Answer(done=facts, speeches_heard=studio.speeches_heard, gpu=Gpu.of(gpu_memory()))
        except LipsyncError as error:
            return Answer(failed=Failure.of(error), speeches_heard=self._heard)

    @property
    def _heard(self) -> int:
        return self._studio.speeches_heard if self._studio else 0

    def _warm(self, options: Options) -> Studio:
        if self._studio is None or options != self._options:
            self._studio = None  # the old engine's memory goes before the new one's comes
            self._studio = load(options)
            self._options = options
            self._confinement.settle()
        return self._studio


def die_with(parent: int) -> None:
    """Ask the kernel to kill this process when its parent ends, however that ends; leave signals to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(0)


def reserve_stdout() -> TextIO:
    """Give the standard output to the protocol alone; prints, even those of C libraries, go to standard error."""
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="ascii", newline="\n")
    sys.stdout.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return channel


def main() -> int:
    """Answer requests until standard input ends. The last argument is the daemon's process id, the first the cage."""
    die_with(int(sys.argv[-1]))
    guard.stand(sys.stdin.fileno())
    channel = Channel(reserve_stdout())
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(name)s: %(message)s")
    confinement = Confinement(Cage.of(sys.argv[1]) if len(sys.argv) > 2 else Cage())
    logging.getLogger("renderer").info(confinement.begin())
    renderer = Renderer(confinement)
    for line in sys.stdin:
        if not confinement.stands():
            return MOVED
        channel.send(renderer.answer(Request.of(line), channel))
    return 0


if __name__ == "__main__":
    sys.exit(main())
