"""Leash: our end of the keeper's: starts it, has it run the program, and lets nothing of it live longer than we do."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lipsync.errors import EngineError
from lipsync.keeper import GRACE

log = logging.getLogger("program")
_TURN = 0.25
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Ended:
    """How a program ended.

    Attributes:
        code: Its exit code; the number of a signal as a negative one.
        last: Its last lines.
        refused: Why it could not be started, or "".
    """

    code: int
    last: tuple[str, ...] = ()
    refused: str = ""


class Leash:
    """Holds one keeper."""

    def __init__(self, argv: Sequence[str], root: Path) -> None:
        """Start the keeper.

        Args:
            argv: The template of the program, without fault.
            root: Where the folders lie in which it is to be run.
        """
        self.root = root
        self._rest = b""
        self._keeper = subprocess.Popen(
            (sys.executable, "-m", "lipsync.keeper"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # it outlives us for as long as it takes to end the program
        )
        self._tell({"argv": list(argv), "root": str(root)})

    def run(self, folder: Path, face: str, turn: Callable[[float], None]) -> Ended:
        """Run the program in a folder of ``root``.

        Args:
            folder: Where its files lie, and shall lie.
            face: Name of the face's file there.
            turn: Called several times a second with the seconds it has taken; what it raises ends the program.

        Raises:
            EngineError: The keeper has died.
        """
        begun = time.monotonic()
        self._tell({"folder": str(folder), "face": face})
        try:
            while True:
                for answer in self._answers(_TURN):
                    if ended := _ended(answer):
                        return ended
                turn(time.monotonic() - begun)
        except BaseException:
            self._stop()
            raise

    def close(self) -> None:
        """Let go; a program that still runs is ended."""
        for pipe in (self._keeper.stdin, self._keeper.stdout):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        try:
            self._keeper.wait(2 * GRACE + 5)
        except subprocess.TimeoutExpired:
            self._keeper.kill()
            self._keeper.wait()

    def _stop(self) -> None:
        """Have the program ended, and wait until it is."""
        end = time.monotonic() + 2 * GRACE + 5
        with contextlib.suppress(EngineError):
            self._tell({"stop": True})
            while time.monotonic() < end:
                if any(_ended(answer) for answer in self._answers(_TURN)):
                    return
        self._keeper.kill()

    def _tell(self, what: dict[str, object]) -> None:
        try:
            if self._keeper.stdin:
                self._keeper.stdin.write((json.dumps(what) + "\n").encode("ascii"))
                self._keeper.stdin.flush()
        except BrokenPipeError as error:
            raise _lost() from error

    def _answers(self, seconds: float) -> Iterator[dict[str, Any]]:
        """Yield what the keeper says within a time."""
        pipe = self._keeper.stdout
        with selectors.DefaultSelector() as selector:
            if pipe is None or not selector.register(pipe, selectors.EVENT_READ) or not selector.select(seconds):
                return
            data = os.read(pipe.fileno(), _CHUNK)
        if not data:
            raise _lost()
        *lines, self._rest = (self._rest + data).split(b"\n")
        yield from map(json.loads, lines)


def _ended(answer: dict[str, Any]) -> Ended | None:
    """Say how the program has ended, if it has; what it says goes to the log."""
    if "said" in answer:
        log.info("%s", answer["said"])
    if "refused" in answer:
        return Ended(0, (), str(answer["refused"]))
    return Ended(int(answer["ended"]), tuple(answer["last"])) if "ended" in answer else None


def _lost() -> EngineError:
    return EngineError("the process that watches over the program has ended", "Try it again; look into the log.")


_outside: list[Leash] = []


def keep_outside(argv: Sequence[str], root: Path) -> None:
    """Start the keeper of this process now, before walls go up around it: what it runs then stands outside them."""
    _outside[:] = [Leash(argv, root)]


@contextlib.contextmanager
def leash(argv: Sequence[str], root: Path) -> Iterator[Leash]:
    """Give the keeper that stands outside, or one of our own for as long as it is needed."""
    if _outside:
        yield _outside[0]
        return
    held = Leash(argv, root)
    try:
        yield held
    finally:
        held.close()


def scratch_root() -> Path | None:
    """Give where the folders must lie for the keeper that stands outside; None where there is none."""
    return _outside[0].root if _outside else None
