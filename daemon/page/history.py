"""History: all jobs with thumbnails, search and filter; and a page for each: to watch, compare, download, delete."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from daemon import control, trash
from daemon.errors import JobError
from daemon.journal import Filed
from daemon.name import shown
from daemon.page import thumbnail
from daemon.page.archive import archive
from daemon.page.card import Card, Standing
from daemon.page.dossier import Dossier, dossier, find, receipts
from daemon.page.holdings import Held, chosen, holdings
from daemon.page.house import House, Opened
from daemon.page.index import Query
from daemon.page.layout import Entry, back, flash, house_of, render
from daemon.page.media import serve

ENTRY = Entry("/jobs", "history.nav")
_LONGEST = 200
"""Characters of what is searched for."""
_PATIENCE = 3.0
"""Seconds that answers of publishers are waited for before the page is shown without them."""
_TAGS = {
    Standing.WORKING: "busy",
    Standing.REVIEW: "wait",
    Standing.DONE: "done",
    Standing.PARTLY: "wait",
    Standing.FAILED: "wrong",
    Standing.DAMAGED: "wrong",
}


def listing(request: Request) -> Response:
    """Show some jobs."""
    house, asked = house_of(request), request.query_params
    standing = asked.get("show", "")
    query = Query(
        words=asked.get("q", "")[:_LONGEST],
        standing=standing if standing in set(Standing) else "",
        before=asked.get("before", ""),
        after=asked.get("after", ""),
        oldest="oldest" in asked,
    )
    coverage = house.census.look()
    leaf = house.census.index.leaf(query)
    if house.census.confirm(leaf.cards):
        leaf = house.census.index.leaf(query)
    kept = {name: text for name, text in (("q", query.words), ("show", query.standing)) if text}

    def to(**changed: str) -> str:
        return "/jobs" + (f"?{urlencode(facts)}" if (facts := kept | changed) else "")

    chips = [(one, leaf.counts.get(one, 0)) for one in Standing if leaf.counts.get(one) or one == query.standing]
    everything = f"/jobs?{urlencode({'q': query.words})}" if query.words else "/jobs"
    return render(
        request,
        "history.html",
        query=query,
        leaf=leaf,
        coverage=coverage,
        chips=chips,
        to=to,
        everything=everything,
        tags=_TAGS,
        marks={card.tag: thumbnail.mark(house, card) for card in leaf.cards},
    )


def job(request: Request) -> Response:
    """Show one job."""
    card, filed, about = _about(request)
    if filed is None or about is None:
        return render(request, "history_damaged.html", card=card, tags=_TAGS)
    asking = about.round is not None and not about.round.over
    return render(request, "history_job.html", about=about, card=card, tags=_TAGS, asking=asking)


def file(request: Request) -> Response:
    """Send one file of a job, to be shown or to be saved."""
    house = house_of(request)
    filed = _there(request)
    held = next((one for one in holdings(filed) if one.tag == request.path_params["tag"]), None)
    if held is None:
        raise HTTPException(404)
    return serve(request, house.file(filed, held.name, held.folder), download="save" in request.query_params)


def zipped(request: Request) -> Response:
    """Send all files of a job in one."""
    house = house_of(request)
    filed = _there(request)

    def opening(held: Held) -> Opened:
        return house.file(filed, held.name, held.folder)

    found = chosen(holdings(filed), inputs="inputs" in request.query_params)
    if not found:
        raise HTTPException(404)
    return archive(filed.home.name, found, opening)


def retry(request: Request) -> Response:
    """Have what failed made once more."""
    filed = _there(request)
    control.retry(house_of(request).root, filed.job)
    flash(request, "history.said.retry", name=filed.home.name)
    return back(request, "/" if filed.place == "failed" else f"/jobs/{request.path_params['key']}")


def deletion(request: Request) -> Response:
    """Ask whether a job shall go to the trash."""
    card, filed, about = _about(request)
    if card.place == "working":
        raise JobError(f"{card.name} is being worked on", "Cancel it first; then it is in failed/.")
    size = sum(one.bytes for one in about.held) if about else 0
    kept = len(receipts(filed.job)) if filed else 0
    return render(request, "history_delete.html", card=card, bytes=size, kept=kept)


def delete(request: Request) -> Response:
    """Move a job to the trash."""
    house = house_of(request)
    card, _ = find(house, request.path_params["key"])
    gone = trash.move(house.root, card.place, card.folder)
    house.census.look()
    flash(request, "history.said.delete", name=card.name, target=shown(gone.target.name))
    return back(request, "/jobs")


def ask(request: Request) -> Response:
    """Ask the publishers of a job whether they still have it."""
    filed = _there(request)
    found = receipts(filed.job)
    if found:
        house_of(request).asking.begin(filed.job.id, found).ended.wait(_PATIENCE)
    return back(request, f"/jobs/{request.path_params['key']}#places")


def _there(request: Request) -> Filed:
    """Give a job that can be read.

    Raises:
        HTTPException: 404: there is none.
    """
    _, filed = find(house_of(request), request.path_params["key"])
    if filed is None:
        raise HTTPException(404)
    return filed


def _about(request: Request) -> tuple[Card, Filed | None, Dossier | None]:
    house: House = house_of(request)
    card, filed = find(house, request.path_params["key"])
    return card, filed, dossier(house, card, filed) if filed else None


ROUTES: list[BaseRoute] = [
    Route("/jobs", listing),
    Route("/jobs/{key}", job),
    Route("/jobs/{key}/thumbnail/{width:int}", thumbnail.show),
    Route("/jobs/{key}/file/{tag}", file),
    Route("/jobs/{key}/zip", zipped),
    Route("/jobs/{key}/retry", retry, methods=["POST"]),
    Route("/jobs/{key}/delete", deletion),
    Route("/jobs/{key}/delete", delete, methods=["POST"]),
    Route("/jobs/{key}/ask", ask, methods=["POST"]),
]
