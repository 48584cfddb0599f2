"""A door in front of a node: only who has the right Authorization gets through, as at Kubo's API.Authorizations."""

from __future__ import annotations

import base64
from urllib.parse import urlsplit

from tests.nodes.flaky import forward
from tests.nodes.server import Call, Reply, Server


class Guard(Server):
    """Passes on what is allowed; answers 403 as Kubo does otherwise.

    Attributes:
        secret: "user:password", or a bearer token without a colon; may be changed while it runs.
        refused: How many calls it turned away.
    """

    def __init__(self, node: str, secret: str) -> None:
        super().__init__()
        parts = urlsplit(node)
        self._node = parts.hostname or "", parts.port or 80
        self.secret = secret
        self.refused = 0

    def answer(self, call: Call) -> Reply:
        basic = f"Basic {base64.b64encode(self.secret.encode()).decode()}"
        wanted = basic if ":" in self.secret else f"Bearer {self.secret}"
        if call.headers.get("Authorization") != wanted:
            self.refused += 1
            return Reply(403, b"Kubo RPC Access Denied: Please provide a valid authorization token", {})
        return forward(self._node, call)
