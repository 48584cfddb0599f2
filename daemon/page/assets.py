"""Assets: the static files; an address that names a file's digest may be kept for ever."""

from __future__ import annotations

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope


class Assets(StaticFiles):
    """Serves static files with how long they may be kept."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with one file."""
        answer = await super().get_response(path, scope)
        lasting = b"v=" in scope["query_string"]
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable" if lasting else "public, no-cache"
        return answer
