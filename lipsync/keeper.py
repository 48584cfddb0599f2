"""Keeper: a small process that runs an external program, listens to it, and sees that nothing of it lives on.

It is told over its standard input what to run, one JSON object a line, and answers on its standard output::

    first                   {"argv": [template], "root": …}
    each time               {"folder": …, "face": …}   and, to end the program early: {"stop": true}
    back, many times        {"said": "a line"}
    back, once              {"ended": 0, "last": ["…"]}    or    {"refused": "why it cannot be started"}

Whoever holds the other end may die in any way: when the pipe ends, the program and all that it has started are ended
too, and its folder is removed. Only the program of the first line is ever run, only in folders of ``root``: one who
has taken over the process at the other end can have nothing else run.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from lipsync.murmur import Murmur
from lipsync.template import filled

AUDIO, OUTPUT = "audio.wav", "output.mp4"
FACES = ("face.mp4", "face.png")
GRACE = 3.0
"""Seconds between the request to end and the end: a `docker run` needs some to take its container with it."""
_TURN = 0.1
_CHUNK = 1 << 16
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_LIBC = ctypes.CDLL(None, use_errno=True)
_OURS = ("LIPSYNCD_", "PYTHON", "NOTIFY_", "WATCHDOG_", "LISTEN_", "CREDENTIALS_", "STATE_DIR", "VIRTUAL_ENV")
"""Beginnings of variables that are meant for us and would confuse or serve others."""


class Keeper:
    """Runs one program after another: always the same, each time in another folder."""

    def __init__(self, argv: tuple[str, ...], root: Path) -> None:
        self._argv = argv
        self._root = root
        self._rest = b""
        self._alone = False
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # what the program's children leave behind becomes ours

    def serve(self) -> None:
        """Answer requests until nobody is there any more."""
        while not self._alone:
            for request in self._requests():
                if "folder" in request:
                    self._answer(str(request["folder"]), str(request["face"]))

    def _answer(self, name: str, face: str) -> None:
        folder = self._root / Path(name).name
        upwards = folder.name == ".." or folder == self._root
        if upwards or folder.is_symlink() or not folder.is_dir() or face not in FACES:
            self._say({"refused": "there is no such folder"})
            return
        files = {"face": face, "audio": AUDIO, "output": OUTPUT, "folder": ""}
        words = filled(self._argv, {place: str(folder / file) for place, file in files.items()})
        try:
            process = subprocess.Popen(  # noqa: S603 - what the settings name, and no shell
                words,
                cwd=folder,
                env=_environment(folder),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                preexec_fn=self._prepare,
            )
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            self._say({"refused": getattr(error, "strerror", None) or str(error)})
            return
        self._attend(process)
        if self._alone:
            shutil.rmtree(folder, ignore_errors=True)

    def _prepare(self) -> None:
        """Set the limits of the program; runs in its process, before it begins."""
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))  # ours is our engine's; the daemon weighs the program
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def _attend(self, process: subprocess.Popen[bytes]) -> None:
        """Listen to the program until it ends, or until it has to."""
        murmur, deadline = Murmur(), 0.0
        with selectors.DefaultSelector() as selector:
            selector.register(0, selectors.EVENT_READ, "in")
            for name, pipe in (("out", process.stdout), ("err", process.stderr)):
                _listen(selector, name, pipe)
            while process.poll() is None and not (deadline and time.monotonic() > deadline):
                wanted = self._pump(selector, murmur, _TURN)
                if (wanted or self._alone) and not deadline:
                    deadline = time.monotonic() + GRACE
                    _tell(_descendants(), signal.SIGTERM)
            _sweep(process)
            self._drain(selector, murmur)
        for line in murmur.end():
            self._say({"said": line})
        self._say({"ended": process.returncode, "last": list(murmur.last["err"] or murmur.last["out"])})
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()

    def _pump(self, selector: selectors.BaseSelector, murmur: Murmur, seconds: float) -> bool:
        """Pass on what is said within a time; give whether the program is to be ended."""
        wanted = False
        for key, _ in selector.select(seconds):
            if key.data == "in":
                wanted = any("stop" in request for request in self._requests()) or wanted
                if self._alone:
                    selector.unregister(key.fileobj)
                continue
            data = os.read(key.fd, _CHUNK)
            for line in murmur.hear(str(key.data), data):
                self._say({"said": line})
            if not data:
                selector.unregister(key.fileobj)
        return wanted

    def _drain(self, selector: selectors.BaseSelector, murmur: Murmur) -> None:
        """Pass on what still lies in the pipes; somebody whom we may not end could write on, so not for ever."""
        end = time.monotonic() + 1
        with contextlib.suppress(KeyError):
            selector.unregister(0)
        while selector.get_map() and time.monotonic() < end and selector.select(0):
            self._pump(selector, murmur, 0)

    def _requests(self) -> list[dict[str, Any]]:
        """Wait for what is asked of us, and give all of it."""
        data = os.read(0, _CHUNK)
        if not data:
            self._alone = True
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def _say(self, what: dict[str, object]) -> None:
        line = (json.dumps(what) + "\n").encode("ascii")
        try:
            while line and not self._alone:
                line = line[os.write(1, line) :]
        except BrokenPipeError:
            self._alone = True


def _listen(selector: selectors.BaseSelector, name: str, pipe: IO[bytes] | None) -> None:
    if pipe is not None:
        os.set_blocking(pipe.fileno(), False)
        selector.register(pipe, selectors.EVENT_READ, name)


def _environment(folder: Path) -> dict[str, str]:
    """Give the variables of our own environment that are none of ours, and a place for temporary files."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return kept | {name: str(folder) for name in ("TMPDIR", "TEMP", "TMP")}


def _descendants(pid: int = 0) -> list[int]:
    """Give the processes that a process, by default this one, has started, and what they have started."""
    found: list[int] = []
    with contextlib.suppress(OSError):  # it ended meanwhile
        for thread in Path(f"/proc/{pid or 'self'}/task").iterdir():
            found += map(int, (thread / "children").read_text(encoding="ascii").split())
    return found + [one for child in found for one in _descendants(child)]


def _tell(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, number)


def _sweep(process: subprocess.Popen[bytes]) -> None:
    """Kill the program and whatever it has started that is still there; some of it may start more meanwhile."""
    end = time.monotonic() + 5
    while (left := _descendants()) and time.monotonic() < end:
        _tell(left, signal.SIGKILL)
        process.poll()
        for pid in {*left} - {process.pid}:  # which of them we have inherited the kernel knows best
            with contextlib.suppress(OSError):
                os.waitpid(pid, os.WNOHANG)
        time.sleep(0.005)


def main() -> None:
    """Serve whoever holds the other ends of standard input and output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with open(0, "rb", buffering=0, closefd=False) as told:
        first = json.loads(told.readline())
    Keeper(tuple(first["argv"]), Path(first["root"])).serve()


if __name__ == "__main__":
    main()
