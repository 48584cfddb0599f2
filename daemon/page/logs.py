"""Logs: the last lines of the service and of each job, from a weight on, with some words in them; and what is added."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from daemon import log, ring
from daemon.journal import OURS
from daemon.page.dossier import find
from daemon.page.follower import Follower
from daemon.page.house import House
from daemon.page.layout import Entry, house_of, render
from daemon.page.line import LEVELS, Filter
from daemon.page.tail import Files, Tail
from daemon.page.visit import visit_of
from daemon.plain import open_plain

ENTRY = Entry("/log", "logs.nav")
_SHOWN = 200
"""Lines of a page."""
_MOST = 200
"""Browsers that listen at the same time."""


def show(request: Request) -> Response:
    """Show the last lines, the newest first."""
    house, key = house_of(request), str(request.path_params.get("key", ""))
    card, filed = find(house, key) if key else (None, None)
    if card is not None and filed is None:
        raise HTTPException(404)  # nobody knows any more what its folder is
    asked = request.query_params
    wanted = Filter.of(asked.get("level", ""), asked.get("q", ""))
    lines = Tail(partial(_files, house, key)).look()
    found = [line for line in reversed(lines) if wanted.wants(line)][:_SHOWN]
    said = {"level": wanted.level, "q": wanted.words, "after": lines[-1].mark if lines else ""}
    return render(
        request,
        "logs.html",
        card=card,
        lines=found,
        wanted=wanted,
        levels=LEVELS,
        most=_SHOWN,
        base=f"/jobs/{card.key}/log" if card else "/log",
        stream=f"{'/jobs/' + card.key if card else ''}/log/events?{urlencode(said)}",
    )


async def events(request: Request) -> Response:
    """Tell what is added."""
    key, asked = str(request.path_params.get("key", "")), request.query_params
    followers: dict[str, Follower] = request.app.state.followers
    if sum(one.listeners for one in followers.values()) >= _MOST:
        raise HTTPException(503, headers={"Retry-After": "10"})
    if key:
        key = (await run_in_threadpool(find, house_of(request), key))[0].key
    follower = followers.get(key)
    if follower is None:
        tail = partial(Tail, partial(_files, house_of(request), key))
        follower = followers[key] = Follower(tail, request.app.state.closing)
    after = request.headers.get("last-event-id", asked.get("after", ""))
    wanted = Filter.of(asked.get("level", ""), asked.get("q", ""))
    welcome = partial(request.app.state.door.welcome, visit_of(request).session)
    heard = _heard(followers, key, follower.listen(after, wanted, welcome))
    return StreamingResponse(heard, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _heard(followers: dict[str, Follower], key: str, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Pass everything on, and forget who follows a log for nobody."""
    try:
        async for piece in stream:
            yield piece
    finally:
        await stream.aclose()  # type: ignore[attr-defined]
        if key in followers and not followers[key].listeners:
            del followers[key]


def _files(house: House, key: str) -> Files:
    return _of_job(house, key) if key else list(_of_service(house.state))


def _of_service(state: Path) -> list[tuple[str, BinaryIO]]:
    """Open the log of the service; its files are known by their inodes, for they change their names."""
    found = list[tuple[str, BinaryIO]]()
    for name in (ring.OLDER, ring.FILE_NAME):
        try:
            file, status = open_plain(state / name)
        except OSError:
            continue
        found.append((f"{status.st_ino:x}", file))
    return found


def _of_job(house: House, key: str) -> list[tuple[str, BinaryIO]]:
    """Open the log of a job, wherever that is now; it is copied where the job fails, and goes on."""
    try:
        _, filed = find(house, key)
        if filed is None:
            return []
        opened = house.file(filed, log.FILE_NAME, OURS if filed.place == "failed" else "")
    except HTTPException:
        return []
    return [("job", opened.file)]


ROUTES: list[BaseRoute] = [
    Route("/log", show),
    Route("/log/events", events),
    Route("/jobs/{key}/log", show),
    Route("/jobs/{key}/log/events", events),
]
