"""Confinement: what the render process may still do while it decodes what strangers have dropped.

Two walls. The outer one stands around the whole process from its first moment: no network, no file but those of the
system, of Python, of the weights and of the jobs in working/. The inner one stands around the thread of each take:
of the jobs only this take's own files are left to read, and one hidden folder to write to. Where a kernel lacks
something, the rest still holds, and ``lipsyncd doctor`` says so.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from daemon import landlock, seccomp
from daemon.cage import Cage
from daemon.landlock import DEVICE, LINKS, READ, SCRATCH, WRITE, Rule
from lipsync import keep_outside

Outcome = TypeVar("Outcome")

_FILES = 4096
"""Most open files; torch and a GPU driver take a few hundred."""
_SYSTEM = (
    *("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/proc", "/sys", "/nix/store", "/gnu/store"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/fonts", "/etc/localtime"),
    *("/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/nvidia", "/etc/OpenCL", "/etc/vulkan"),
)
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - drivers of GPUs keep what they share there
_OURS = ("daemon", "lipsync", "publishers")


class Confinement:
    """The walls of one render process."""

    def __init__(self, cage: Cage) -> None:
        self._cage = cage
        self._inner = False
        self._scratch: Path | None = None

    def begin(self) -> str:
        """Put up the outer wall, before anything that a stranger has made is looked at; say what stands."""
        _lower(resource.RLIMIT_CORE, 0)
        _lower(resource.RLIMIT_NOFILE, _FILES)
        if self._cage.output_bytes:
            _lower(resource.RLIMIT_FSIZE, self._cage.output_bytes)
        with contextlib.suppress(OSError):  # when memory runs out it is we who go, not the daemon
            Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
        if self._cage.scratch:
            self._scratch = _own(Path(self._cage.scratch))
        if not self._cage.shut:
            return "not confined: render.confined is false"
        if self._cage.outside and self._scratch:
            keep_outside(self._cage.outside, self._scratch)
        program = ["the program outside"] if self._cage.outside else []
        return f"confined: {', '.join([self._files(), self._network(), *program])}"

    def _files(self) -> str:
        if not (landlock.version() and self._cage.working):
            return "files open (this kernel has no Landlock)"
        rules = [*self._system(), Rule(Path(self._cage.working), WRITE)]
        try:
            landlock.restrict(rules, alone=True)
        except OSError as error:
            return f"files open ({error.strerror})"
        self._inner = True
        return f"files (Landlock {landlock.version()})"

    def _network(self) -> str:
        if not seccomp.known():
            return "network open (no seccomp here)"
        try:
            seccomp.shut(neighbours=self._cage.gpu)
        except OSError as error:
            return f"network open ({error.strerror})"
        return "network (seccomp)"

    def stands(self) -> bool:
        """Say whether the outer wall is still around the right folder: a share that was mounted anew is another one."""
        try:
            os.scandir(self._cage.working if self._inner else "/").close()
        except PermissionError:
            return False
        except OSError:
            return True  # what is wrong there is for the take to say
        return True

    def settle(self) -> None:
        """Limit the memory, now that the engine is warm and what it holds can be seen."""
        if self._cage.memory_bytes:
            _lower(resource.RLIMIT_DATA, _held() + self._cage.memory_bytes)

    def within(self, reads: Iterable[Path], folder: Path, work: Callable[[], Outcome]) -> Outcome:
        """Do one take's work behind the inner wall, and give what comes of it.

        Args:
            reads: The dropped files that it may read.
            folder: The one that it may write to.
            work: What is done, in a thread of its own.
        """
        if not self._inner:
            return work()
        rules = [*self._system(), Rule(folder, WRITE), *(Rule(path, READ) for path in reads)]

        def walled() -> Outcome:
            landlock.restrict(rules, alone=False)
            return work()

        with ThreadPoolExecutor(1, "take") as thread:
            return thread.submit(walled).result()

    def _system(self) -> list[Rule]:
        cage = self._cage
        rules = [Rule(path, READ) for path in _readable(cage)]
        rules.append(Rule(Path("/dev"), DEVICE))
        if cage.gpu or cage.scratch:
            rules.append(Rule(_SHARED_MEMORY, WRITE))
        if self._scratch:
            # a program outside would follow a link that is laid here, wherever it leads
            rules.append(Rule(self._scratch, SCRATCH if cage.outside else SCRATCH | LINKS))
        return rules


def sees(cage: Cage, path: Path) -> bool:
    """Say whether a file can be read behind the walls of a cage outside any take."""
    return any(path.is_relative_to(place) for place in (Path("/dev"), *_readable(cage)))


def _readable(cage: Cage) -> list[Path]:
    """Give what may be read; a folder that holds what must stay closed is left out, with all that is in it."""
    closed = [Path(place) for place in (cage.working, *cage.closed) if place]
    found = {*_installed(), *map(Path, cage.readable)}
    return [path for path in found if not any(place.is_relative_to(path) for place in closed)]


def _own(scratch: Path) -> Path:
    """Make the folder for our temporary files, and remove those of processes that are gone."""
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in scratch.iterdir():
        if not Path(f"/proc/{old.name}").exists():
            shutil.rmtree(old, ignore_errors=True)
    own = scratch / str(os.getpid())
    own.mkdir(mode=0o700, exist_ok=True)
    os.environ["TMPDIR"] = tempfile.tempdir = str(own)
    return own


def _installed() -> Iterator[Path]:
    """Yield where the system's, Python's and our own files are."""
    yield from map(Path, _SYSTEM)
    packages = (sys.modules[name].__file__ for name in _OURS if name in sys.modules)
    yield from (Path(file).resolve().parent for file in packages if file)
    places = {sys.prefix, sys.base_prefix, *sysconfig.get_paths().values(), *sys.path}
    places |= set(os.environ.get("LD_LIBRARY_PATH", "").split(":"))
    # started with -m, Python also looks for modules wherever it was started: that may be anywhere
    yield from (Path(place).resolve() for place in places - {"", str(Path.cwd())})


def _held() -> int:
    """Give the bytes that count against the limit of memory now."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmData"))


def _lower(which: int, most: int) -> None:
    """Set a limit, unless a lower one holds already."""
    soft, hard = resource.getrlimit(which)
    least = min([most, *(limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY)])
    resource.setrlimit(which, (least, least if which != resource.RLIMIT_DATA else hard))
