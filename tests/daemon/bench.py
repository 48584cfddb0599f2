"""A bench to test the daemon on: a root, a fake renderer, and daemons in processes that may be killed."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from daemon import app, durable
from daemon.hallmark import Hallmark
from daemon.job import Job
from daemon.journal import Journal, read
from daemon.settings import Settings
from daemon.worker import Looks
from lipsync import Progress

Result = TypeVar("Result")
FAKE = Path(__file__).with_name("fake_renderer.py")
SETTLE = 0.15


def looked(looks: Looks[Result], look: Callable[[Progress | None], None] = lambda _: None) -> Result:
    """Go on with something that lasts until it is over, and give what comes of it."""
    while True:
        try:
            look(next(looks))
        except StopIteration as end:
            return cast("Result", end.value)
        time.sleep(0.01)


@dataclass(frozen=True)
class Bench:
    """One root and its daemons."""

    place: Path

    def __post_init__(self) -> None:
        self.journal.prepare()

    @property
    def root(self) -> Path:
        return self.place / "root"

    @property
    def journal(self) -> Journal:
        return Journal(self.root)

    @property
    def diary(self) -> list[dict[str, Any]]:
        """What the renderers did, in order."""
        path = self.place / "diary"
        return _lines(path)

    @property
    def log(self) -> list[dict[str, Any]]:
        """The lines of all daemons' logs, in the order of their ends."""
        path = self.place / "log"
        return _lines(path)

    def begun(self, face: str) -> int:
        return sum(1 for entry in self.diary if entry["what"] == "begun" and entry["face"] == face)

    def drop(self, name: str, files: Mapping[str, str | bytes], place: str = "inbox") -> Path:
        """Put a folder together elsewhere and move it in."""
        upload = self.place / "upload"
        upload.mkdir()
        for file, content in files.items():
            (upload / file).write_bytes(content if isinstance(content, bytes) else content.encode())
        target = self.root / place / name
        upload.rename(target)
        return target

    def drop_by_copy(self, name: str, files: Mapping[str, str]) -> Path:
        """Put a folder together right in the inbox, as over a network."""
        target = self.root / "inbox" / name
        target.mkdir()
        for file, content in files.items():
            (target / file).write_text(content, encoding="utf-8")
        return target

    def settings(self, **sections: Mapping[str, object]) -> Settings:
        base: dict[str, dict[str, object]] = {
            "paths": {"root": self.root, "state": self.place / "state"},
            "inbox": {"settle": SETTLE, "interval": 0.2},
            "limits": {"free_bytes": 0, "take_timeout_s": 60},
            "credentials": {"sign": False},
        }
        for name, section in sections.items():
            base[name] = {**base.get(name, {}), **section}
        return Settings(**base)

    def start(self, once: bool = True, kill: Callable[[], None] | None = None, **sections: Mapping[str, object]) -> int:
        """Start a daemon in a process of its own and give its process id; ``kill`` is called at every save."""
        settings = self.settings(**sections)
        pid = os.fork()
        if pid:
            return pid
        code = 70
        try:
            with (self.place / "log").open("a", encoding="utf-8") as log:
                sys.stderr = log
                if kill is not None:
                    _hook(kill)
                code = app.run(
                    settings, once, command=(sys.executable, "-S", "-E", str(FAKE), str(self.place / "diary"))
                )
        except BaseException:  # noqa: BLE001 - whatever it is, the test shall see it
            (self.place / "crash").write_text(traceback.format_exc(), encoding="utf-8")
        finally:
            os._exit(code)

    def once(self, kill: Callable[[], None] | None = None, **sections: Mapping[str, object]) -> int:
        """Run a daemon until the inbox is worked off; its exit code, or minus the signal that killed it."""
        return self.end(self.start(True, kill, **sections))

    def end(self, pid: int, seconds: float = 120) -> int:
        """Wait for the end of a daemon."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                crash = self.place / "crash"
                assert not crash.exists(), crash.read_text(encoding="utf-8")
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.01)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise AssertionError(f"the daemon did not end within {seconds} s")

    @contextmanager
    def watching(self, **sections: Mapping[str, object]) -> Iterator[int]:
        """A daemon that watches, asked to end at the end."""
        pid = self.start(once=False, **sections)
        try:
            yield pid
        finally:
            os.kill(pid, signal.SIGTERM)
            code = self.end(pid)
            assert code in (0, -signal.SIGKILL), f"the daemon ended with {code}"

    def wait(self, until: Callable[[], object], seconds: float = 120) -> None:
        """Wait until something is so; a file that is not there yet, or was just moved away, is not so yet."""
        limit, missing = time.monotonic() + seconds, ""
        while True:
            try:
                if until():
                    return
            except FileNotFoundError as error:
                missing = str(error)
            if time.monotonic() > limit:
                log = self.place / "log"
                said = log.read_text(encoding="utf-8") if log.exists() else ""
                raise AssertionError(f"waited {seconds} s in vain; {missing} {self.places()}\n{said}")
            time.sleep(0.01)

    def release(self, *faces: str) -> None:
        """Let takes go on whose face says "held"."""
        for face in faces:
            (self.place / f"go {face}").touch()

    def places(self) -> list[str]:
        """Where jobs and drops are."""
        found = [path for place in ("inbox", "working", "done", "failed") for path in (self.root / place).iterdir()]
        return sorted(f"{path.parent.name}/{path.name}" for path in found)

    def job(self, folder: str) -> Job:
        """The job in a folder, such as "done/talk"."""
        home = self.root / folder
        return read(home / ".lipsyncd/job.json" if folder.startswith("failed/") else home / "job.json")

    def vouch(self, folder: str) -> None:
        """Have the daemon take for its own what lies hidden in a failed folder now."""
        hidden = self.root / folder / ".lipsyncd"
        files = {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in hidden.iterdir()
            if path.suffix in (".mp4", ".jpg")
        }
        text = Hallmark(self.place / "state").strike(self.job(folder), files)
        (hidden / "job.json").write_text(text, encoding="utf-8")

    def text(self, path: str) -> str:
        return (self.root / path).read_text(encoding="utf-8")


def _lines(path: Path) -> list[dict[str, Any]]:
    """Give what was written so far; a line that is just being written is not yet."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def _hook(kill: Callable[[], None]) -> None:
    """Call ``kill`` before and after everything that is made to last."""
    os.fsync = lambda _handle: None  # a power cut is not what is tested, and disks are slow
    for name in ("replace", "rename"):
        setattr(durable, name, _hooked(getattr(durable, name), kill))


def _hooked(act: Callable[..., None], kill: Callable[[], None]) -> Callable[..., None]:
    def hooked(*args: object) -> None:
        kill()
        act(*args)
        kill()

    return hooked
