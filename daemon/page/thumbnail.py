"""Thumbnail: the small picture by which the list shows a job, over HTTP: asked for once, and kept by the browser."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from daemon.journal import OURS
from daemon.page.card import Card
from daemon.page.dossier import find_card
from daemon.page.house import House
from daemon.page.layout import house_of
from daemon.page.thumbnails import SIZES, mark_of, marked

_NOTHING = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
"""A picture that is one clear dot: the letter beneath it stays to be seen."""


def mark(house: House, card: Card) -> str:
    """Give what a link to a thumbnail says, so that it changes with the poster; "" where there is none."""
    inner = (OURS,) if card.place == "failed" else ()
    plain = card.poster and "/" not in card.poster
    return marked(house.root.joinpath(card.place, card.folder, *inner, card.poster)) if plain else ""


async def show(request: Request) -> Response:
    """Send it; one is made at a time, and others wait without a thread."""
    width = int(request.path_params["width"])
    if width not in SIZES:
        raise HTTPException(404)
    found, data = await run_in_threadpool(_look, request, width, make=False)
    if data is None:
        async with request.app.state.drawing:
            found, data = await run_in_threadpool(_look, request, width, make=True)
    if not data:
        return Response(_NOTHING, media_type="image/gif", headers={"Cache-Control": "private, max-age=60"})
    lasting = request.query_params.get("v") == found
    headers = {
        "ETag": f'"{found}-{width}"',
        "Cache-Control": "private, max-age=31536000, immutable" if lasting else "private, no-cache",
    }
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(None, 304, headers)
    return Response(data, media_type="image/jpeg", headers=headers)


def _look(request: Request, width: int, *, make: bool) -> tuple[str, bytes | None]:
    """Give the mark of a job's poster and its thumbnail: b"" where there cannot be one, None where it is to be made.

    Raises:
        HTTPException: 404: there is no such job.
    """
    house, thumbnails = house_of(request), request.app.state.thumbnails
    card = find_card(house, request.path_params["key"])
    try:
        poster = house.within(card.place, card.folder, card.poster, OURS if card.place == "failed" else "")
    except HTTPException:
        return "", b""
    with poster.file:
        found = mark_of(poster.status)
        return found, thumbnails.made(poster, width) if make else thumbnails.kept(found, width)
