"""Review: the jobs that wait for approval: to watch, to see what each file would get and cost, and to decide."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from daemon import control, remark, review
from daemon.journal import Filed
from daemon.page.card import Card
from daemon.page.dossier import Dossier, Scene, dossier, find
from daemon.page.holdings import RESULT, Held
from daemon.page.house import House
from daemon.page.layout import Entry, back, flash, form_of, house_of, render
from daemon.page.waiting import Waiting, decided, unapproved
from daemon.review import Offer, Sight
from publishers import Artifact, ar

ENTRY = Entry("/review", "review.nav", counted=True)


@dataclass(frozen=True)
class Leaf:
    """One file that would be published: what it is, what it would get; ``held`` is None where it is not there.

    Attributes:
        odd: It is not as long as the file that was hashed.
    """

    file: Artifact
    offers: tuple[Offer, ...]
    held: Held | None
    odd: bool


@dataclass(frozen=True)
class Case:
    """A job, as somebody decides on it.

    Attributes:
        parts: Each take with its files.
        seen: Stands in the form: changes with anything that is shown here, and with the files themselves.
    """

    card: Card
    filed: Filed
    about: Dossier
    sight: Sight
    parts: tuple[tuple[Scene, tuple[Leaf, ...]], ...]
    seen: str


def listing(request: Request) -> Response:
    """Show which jobs wait."""
    waiting: Waiting = request.app.state.waiting
    rows = [(filed, review.see(filed.home, filed.job)) for filed in waiting.jobs()]
    return render(request, "review.html", rows=rows, ar=ar)


def case(request: Request) -> Response:
    """Show one job to somebody who is to decide on it."""
    found = _case(house_of(request), request.path_params["key"])
    if found is None:
        return _elsewhere(request)
    return _shown(request, found)


async def decide(request: Request) -> Response:
    """Approve a job, or give it up: exactly what was shown."""
    form, house, key = await form_of(request), house_of(request), request.path_params["key"]
    return await run_in_threadpool(_decide, request, house, key, form)


def _decide(request: Request, house: House, key: str, form: dict[str, str]) -> Response:
    found = _case(house, key)
    if found is None:
        return _elsewhere(request)
    name, note = found.card.name, form.get("note", "")
    match form.get("decision"):
        case "approve" if form.get("seen") == found.seen:
            control.approve(house.root, found.filed.job, note)
            flash(request, "review.said.approved", name=name)
        case "reject":
            control.cancel(house.root, found.filed.job, note)
            flash(request, "review.said.rejected", name=name)
        case "approve":
            return _shown(request, found, note=remark.clean(note), changed=True)
        case _:
            raise HTTPException(400)
    return back(request, "/review")


def _elsewhere(request: Request) -> Response:
    """Send somebody on whose job waits no more: it was decided on already, perhaps by themselves a moment ago."""
    card, filed = find(house_of(request), request.path_params["key"])
    if filed is None:
        raise HTTPException(404)
    flash(request, "review.said.over", name=card.name)
    return RedirectResponse("/review", 303)


def _case(house: House, key: str) -> Case | None:
    """Give a job that waits for approval; None where it waits no more.

    Raises:
        HTTPException: 404: there is none.
    """
    card, filed = find(house, key)
    if filed is None or filed.place != "working" or not unapproved(filed.job) or decided(filed.home):
        return None
    about, sight = dossier(house, card, filed), review.see(filed.home, filed.job)
    held = {one.name: one for one in about.held if one.part == RESULT}
    leaves = {file.name: _leaf(file, offers, held.get(file.name)) for file, offers in sight.files}
    parts = tuple((scene, tuple(_of(scene, leaves))) for scene in about.scenes)
    stamps = [(leaf.held.bytes, leaf.held.changed) if leaf.held else None for leaf in leaves.values()]
    seen = hashlib.sha256(f"{sight.digest} {stamps}".encode()).hexdigest()
    return Case(card, filed, about, sight, parts, seen)


def _leaf(file: Artifact, offers: tuple[Offer, ...], held: Held | None) -> Leaf:
    return Leaf(file, offers, held, held is not None and held.bytes != file.bytes)


def _of(scene: Scene, leaves: dict[str, Leaf]) -> list[Leaf]:
    names = (f"{scene.take.name}.mp4", f"{scene.take.name}.jpg")
    return [leaves[name] for name in names if name in leaves]


def _shown(request: Request, found: Case, note: str = "", *, changed: bool = False) -> Response:
    facts = {"case": found, "about": found.about, "sight": found.sight, "note": note, "changed": changed}
    return render(request, "review_job.html", 409 if changed else 200, **facts, ar=ar, longest=remark.LONGEST)


ROUTES: list[BaseRoute] = [
    Route("/review", listing),
    Route("/review/{key}", case),
    Route("/review/{key}", decide, methods=["POST"]),
]
