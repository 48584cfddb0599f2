"""Owner: which daemon has a job in hand. Two on one share, on one machine or on two, never work on the same job.

A lock on ``.lipsyncd/lock`` says it on one machine, for the kernel frees it when a process dies. Between machines a
lock may not be seen, so the owner also counts up in ``owner.json``; a count that stands still for a lease, on the clock
of the one who looks, belongs to nobody.

Where there is no ``owner.json``, somebody is just taking a folder or letting go of it, or was killed while he did.
Before anything else he leaves a mark whose very name says on which machine he is, and takes it away after all else.
So a folder in which only this machine has left marks is judged by the lock alone, at once, and an empty one is
nobody's: it can be removed, for that is refused once the mark of another is in it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from daemon.journal import OURS
from daemon.plain import put_plain, read_plain, write_plain

LOCK = "lock"
CARD = "owner.json"
_MARK = f".{CARD}."
_LONGEST_CARD = 10_000
_BEAT = 5.0
_LEASE = 120.0
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


@dataclass(frozen=True)
class Owner:
    """A daemon: on which machine, since which boot, which process, and a token of its own; ``beat`` counts."""

    host: str
    boot: str
    pid: int
    token: str
    beat: int = 0

    def mark(self) -> str:
        """Give the name of a mark of its own, another each time: it stands there before there is a card, and after."""
        return f"{_MARK}{_digest(self.host)}.{_digest(self.boot)}.{self.pid}.{self.token}.{secrets.token_hex(4)}"


def here() -> Owner:
    """Give the owner that this process is."""
    host = f"{os.uname().nodename} {_first_line('/etc/machine-id', '')}"
    return Owner(host, _first_line("/proc/sys/kernel/random/boot_id", ""), os.getpid(), secrets.token_hex(8))


class Hold:
    """Our hold on one job; it ends with :meth:`release` or with the process."""

    def __init__(self, home: Path, owner: Owner, handle: int) -> None:
        self._owner = owner
        self._handle = handle
        self._beaten = -_BEAT
        self.home = home

    @property
    def stands(self) -> bool:
        """Whether the job still is in the folder in which we took it in hand, by the numbers that its lock has.

        Raises:
            OSError: Nobody can say.
        """
        try:
            return _same(self.home / OURS / LOCK, self._handle)
        except (FileNotFoundError, NotADirectoryError):
            return False

    def beat(self, now: float) -> None:
        """Count up, every few seconds at most, so that other machines see that we live.

        Raises:
            OSError: The count cannot be written.
        """
        if now - self._beaten < _BEAT:
            return
        self._beaten = now
        self._owner = replace(self._owner, beat=self._owner.beat + 1)
        write_card(self.home, self._owner)

    def release(self) -> None:
        """Let go of the job, wherever its folder is by now."""
        with contextlib.suppress(OSError):  # the share may be gone, and the lock with it
            os.close(self._handle)


class Owners:
    """Takes jobs in hand for one daemon, and knows which are in the hands of others."""

    def __init__(self, me: Owner, *, lease: float = _LEASE, clock: Callable[[], float] = time.monotonic) -> None:
        self._me = me
        self._lease = lease
        self._clock = clock
        self._watched: dict[Path, tuple[Owner | tuple[str, ...], float]] = {}

    def take(self, home: Path) -> Hold | None:
        """Take a job in hand if nobody has it, else give None.

        Raises:
            OSError: Something else is wrong with the folder.
        """
        try:
            (home / OURS).mkdir(exist_ok=True)
            with self._announced(home) as mark:
                if mark is not None and self._contested(home):
                    return None
                return self._locked(home, mark)
        except FileNotFoundError:
            return None
        except FileExistsError:
            if os.path.lexists(home / OURS) and not (home / OURS).is_dir():
                raise
            return None  # somebody took it away that very moment

    @contextmanager
    def _announced(self, home: Path) -> Iterator[Path | None]:
        """Have a mark of ours there; none where a card says who was there last."""
        if read_card(home) is not None:
            yield None
            return
        mark = home / OURS / self._me.mark()
        write_plain(mark, _content(self._me))
        try:
            yield mark
        finally:
            with contextlib.suppress(OSError):  # the card is made of it, if all went well
                mark.unlink(missing_ok=True)

    def _locked(self, home: Path, mark: Path | None) -> Hold | None:
        lock = home / OURS / LOCK
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        ours = False
        try:
            if self._free(home, handle) and _same(lock, handle):
                self._sign(home, mark)
                ours = _same(lock, handle)
        finally:
            if not ours:
                os.close(handle)
        return Hold(home, self._me, handle) if ours else None

    def _sign(self, home: Path, mark: Path | None) -> None:
        """Write our card, now that we have the lock."""
        if mark is None:
            write_card(home, self._me)
            return
        try:
            mark.replace(home / OURS / CARD)
        except OSError:
            with contextlib.suppress(OSError):
                (home / OURS / LOCK).unlink()  # while our mark is still there: nobody could say whose it was
            raise

    def _free(self, home: Path, handle: int) -> bool:
        """Lock the job, and say whether nobody else has it all the same."""
        owner = read_card(home)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            if owner is None:
                return not any(_at_work(mark, self._me) for mark in _marks(home))
            return not _lives(owner, self._me) or self._still(home, owner)
        return owner is None or owner.host == self._me.host or self._still(home, owner)

    def _still(self, home: Path, seen: Owner | tuple[str, ...]) -> bool:
        """Say whether what says who has a folder has stood still for a lease, as far as we have seen."""
        now = self._clock()
        last, since = self._watched.get(home, (None, now))
        if last != seen:
            self._watched[home] = (seen, now)
            return False
        return now - since >= self._lease

    def idle(self, home: Path) -> bool:
        """Say whether a folder without any card is nobody's, unless somebody on this machine has its lock."""
        if not self._strange(home) and _marks(home):
            return True
        return self._still(home, self._strange(home))

    def _contested(self, home: Path) -> bool:
        """Say whether somebody on another machine is at it, too; then both step back, and try again later."""
        others = self._strange(home)
        return bool(others) and not self._still(home, others)

    def _strange(self, home: Path) -> tuple[str, ...]:
        """Give the marks of other machines."""
        return tuple(mark for mark in _marks(home) if not _here(mark, self._me))


