"""Paragraph as far as its documented API makes and lists posts (paragraph.com/docs/api-reference/posts)."""

from __future__ import annotations

import json
import threading
from typing import Any

from tests.nodes.server import Call, Reply, Server, document

LIMITS = {"title": 200, "subtitle": 300, "slug": 256, "postPreview": 500}
"""Most characters of each field."""

KNOWN = {*LIMITS, "markdown", "imageUrl", "sendNewsletter", "status", "categories", "scheduledAt"}


class ParagraphService(Server):
    """Posts are *published at once* unless the call says "draft", as at the real one.

    Attributes:
        api: What a client is given as the API's address.
        key: The only API key that it takes.
        posts: What was made, oldest first, each with its id and status.
        letters: How many newsletters went out.
    """

    def __init__(self, key: str = "paragraph-key") -> None:
        super().__init__()
        self.key = key
        self.api = f"{self.url}/api"
        self.posts: list[dict[str, Any]] = []
        self.letters = 0
        self._state = threading.RLock()

    def answer(self, call: Call) -> Reply:
        with self._state:
            if call.token != self.key:
                return _failure(401, "Unauthorized: invalid API key")
            if call.path == "/api/v1/me" and call.method == "GET":
                return document(200, {"id": "publication", "name": "A publication", "slug": "publication"})
            if call.path == "/api/v1/posts":
                return self._create(call) if call.method == "POST" else self._list(call)
            if call.path.startswith("/api/v1/posts/") and call.method == "GET":
                wanted = call.path.rpartition("/")[2]
                found = [post for post in self.posts if post["id"] == wanted]
                return document(200, found[0]) if found else _failure(404, "Post not found")
            return _failure(404, "Not found")

    def _create(self, call: Call) -> Reply:
        try:
            asked = json.loads(call.body)
        except ValueError:
            return _failure(400, "Invalid JSON")
        if wrong := _wrong(asked):
            return _failure(400, wrong)
        status = "scheduled" if asked.get("scheduledAt") else asked.get("status", "published")
        post = asked | {"id": f"post{len(self.posts) + 1:04d}", "status": status}
        post.setdefault("slug", post["id"])
        self.posts.append(post)
        self.letters += bool(asked.get("sendNewsletter")) and status == "published"
        return document(200, {"id": post["id"], "status": status})

    def _list(self, call: Call) -> Reply:
        query = dict(call.query)
        start, limit = int(query.get("cursor", 0)), int(query.get("limit", 10))
        if not 1 <= limit <= 100:
            return _failure(400, "limit must be between 1 and 100")
        posts = [post for post in reversed(self.posts) if post["status"] == query.get("status", "published")]
        hidden = set() if query.get("includeContent") == "true" else {"markdown", "json", "staticHtml"}
        items = [{k: v for k, v in post.items() if k not in hidden} for post in posts[start : start + limit]]
        pagination = {"hasMore": start + limit < len(posts), "total": len(posts)}
        if pagination["hasMore"]:
            pagination["cursor"] = str(start + limit)
        return document(200, {"items": items, "pagination": pagination})


def _wrong(asked: Any) -> str:
    if not isinstance(asked, dict) or not asked.get("title"):
        return "title is required"
    if not asked.get("markdown"):
        return "markdown or bodyJson is required"
    if asked.get("status", "published") not in ("published", "draft"):
        return "status must be published or draft"
    if asked.get("scheduledAt") and asked.get("status") == "draft":
        return "scheduledAt cannot be combined with status draft"
    for name, most in LIMITS.items():
        if len(asked.get(name, "")) > most:
            return f"{name} must be at most {most} characters"
    unknown = set(asked) - KNOWN
    return f"unrecognized keys: {sorted(unknown)}" if unknown else ""


def _failure(status: int, msg: str) -> Reply:
    return document(status, {"success": False, "msg": msg})
