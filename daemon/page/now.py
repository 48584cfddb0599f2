"""Now: what is in hand at this moment; pause and resume, and for each job cancel and priority."""

from __future__ import annotations

from functools import partial
from pathlib import PurePosixPath

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from daemon import control, live, pause
from daemon.journal import OURS
from daemon.order import PRIORITIES
from daemon.page import board
from daemon.page.board import Board
from daemon.page.door import Door
from daemon.page.layout import Entry, back, flash, form_of, house_of, local, render, speaker_of
from daemon.page.visit import visit_of
from daemon.page.wire import Wire

ENTRY = Entry("/", "now.nav")
_MOST = 400
"""Browsers that listen at the same time."""
_PICTURE = 4 * 1024 * 1024


def show(request: Request) -> Response:
    """Show what is in hand."""
    return _board(request, "now.html")


def part(request: Request) -> Response:
    """Give the part of it that changes, for the script."""
    return _board(request, "now_board.html")


async def events(request: Request) -> Response:
    """Tell what changes, as it does."""
    wire: Wire = request.app.state.wire
    if wire.listeners >= _MOST:
        raise HTTPException(503, headers={"Retry-After": "10"})
    door: Door = request.app.state.door
    welcome = partial(door.welcome, visit_of(request).session)
    headers = {"X-Accel-Buffering": "no"}  # nginx would collect them
    return StreamingResponse(wire.listen(welcome), media_type="text/event-stream", headers=headers)


def preview(request: Request) -> Response:
    """Give the small picture of a take that is being made."""
    house = house_of(request)
    said = live.read(house.state)
    wanted = request.path_params["mark"]
    take = next((take for take in (said.takes if said else ()) if board.mark(take) == wanted), None)
    if take is None or not take.preview:
        raise HTTPException(404)
    opened = house.file(house.job(take.job), PurePosixPath(take.preview).name, OURS)
    with opened.file:
        picture = opened.file.read(_PICTURE)
    if not picture.startswith(b"\xff\xd8"):
        raise HTTPException(404)
    return Response(picture, media_type="image/jpeg")


async def stop(request: Request) -> Response:
    """Begin no video any more, or begin videos again."""
    form, house = await form_of(request), house_of(request)
    if form.get("paused") == "yes":
        await run_in_threadpool(pause.pause, house.root, guarded=house.settings.inbox.mount_guard)
        flash(request, "now.said.paused")
    else:
        await run_in_threadpool(pause.resume, house.root)
        flash(request, "now.said.resumed")
    return back(request, "/")


def ask_cancel(request: Request) -> Response:
    """Ask whether a job is really to be given up."""
    filed = house_of(request).job(request.path_params["job"])
    return render(request, "cancel.html", filed=filed, onward=local(request.query_params.get("next", "/")))


async def cancel(request: Request) -> Response:
    """Give up a job."""
    form, house = await form_of(request), house_of(request)
    filed = await run_in_threadpool(house.job, request.path_params["job"])
    await run_in_threadpool(control.cancel, house.root, filed.job)
    flash(request, "now.said.cancelled", name=filed.job.title or filed.home.name)
    return back(request, form.get("next", "/"))


async def prefer(request: Request) -> Response:
    """Have a job made sooner or later."""
    form, house = await form_of(request), house_of(request)
    filed = await run_in_threadpool(house.job, request.path_params["job"])
    await run_in_threadpool(control.prefer, house.root, filed.job, form.get("priority", ""))
    flash(request, "now.said.preferred", name=filed.job.title or filed.home.name)
    return back(request, form.get("next", "/"))


def _board(request: Request, template: str) -> Response:
    house, t = house_of(request), speaker_of(request)
    found = Board.of(house.root, house.state)
    facts = {
        "board": found,
        "live": found.live,
        "priorities": PRIORITIES,
        "mark": board.mark,
        "percent": board.percent,
        "left": partial(board.left, t),
        "machine": board.machine(t, found.live) if found.live else "",
    }
    return render(request, template, **facts)


ROUTES: list[BaseRoute] = [
    Route("/", show),
    Route("/now", part),
    Route("/events", events),
    Route("/now/preview/{mark}", preview),
    Route("/now/pause", stop, methods=["POST"]),
    Route("/jobs/{job}/cancel", ask_cancel),
    Route("/jobs/{job}/cancel", cancel, methods=["POST"]),
    Route("/jobs/{job}/priority", prefer, methods=["POST"]),
]
