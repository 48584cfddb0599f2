"""App: the areas put together, with the guard before them and pages for what goes wrong."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial
from types import ModuleType

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Mount

from daemon.errors import DaemonError
from daemon.page import entrance, health, history, logs, now, review, upload, upload_refusal, wrong
from daemon.page.assets import Assets
from daemon.page.board import Board
from daemon.page.door import Door
from daemon.page.examination import Examination
from daemon.page.follower import Follower
from daemon.page.guard import Guard
from daemon.page.house import House
from daemon.page.layout import STATIC
from daemon.page.thumbnails import Thumbnails
from daemon.page.waiting import Waiting
from daemon.page.wire import Wire

AREAS: tuple[ModuleType, ...] = (entrance, now, upload, review, history, logs, health)
"""In the order of the navigation."""


def _news(house: House) -> str:
    return Board.of(house.root, house.state).news()


@contextlib.asynccontextmanager
async def _alive(app: Starlette) -> AsyncIterator[None]:
    yield
    await run_in_threadpool(app.state.thumbnails.close)


def build(house: House) -> Guard:
    """Give the page as an ASGI application."""
    routes: list[BaseRoute] = [Mount("/static", Assets(directory=STATIC))]
    streams: list[str] = []
    for area in AREAS:
        routes += area.ROUTES
        streams += getattr(area, "STREAMS", ())
    handlers = {HTTPException: wrong.http, DaemonError: wrong.refused, OSError: wrong.disk, 500: wrong.bug}
    handlers[upload_refusal.Refusal] = upload_refusal.refused
    app = Starlette(routes=routes, exception_handlers=handlers, lifespan=_alive)
    app.state.house = house
    app.state.door = Door(house.settings)
    app.state.examination = Examination(house.settings)
    app.state.followers = dict[str, Follower]()
    app.state.thumbnails = Thumbnails(house.state)
    app.state.drawing = asyncio.Lock()
    app.state.waiting = Waiting(house.journal)
    app.state.closing = asyncio.Event()
    app.state.wire = Wire(partial(_news, house), app.state.closing)
    app.state.entries = tuple(area.ENTRY for area in AREAS if hasattr(area, "ENTRY"))
    return Guard(app, app.state.door, tuple(streams))
