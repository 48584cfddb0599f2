"""Guard: stands before all areas. Every request passes it first, and every answer last."""

from __future__ import annotations

import asyncio
import hmac
from http import HTTPStatus
from urllib.parse import parse_qs, quote, urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from daemon.page import dress
from daemon.page.address import called
from daemon.page.body import LARGEST, Body
from daemon.page.door import Door
from daemon.page.layout import FIELD
from daemon.page.session import Session
from daemon.page.visit import SCOPE, Said, Visit
from daemon.page.words import wanted
from daemon.page.wrong import answer

_SAFE = frozenset({"GET", "HEAD"})
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_OPEN = ("/static/", "/login", "/language/")
"""What is shown to those who are not logged in."""
_RELAYED = frozenset({"forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip"})
"""By what a proxy is known; some call us by our number, and everybody would seem to be on this machine."""
HEADERS = 32 * 1024
"""Bytes of the headers of one request."""
_ADDRESS = 8 * 1024
"""Bytes of a path and its query."""


class Guard:
    """The page with its guard, as an ASGI application."""

    def __init__(self, app: Starlette, door: Door, streams: tuple[str, ...] = ()) -> None:
        """Stand before an application.

        Args:
            app: The areas.
            door: Who may come in.
            streams: Paths whose bodies may be of any size: the area counts.
        """
        self._app = app
        self._door = door
        self.closing: asyncio.Event = app.state.closing
        self._streams = streams

    @property
    def guarded(self) -> bool:
        """Whether a password is asked for."""
        return self._door.guarded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        scope["app"] = self._app
        request = Request(scope)
        if odd := self._odd(request):
            await odd(scope, receive, dress.plain(send))
            return
        session, fresh = self._session(request)  # at once: areas may keep all threads waiting for a share that hangs
        visit = self._visit(request, session)
        scope[SCOPE] = visit
        dressed = dress.Dress(send, request, visit, self._door.sessions, session if fresh else None)
        body = Body(receive, None if scope["path"].startswith(self._streams or ("\0",)) else LARGEST)
        refusal = await self._refusal(request, visit, body)
        if refusal is not None:
            await refusal(scope, body, dressed)
        else:
            await self._app(scope, body, dressed)

    def _odd(self, request: Request) -> Response | None:
        """Say what is wrong with a request whoever sends it, before anything of it is believed."""
        if not called(_host(request), self._door.names):
            return _plain(421, "This page does not answer to that name; page.hosts says which it knows.")
        if not self._door.guarded and _relayed(request):
            return _plain(
                403, "A proxy leads here, and there is no password: see page.proxy, and `lipsyncd page passwd`."
            )
        if len(request.scope.get("raw_path", b"")) + len(request.scope["query_string"]) > _ADDRESS:
            return _plain(414, "")
        if sum(len(name) + len(value) for name, value in request.scope["headers"]) > HEADERS:
            return _plain(431, "")
        return None

    def _session(self, request: Request) -> tuple[Session, bool]:
        """Give the session, and whether it begins here."""
        found = self._door.sessions.read(request.cookies.get(self._door.sessions.name, ""))
        return (found, False) if found else (Session.new(), True)

    def _visit(self, request: Request, session: Session) -> Visit:
        door, cookies = self._door, request.cookies
        letter = door.sessions.unseal(cookies.get(f"{door.sessions.name}-said", ""))
        return Visit(
            session=session,
            csrf=door.sessions.token(session),
            inside=door.inside(session),
            guarded=door.guarded,
            language=wanted(cookies.get("lipsyncd-language", ""), request.headers.get("accept-language", "")),
            heard=tuple(_heard(letter)),
        )

    async def _refusal(self, request: Request, visit: Visit, body: Body) -> Response | None:
        """Say why not, if not."""
        if request.method not in _SAFE | _UNSAFE:
            return _plain(405, "", {"Allow": ", ".join(sorted(_SAFE | _UNSAFE))})
        if request.method in _UNSAFE:
            if _foreign(request):
                return _plain(403, "This came from another site.")
            try:
                if not await self._brought(request, visit, body):
                    return answer(request, 403, "page.wrong.stale")
            except HTTPException as error:
                return answer(request, error.status_code, headers=error.headers)
        if visit.inside or request.url.path.startswith(_OPEN):
            return None
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/login?next={quote(path, safe='')}", 303)
        return _plain(401, "Log in first.")

    async def _brought(self, request: Request, visit: Visit, body: Body) -> bool:
        """Say whether the token of the session came with the request."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        token = request.headers.get("x-csrf-token", "")
        if not token and kind == "application/x-www-form-urlencoded":
            token = (await body.fields()).get(FIELD, [""])[0]
        elif not token:
            token = parse_qs(request.url.query).get(FIELD, [""])[0]
        return hmac.compare_digest(token.encode(), visit.csrf.encode())


def _host(request: Request) -> str:
    hosts = request.headers.getlist("host")
    return hosts[0] if len(hosts) == 1 else "\0"


def _relayed(request: Request) -> bool:
    """Say whether a proxy hands a request on; nginx speaks HTTP/1.0 if nobody tells it otherwise, no browser does."""
    return request.scope.get("http_version") == "1.0" or not _RELAYED.isdisjoint(request.headers.keys())


def _foreign(request: Request) -> bool:
    """Say whether a browser tells us that another site has sent it here."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return True
    origins = request.headers.getlist("origin")
    if not origins:
        return False
    try:
        origin = urlsplit(origins[0])
        ours = urlsplit(f"//{_host(request)}")
        default = {"http": 80, "https": 443}.get(origin.scheme)
        pair = (origin.hostname, origin.port or default), (ours.hostname, ours.port or default)
    except ValueError:
        return True
    return len(origins) > 1 or default is None or pair[0] != pair[1]


def _heard(letter: object) -> list[Said]:
    """Read what waits to be shown; we have signed it, but perhaps in another version."""
    try:
        return [Said(str(key), dict(facts), str(kind)) for key, facts, kind in letter]  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        return []


def _plain(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(f"{text or HTTPStatus(status).phrase}\n", status, headers)
