"""Wrong: the page that says what could not be done, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from daemon.errors import DaemonError
from daemon.page.layout import render, speaker_of, told


def answer(
    request: Request,
    status: int,
    key: str = "",
    *,
    message: str = "",
    hint: str = "",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Say what is wrong, as a page or, to a script, as JSON.

    Args:
        request: What cannot be answered.
        status: Of HTTP.
        key: Of the words that say why; "" for those that belong to the status.
        message: What happened, where the daemon's own words say it.
        hint: What to do about it.
        headers: Further ones.
    """
    t = speaker_of(request)
    said = told(t.language, message) or t(key or "page.wrong." + str(status), t("page.wrong.other"))
    hint = told(t.language, hint)
    if "application/json" in request.headers.get("accept", ""):
        reply: Response = JSONResponse({"error": {"message": said, "hint": hint}}, status)
    else:
        reply = render(request, "wrong.html", status, status=status, message=said, hint=hint)
    reply.headers.update(headers or {})
    return reply


async def http(request: Request, error: Exception) -> Response:
    """Answer what an area refuses."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    return answer(request, status, headers=getattr(error, "headers", None))


async def refused(request: Request, error: Exception) -> Response:
    """Answer what cannot be done in the state in which a job is; the sentence is that of the command line."""
    hint = error.hint if isinstance(error, DaemonError) else ""
    message = error.message if isinstance(error, DaemonError) else str(error)
    return answer(request, 409, message=message, hint=hint)


async def disk(request: Request, error: Exception) -> Response:
    """Answer where a disk does not take or give something."""
    return answer(request, 503, message=str(getattr(error, "strerror", "") or error))


async def bug(request: Request, _error: Exception) -> Response:
    """Answer where we have made a mistake; the log says which."""
    return answer(request, 500)
