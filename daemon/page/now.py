"""Now: what is in hand at this moment."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from daemon import live
from daemon.page.layout import Entry, house_of, render

ENTRY = Entry("/", "now.nav")


def show(request: Request) -> Response:
    """Show what is in hand."""
    return render(request, "now.html", live=live.read(house_of(request).state))


ROUTES: list[BaseRoute] = [Route("/", show)]
