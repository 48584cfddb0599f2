"""Session: a signed cookie that says who is who; the key that signs is ours alone, in the state folder."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from itsdangerous import BadSignature, URLSafeSerializer

from daemon.plain import put_plain, read_plain

LASTS = 7 * 86400
"""Seconds after a login that a session ends in any case."""
_SKEW = 60
"""Seconds by which a clock may have been set back since."""
_KEY = "key"
_KEY_BYTES = 32
_ENDED = "ended"
_ENDED_BYTES = 1 << 20


@dataclass(frozen=True)
class Session:
    """One browser.

    Attributes:
        id: Random.
        begun: When, seconds since 1970.
        mark: Of the password that was given; "" before a login.
    """

    id: str
    begun: int
    mark: str = ""

    @classmethod
    def new(cls, mark: str = "") -> Session:
        """Begin one; whoever logs in begins a new one, so that nobody can be given one that others know."""
        return cls(secrets.token_urlsafe(24), int(time.time()), mark)


class Sessions:
    """Writes and reads the cookies."""

    def __init__(self, folder: Path) -> None:
        self._key = _key(folder)
        self._signer = URLSafeSerializer(self._key, salt="session")
        self._letters = URLSafeSerializer(self._key, salt="letter")
        self.name = f"lipsyncd-{self.digest('name')[:6]}"
        self._folder = folder
        self._ended = _ended(folder)

    def write(self, session: Session) -> str:
        """Give the value of a session's cookie."""
        return str(self._signer.dumps([session.id, session.begun, session.mark]))

    def read(self, value: str) -> Session | None:
        """Give the session of a cookie; None where it is none of ours, or over."""
        try:
            identity, begun, mark = self._signer.loads(value)
        except (BadSignature, ValueError, TypeError):
            return None
        session = Session(str(identity), int(begun), str(mark))
        return session if self.lasts(session) else None

    def lasts(self, session: Session) -> bool:
        """Say whether a session is neither over nor ended, nor of the future."""
        return -_SKEW < time.time() - session.begun < LASTS and self._named(session) not in self._ended

    def end(self, session: Session) -> None:
        """Have a session's cookie mean nothing any more, whoever has a copy, also after the page has started again."""
        now = int(time.time())
        self._ended = {old: until for old, until in self._ended.items() if until > now}
        self._ended[self._named(session)] = session.begun + LASTS
        path = self._folder / _ENDED
        with contextlib.suppress(OSError):  # on a full disk it holds until the page ends
            put_plain(path, path.with_name(f".{_ENDED}.part"), json.dumps(self._ended).encode())

    def _named(self, session: Session) -> str:
        """Give a name for a session that opens nothing to whoever reads it."""
        return self.digest(f"ended {session.id}")[:32]

    def token(self, session: Session) -> str:
        """Give what a form of this session must bring back."""
        return self.digest(f"csrf {session.id}")

    def digest(self, text: str) -> str:
        """Give a digest that only we can compute."""
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

    def seal(self, letter: object) -> str:
        """Sign something that a browser carries to the next page."""
        return str(self._letters.dumps(letter))

    def unseal(self, value: str) -> object:
        """Read it; None where it is none of ours."""
        try:
            return self._letters.loads(value)
        except (BadSignature, ValueError):
            return None


def _ended(folder: Path) -> dict[str, int]:
    """Give the sessions that were ended, by name, each with when it would have ended by itself."""
    try:
        found = json.loads(read_plain(folder / _ENDED, _ENDED_BYTES))
        return {str(name): int(until) for name, until in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _key(folder: Path) -> bytes:
    """Give the key; made once, and for us alone."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / _KEY
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        found = read_plain(path, _KEY_BYTES)
        if len(found) == _KEY_BYTES:
            return found
        path.unlink()
        return _key(folder)
    key = secrets.token_bytes(_KEY_BYTES)
    with os.fdopen(handle, "wb") as file:
        file.write(key)
    return key
