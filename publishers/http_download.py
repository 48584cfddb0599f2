"""Download: a large file from the first address that gives it whole, resumed where it broke off, and checked.

Beside the file to be grows ``FILE.part`` with a note of which version it is (``FILE.part.json``); both stay when it
breaks off, and under the file's own name nothing ever appears but what was checked.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from publishers.errors import Mismatch, PublishError, Refused, Unreachable, Unstorable
from publishers.fetch import Fetched, Step, Wanted, host
from publishers.http_source import Flow, Mark, opened

TRIES = 4
"""Tries in a row at one address that bring next to nothing."""
SOME = 1 << 16
"""Bytes that make a try count as one that brought something."""
MOST = 64 << 30
"""Bytes of a file whose size nobody knows."""


def download(
    wanted: Wanted, folder: Path, step: Step, note: Callable[[str], None], spare: int, pause: Callable[[float], None]
) -> Fetched:
    """Do what :func:`publishers.fetch.download` says."""
    with _storing(folder), _part(folder, wanted.file) as part:
        faults: list[tuple[str, PublishError]] = []
        for url in wanted.urls:
            attempt = _Attempt(wanted, url, part, step, note, spare, pause)
            try:
                sha256 = attempt.run()
            except (Unreachable, Refused, Mismatch) as error:
                faults.append((host(url), error))
                if len(wanted.urls) > len(faults):
                    note(f"{error.message}; trying {host(wanted.urls[len(faults)])}")
                continue
            return part.finish(sha256, url)
    raise _verdict(wanted.file, faults)


def _verdict(file: str, faults: list[tuple[str, PublishError]]) -> PublishError:
    if not faults:
        return Refused(f"there is no address for {file}", "`lipsyncd models import FILE` takes it from a file.")
    kinds = [error for _, error in faults if error.passing] or [faults[-1][1]]
    said = "; ".join(dict.fromkeys(error.message for _, error in faults))
    hint = "Try again later: it goes on with what is here." if kinds[0].passing else kinds[0].hint
    return type(kinds[0])(f"{file} could not be fetched: {said}", hint)


class _Part:
    """The part of a file that is here, and the right to write it."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self.target = path.with_name(path.name.removesuffix(".part"))
        self._note = path.with_name(f"{path.name}.json")
        self._handle = handle
        self.ours = False
        """Whether this command wrote what is here: nobody knows what a power cut left of an older one."""

    @property
    def size(self) -> int:
        return os.fstat(self._handle).st_size

    @property
    def mark(self) -> Mark | None:
        """Which version it is a part of."""
        try:
            said = json.loads(self._note.read_text(encoding="utf-8"))
            return Mark(str(said["url"]), str(said["tag"]), str(said["modified"]), int(said["total"]))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def begin(self, mark: Mark, start: int) -> None:
        """Keep so many bytes, and note whose they are: the note first, or old bytes could pass for new ones."""
        self.ours = True
        if start == 0:
            os.ftruncate(self._handle, 0)
        fresh = self._note.with_name(f".{self._note.name}.fresh")
        fresh.write_text(json.dumps(asdict(mark)), encoding="utf-8")
        fresh.replace(self._note)
        os.lseek(self._handle, start, os.SEEK_SET)

    def add(self, piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(self._handle, rest) :]

    def clear(self) -> None:
        """Forget all that is here."""
        os.ftruncate(self._handle, 0)
        self._note.unlink(missing_ok=True)

    def sha256(self) -> str:
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def finish(self, sha256: str, url: str) -> Fetched:
        """Give the whole its name."""
        os.fsync(self._handle)
        size = self.size
        self.path.replace(self.target)
        self._note.unlink(missing_ok=True)
        folder = os.open(self.target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with contextlib.suppress(OSError):  # some shares cannot flush a folder
                os.fsync(folder)
        finally:
            os.close(folder)
        return Fetched(self.target, size, sha256, url)


@dataclass(frozen=True)
class _Attempt:
    """All of a file from one address."""

    wanted: Wanted
    url: str
    part: _Part
    step: Step
    note: Callable[[str], None]
    spare: int
    pause: Callable[[float], None]

    def run(self) -> str:
        """Give the sha256 of the whole; as many tries as it takes while each brings something.

        Raises:
            PublishError: This address does not give it.
        """
        idle, again = 0, 0
        while True:
            before = self.part.size
            try:
                self._once()
                return self._checked()
            except Mismatch as error:
                self.part.clear()
                again += 1
                if not before or again > 2:
                    raise
                self.note(f"{error.message}; starting anew")
            except Unreachable as error:
                idle = 0 if self.part.size - before >= SOME else idle + 1
                if idle >= TRIES:
                    raise
                wait = min(error.wait or 2.0**idle, 60.0)
                self.note(f"{error.message}; going on in {wait:.0f} s with what is here")
                self.pause(wait)

    def _once(self) -> None:
        """Take what is still missing, as far as it comes."""
        wanted, part = self.wanted, self.part
        if wanted.bytes and part.size == wanted.bytes:
            return
        mark, start = part.mark, part.size
        known = part.ours and mark is not None and mark.url == self.url and bool(mark.condition)
        if (wanted.bytes and start > wanted.bytes) or not (wanted.sha256 or known):
            start = 0
        with opened(self.url, start, mark) as flow:
            total = self._total(flow)
            part.begin(flow.mark, flow.start)
            self._room(total - flow.start)
            here = flow.start
            for piece in flow.pieces:
                here += len(piece)
                if here > (total or MOST):
                    raise Mismatch(f"{host(self.url)} sends more than the {total or MOST} bytes that were promised")
                part.add(piece)
                self.step(here, total)
        if here < total:
            raise Unreachable(f"{host(self.url)} broke off after {here} of {total} bytes")

    def _total(self, flow: Flow) -> int:
        said, wanted = flow.mark.total, self.wanted.bytes
        if said and wanted and said != wanted:
            raise Mismatch(
                f"{host(self.url)} has {said} bytes under this name, not {wanted}", "Is it the right mirror?"
            )
        return wanted or said

    def _room(self, missing: int) -> None:
        found = os.statvfs(self.part.path.parent)
        free = found.f_bavail * found.f_frsize
        if missing > 0 and free < missing + self.spare:
            short = (missing + self.spare - free) / 1e6
            kept = f", and {self.spare / 1e6:.0f} MB stay free (limits.free_bytes)" if self.spare else ""
            raise Unstorable(
                f"the disk lacks {short:.0f} MB for {self.wanted.file}{kept}", "Make room, then try again."
            )

    def _checked(self) -> str:
        found = self.part.sha256()
        if not found.startswith(self.wanted.sha256):
            said = f"what {host(self.url)} gave is not {self.wanted.file}: its sha256 begins with {found[:12]}"
            raise Mismatch(f"{said}, not {self.wanted.sha256[:12]}; it was thrown away", "Try another mirror.")
        return found


@contextmanager
def _part(folder: Path, file: str) -> Iterator[_Part]:
    """Open the part of a file for this process alone; an empty one is not left behind."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{file}.part"
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            if not _alone(handle):
                raise Unstorable(f"{file} is being fetched by another command", "Wait until it is done.")
            if not _same(path, handle):
                continue  # the other one finished just now, and the name stands for nothing or for a newer part
            try:
                yield _Part(path, handle)
                return
            finally:
                if _same(path, handle) and os.fstat(handle).st_size == 0:
                    path.unlink()
                    path.with_name(f"{path.name}.json").unlink(missing_ok=True)
        finally:
            os.close(handle)


def _alone(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _same(path: Path, handle: int) -> bool:
    """Whether a name still stands for an open file."""
    try:
        return os.path.samestat(path.stat(follow_symlinks=False), os.fstat(handle))
    except OSError:
        return False


@contextmanager
def _storing(folder: Path) -> Iterator[None]:
    """Turn what the disk says into words; what came is kept."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Unstorable(
                f"the disk of {folder} is full", "Make room, then try again: it goes on from there."
            ) from None
        raise Unstorable(f"{folder}: {error.strerror}", "Look at the folder and its rights.") from None
