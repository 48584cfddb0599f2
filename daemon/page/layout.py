"""Layout: how an answer is put together: the template, its words, the navigation, and what was said before."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse

from daemon.name import shown
from daemon.page import amounts
from daemon.page.interpreter import chinese
from daemon.page.visit import Said, visit_of
from daemon.page.words import LANGUAGES, TAGS, Speaker

if TYPE_CHECKING:
    from daemon.page.house import House

_HERE = Path(__file__).parent
STATIC = _HERE / "static"
FIELD = "csrf"
"""What the hidden field of forms is called, and the word in a query."""
_LONGEST = 1800
"""Characters of a query that is come back to: a search in Chinese, in percent signs."""
_TYPED = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Entry:
    """A place in the navigation: where it leads, the key of its words, and whether what waits there is counted."""

    path: str
    key: str
    counted: bool = False


def house_of(request: Request) -> House:
    """Give the house of a request."""
    house: House = request.app.state.house
    return house


def speaker_of(request: Request) -> Speaker:
    """Give who speaks the language of a request."""
    return Speaker(visit_of(request).language)


def told(language: str, text: object) -> str:
    """Say what the daemon says in a language, as plain text; English where it is not known in that."""
    english = shown(str(text))
    return (chinese(english) if language == "zh" else "") or english


def coded(text: str) -> Markup:
    """Mark up what is to be typed, which stands between two `."""
    return Markup(_TYPED.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped just now


def render(request: Request, template: str, status_code: int = 200, /, **facts: Any) -> HTMLResponse:
    """Answer with a page.

    Args:
        request: Whom.
        template: File in templates/.
        status_code: Of HTTP.
        **facts: What the template is told.
    """
    visit = visit_of(request)
    text = _environment().get_template(template).render(_common(request) | facts)
    visit.shown = visit.shown or "messages" in _names(template)
    return HTMLResponse(text, status_code)


def flash(request: Request, key: str, kind: str = "done", **facts: str | int) -> None:
    """Say something at the top of the next page: "done" or "wrong"."""
    visit_of(request).said.append(Said(key, {name: _short(fact) for name, fact in facts.items()}, kind))


def back(request: Request, path: str) -> RedirectResponse:
    """Answer a form: go on to a page. Only to one of ours."""
    return RedirectResponse(local(path), 303)


async def form_of(request: Request) -> dict[str, str]:
    """Read a form; files in it are let go: an area that takes files reads them itself."""
    async with request.form(max_files=8, max_fields=200) as form:
        return {name: value for name, value in form.items() if isinstance(value, str)}


def local(path: str) -> str:
    """Give a path on this very page; "/" for an address of others, however it is disguised."""
    plain = path.startswith("/") and path[1:2] not in ("/", "\\") and path.isascii() and path.isprintable()
    return path if plain and "\\" not in path else "/"


def _common(request: Request) -> dict[str, Any]:
    visit, t = visit_of(request), speaker_of(request)
    return {
        "t": t,
        "language": visit.language,
        "languages": LANGUAGES,
        "tag": TAGS[visit.language],
        "entries": request.app.state.entries if visit.inside else (),
        "waiting": request.app.state.waiting.count if visit.inside else (lambda: 0),
        "path": request.url.path,
        "here": _here(request),
        "guarded": visit.guarded,
        "inside": visit.inside,
        "messages": [(said.kind, t(said.key, "", **said.facts)) for said in visit.heard],
        "token": lambda: visit.csrf,
        "csrf": lambda: Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, visit.csrf),
        "asset": asset,
        "span": partial(amounts.span, t),
        "size": amounts.size,
        "when": amounts.when,
        "shown": shown,
        "coded": coded,
        "told": partial(_told, visit.language),
        "version": version("lipsyncd"),
    }


def _here(request: Request) -> str:
    """Give the address to come back to after another language was chosen."""
    query = request.url.query if request.method == "GET" else ""
    return f"{request.url.path}?{query}" if 0 < len(query) <= _LONGEST else request.url.path


def _told(language: str, text: object) -> Markup:
    """Say what the daemon says as the page does; what it said in English stands behind it."""
    english, said = shown(str(text)), told(language, text)
    if language == "en":
        return coded(english)
    if said == english:
        return Markup('<span lang="en">{}</span>').format(coded(english))
    return Markup('<span title="{}">{}</span>').format(english, coded(said))


@cache
def asset(name: str) -> str:
    """Give the address of a static file; it changes with the file, so that browsers may keep it."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()
    return f"/static/{name}?v={digest[:12]}"


def _short(fact: str | int) -> str | int:
    """Cut what people have named: messages travel in a cookie."""
    return shown(fact)[:120] if isinstance(fact, str) else fact


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _names(template: str) -> frozenset[str]:
    """Say whether a template is a whole page, which shows messages, or a part of one."""
    source = (_HERE / "templates" / template).read_text(encoding="utf-8")
    return frozenset({"messages"} if "base.html" in source else ())
