"""Entrance: log in, log out, and in which language one is answered."""

from __future__ import annotations

import math

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from daemon.page.door import Door
from daemon.page.layout import back, form_of, local, render
from daemon.page.session import Session
from daemon.page.visit import visit_of
from daemon.page.words import LANGUAGES


async def ask(request: Request) -> Response:
    """Ask for the password."""
    onward = local(request.query_params.get("next", "/"))
    if visit_of(request).inside:
        return back(request, onward)
    return _form(request, onward)


async def log_in(request: Request) -> Response:
    """Look at the password that was given."""
    door: Door = request.app.state.door
    form = await form_of(request)
    onward = local(form.get("next", "/"))
    address = request.client.host if request.client else ""
    if wait := door.throttle.admit(address):
        seconds = math.ceil(wait)
        answer = _form(request, onward, "page.login.wait", 429, seconds=seconds)
        answer.headers["Retry-After"] = str(seconds)
        return answer
    session = await door.enter(form.get("password", ""))
    if session is None:
        return _form(request, onward, "page.login.wrong", 403)
    door.throttle.forgive(address)
    visit_of(request).begun = session
    return back(request, onward)


async def log_out(request: Request) -> Response:
    """End the session, here and wherever its cookie may be."""
    door: Door = request.app.state.door
    visit = visit_of(request)
    door.sessions.end(visit.session)
    visit.begun = Session.new()
    return back(request, "/login" if visit.guarded else "/")


async def choose(request: Request) -> Response:
    """Answer in another language from here on."""
    code = request.path_params["code"]
    if code not in LANGUAGES:
        raise HTTPException(404)
    visit_of(request).chosen = code
    return back(request, request.query_params.get("next", "/"))


def _form(request: Request, onward: str, key: str = "", status: int = 200, **facts: int) -> Response:
    closed = request.app.state.door.closed
    return render(request, "login.html", status, onward=onward, fault=key, facts=facts, closed=closed)


ROUTES: list[BaseRoute] = [
    Route("/login", ask),
    Route("/login", log_in, methods=["POST"]),
    Route("/logout", log_out, methods=["POST"]),
    Route("/language/{code}", choose),
]
