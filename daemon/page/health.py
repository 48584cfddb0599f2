"""Health: the doctor's table, and a button that has it look again."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from daemon.page.examination import Examination
from daemon.page.layout import Entry, back, flash, render

ENTRY = Entry("/doctor", "health.nav")


def show(request: Request) -> Response:
    """Show what was found last."""
    examination: Examination = request.app.state.examination
    return render(request, "health.html", report=examination.last)


def begin(request: Request) -> Response:
    """Have the doctor look, unless it does."""
    examination: Examination = request.app.state.examination
    if not examination.begin():
        flash(request, "health.said.running")
    return back(request, "/doctor")


ROUTES: list[BaseRoute] = [Route("/doctor", show), Route("/doctor", begin, methods=["POST"])]