def withdraw(home: Path) -> None:
    """Remove what says that we have a job, in an order that leaves no doubt whose it was, wherever a crash cuts in."""
    ours = home / OURS
    mark = None
    with contextlib.suppress(OSError):
        if (owner := read_card(home)) is not None:
            mark = (ours / CARD).replace(ours / owner.mark())
    for path in (ours / CARD, ours / LOCK, mark):
        with contextlib.suppress(OSError):
            if path is not None:
                path.unlink(missing_ok=True)
    dismantle(home)


def dismantle(home: Path) -> bool:
    """Remove a folder in working/ if it is empty, and say so: one that somebody is making is so for a moment, too.

    He is told that it is gone before he has put anything there, and makes it anew.
    """
    try:
        with contextlib.suppress(FileNotFoundError):
            (home / OURS).rmdir()
        home.rmdir()
    except OSError:
        return False
    return True


def write_card(home: Path, owner: Owner) -> None:
    """Write down who has the job; whole, but it need not last a power cut."""
    path = home / OURS / CARD
    put_plain(path, path.with_name(owner.mark()), _content(owner))


def read_card(home: Path) -> Owner | None:
    """Read who has the job, or had it last; None where nobody says so."""
    try:
        return Owner(**json.loads(read_plain(home / OURS / CARD, _LONGEST_CARD)))
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def _content(owner: Owner) -> bytes:
    return json.dumps(asdict(owner)).encode()


def _marks(home: Path) -> tuple[str, ...]:
    """Give the marks of those who are at a folder, and of those who were killed there."""
    try:
        return tuple(sorted(path.name for path in (home / OURS).iterdir() if path.name.startswith(_MARK)))
    except OSError:
        return ()


def _here(mark: str, me: Owner) -> bool:
    """Say whether a mark is of this machine."""
    return mark.startswith(f"{_MARK}{_digest(me.host)}.")


def _at_work(mark: str, me: Owner) -> bool:
    """Say whether another one whose mark it is may live, where locks cannot tell."""
    if not _here(mark, me):
        return False
    boot, pid, token, *_ = (*mark.removeprefix(_MARK).split(".")[1:], "", "", "")
    return token != me.token and boot == _digest(me.boot) and Path(f"/proc/{pid}").exists()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:12]


def _lives(owner: Owner, me: Owner) -> bool:
    """Say whether an owner may live, where locks cannot tell: surely not after a reboot or the end of its process."""
    if owner.host != me.host:
        return True
    return owner.boot == me.boot and Path(f"/proc/{owner.pid}").exists()


def _same(path: Path, handle: int) -> bool:
    """Say whether a path still leads to the file that we hold open."""
    mine, there = os.fstat(handle), path.stat(follow_symlinks=False)
    return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)


def _first_line(path: str, otherwise: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip() or otherwise
    except OSError:
        return otherwise
