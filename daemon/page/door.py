"""Door: what decides who may come in: the names we answer to, the sessions, the password and the throttle."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path

from daemon.errors import PasswordError
from daemon.page import password
from daemon.page.address import answers, reachable
from daemon.page.session import Session, Sessions
from daemon.page.throttle import Throttle
from daemon.settings import Settings


@dataclass
class _Seen:
    stamp: tuple[int, int, int] = (0, 0, 0)
    stored: str = ""


class Door:
    """One door for all requests."""

    def __init__(self, settings: Settings) -> None:
        self.names = answers(settings.page)
        self.sessions = Sessions(settings.paths.state / password.FOLDER)
        self.throttle = Throttle()
        self._kept = password.kept(settings)
        self._locked = reachable(settings.page)
        self._seen = _Seen()
        self._one = asyncio.Lock()

    @property
    def guarded(self) -> bool:
        """Whether a password is asked for: one is set, or there must be one."""
        return self._locked or bool(self._stored())

    @property
    def closed(self) -> bool:
        """Whether a password is asked for and none is set: nobody can come in."""
        return self._locked and not self._stored()

    def inside(self, session: Session) -> bool:
        """Whether a session has shown the password that holds now."""
        return not self.guarded or (bool(session.mark) and session.mark == self._mark(self._stored()))

    def welcome(self, session: Session) -> bool:
        """Whether a session that was let in still may stay."""
        return self.inside(session) and self.sessions.lasts(session)

    async def enter(self, given: str) -> Session | None:
        """Give a new session to whoever knows the password; takes a while, and one at a time."""
        async with self._one:  # not in a thread: those who guess would keep them all
            stored = self._stored()
            right = bool(stored) and await asyncio.to_thread(password.right, given, stored)
        return Session.new(self._mark(stored)) if right else None

    def _mark(self, stored: str) -> str:
        return self.sessions.digest(f"mark {stored}")[:16] if stored else ""

    def _stored(self) -> str:
        """Give the hash that holds now; looked at each time, so that a new password ends all sessions at once."""
        stamp = _stamp(self._kept.path)
        if stamp != self._seen.stamp:
            self._seen = _Seen(stamp, self._read())
        return self._seen.stored

    def _read(self) -> str:
        try:
            return password.read(self._kept)
        except PasswordError:
            return hashlib.sha256(self._kept.path.name.encode()).hexdigest()  # there is one, which nobody can know


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return status.st_ino, status.st_ctime_ns, status.st_size  # rights count, too
