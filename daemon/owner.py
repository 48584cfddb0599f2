"""Owner: which daemon has a job in hand. Two on one share, on one machine or on two, never work on the same job.

A lock on ``.lipsyncd/lock`` says it on one machine, for the kernel frees it when a process dies. Between machines a
lock may not be seen, so the owner also counts up in ``owner.json``; a count that stands still for a lease, on the clock
of the one who looks, belongs to nobody.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from daemon.journal import OURS
from daemon.plain import put_plain, read_plain

LOCK = "lock"
CARD = "owner.json"
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
        self._watched: dict[Path, tuple[Owner | None, float]] = {}

    def take(self, home: Path) -> Hold | None:
        """Take a job in hand if nobody has it, else give None.

        Raises:
            OSError: Something else is wrong with the folder.
        """
        try:
            (home / OURS).mkdir(exist_ok=True)
            handle = os.open(home / OURS / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        except FileNotFoundError:
            return None
        locked = False
        try:
            locked = self._free(home, handle) and _same(home / OURS / LOCK, handle)
            if not locked:
                return None
            write_card(home, self._me)
        except FileNotFoundError:
            locked = False
            return None
        finally:
            if not locked:
                os.close(handle)
        return Hold(home, self._me, handle)

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
            return owner is None or not _lives(owner, self._me) or self._still(home, owner)
        return owner is None or owner.host == self._me.host or self._still(home, owner)

    def _still(self, home: Path, owner: Owner) -> bool:
        """Say whether the owner's count has stood still for a lease, as far as we have seen."""
        now = self._clock()
        seen, since = self._watched.get(home, (None, now))
        if seen != owner:
            self._watched[home] = (owner, now)
            return False
        return now - since >= self._lease

    def idle(self, home: Path) -> bool:
        """Say whether a folder without any owner has been seen so for a lease."""
        now = self._clock()
        _, since = self._watched.setdefault(home, (None, now))
        return now - since >= self._lease


def write_card(home: Path, owner: Owner) -> None:
    """Write down who has the job; whole, but it need not last a power cut."""
    path = home / OURS / CARD
    beside = path.with_name(f".{CARD}.{owner.token}")
    put_plain(path, beside, json.dumps(asdict(owner)).encode())


def read_card(home: Path) -> Owner | None:
    """Read who has the job, or had it last; None where nobody says so."""
    try:
        return Owner(**json.loads(read_plain(home / OURS / CARD, _LONGEST_CARD)))
    except (OSError, ValueError, TypeError, RecursionError):
        return None


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
