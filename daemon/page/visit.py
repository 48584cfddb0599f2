"""Visit: what the guard has found out about a request; it lies in the request's scope under our name."""

from __future__ import annotations

from dataclasses import dataclass, field

from starlette.requests import HTTPConnection

from daemon.page.session import Session

SCOPE = "lipsyncd.visit"


@dataclass(frozen=True)
class Said:
    """One message at the top of the next page: its words' key, what stands in them, and "done" or "wrong"."""

    key: str
    facts: dict[str, str | int]
    kind: str = "done"


@dataclass
class Visit:
    """One request.

    Attributes:
        session: Which browser this is.
        csrf: The token that its forms must bring back.
        inside: Whether it may see the areas: logged in, or no password is asked for.
        guarded: Whether a password is asked for at all.
        language: In which it is answered.
        heard: Messages that were said before and wait to be shown.
        said: Messages that the next page shall show.
        shown: Whether this answer shows those that waited.
        begun: A session that takes the place of this one from here on.
        chosen: A language that holds from here on.
    """

    session: Session
    csrf: str
    inside: bool
    guarded: bool
    language: str
    heard: tuple[Said, ...] = ()
    said: list[Said] = field(default_factory=list)
    shown: bool = False
    begun: Session | None = None
    chosen: str = ""


def visit_of(request: HTTPConnection) -> Visit:
    """Give the visit of a request."""
    visit: Visit = request.scope[SCOPE]
    return visit
