"""Refusal: why something that is uploaded is not taken, in the words of the page or in those of the daemon."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from daemon.errors import DaemonError
from daemon.name import shown
from daemon.page.layout import speaker_of
from daemon.page.wrong import answer


class Refusal(DaemonError):
    """Something is not taken.

    Attributes:
        status: Of HTTP.
        key: Of the page's words; "" where ``message`` and ``hint`` say it.
        facts: What stands in them.
    """

    def __init__(self, status: int, key: str = "", /, message: str = "", hint: str = "", **facts: str | int) -> None:
        super().__init__(message or key, hint)
        self.status = status
        self.key = key
        self.facts = {name: shown(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}

    @classmethod
    def of(cls, error: DaemonError, status: int = 422) -> Refusal:
        """Take on what the daemon says."""
        return cls(status, message=error.message, hint=error.hint)


async def refused(request: Request, error: Exception) -> Response:
    """Answer it."""
    if not isinstance(error, Refusal):
        raise error
    t = speaker_of(request)
    message = t(error.key, **error.facts) if error.key else error.message
    return answer(request, error.status, message=message, hint=error.hint, headers={"Tus-Resumable": "1.0.0"})
