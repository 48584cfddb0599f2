"""Dress: the headers and cookies that every answer wears."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Send

from daemon.page.session import LASTS, Session, Sessions
from daemon.page.visit import Visit

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not "no-referrer": browsers would send forms with "Origin: null" then.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
    "magnetometer=(), microphone=(), midi=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
}
_WAITS = 300
"""Seconds that a message waits for the next page."""
_MOST = 5
"""Messages that are shown at once."""
_YEAR = 365 * 86400


class Dress:
    """Puts headers and cookies on one answer."""

    def __init__(self, send: Send, request: Request, visit: Visit, sessions: Sessions, fresh: Session | None) -> None:
        """Wait for the answer.

        Args:
            send: Where it goes.
            request: What it answers.
            visit: What the areas have found to say.
            sessions: Who writes cookies.
            fresh: A session that begins with this request, if one does.
        """
        self._send = send
        self._request = request
        self._visit = visit
        self._sessions = sessions
        self._fresh = fresh

    async def __call__(self, message: Message) -> None:
        """Send one piece of it."""
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            _cover(headers)
            for cookie in self._cookies(headers):
                headers.append("Set-Cookie", cookie)
        await self._send(message)

    def _cookies(self, headers: MutableHeaders) -> list[str]:
        visit, name = self._visit, self._sessions.name
        if "public" in headers.get("cache-control", ""):
            return []  # what others may keep must not hold what is one's own
        jar = Response()
        if visit.begun or self._fresh:
            session = visit.begun or self._fresh
            self._set(jar, name, self._sessions.write(session) if session else "", LASTS)
        if visit.said:
            waiting = (*(() if visit.shown else visit.heard), *visit.said)[-_MOST:]
            letter = [[said.key, said.facts, said.kind] for said in waiting]
            self._set(jar, f"{name}-said", self._sessions.seal(letter), _WAITS)
        elif visit.heard and visit.shown:
            self._set(jar, f"{name}-said", "", 0)
        if visit.chosen:
            self._set(jar, "lipsyncd-language", visit.chosen, _YEAR)
        return [value.decode("latin-1") for key, value in jar.raw_headers if key == b"set-cookie"]

    def _set(self, jar: Response, name: str, value: str, seconds: int) -> None:
        secure = self._request.url.scheme == "https"
        # Not "strict": a link in a notice that is read on another site would end the session. Forms bring a token.
        jar.set_cookie(name, value, max_age=seconds, path="/", secure=secure, httponly=True, samesite="lax")


def plain(send: Send) -> Send:
    """Put the headers alone on an answer to somebody whom we do not know."""

    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            _cover(MutableHeaders(scope=message))
        await send(message)

    return dressed


def _cover(headers: MutableHeaders) -> None:
    for name, value in HEADERS.items():
        headers[name] = value
    headers.setdefault("Cache-Control", "no-store")
