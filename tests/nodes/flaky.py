"""A bad line in front of a node: some calls fail before they get there, and some after they were obeyed."""

from __future__ import annotations

import hashlib
import http.client
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.nodes.server import Call, Reply, Server

FAULTS = ("500", "429", "hang", "reset")
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "te", "upgrade"}


@dataclass(frozen=True)
class Passed:
    """A call that reached the node.

    Attributes:
        status: What the node answered, 0 if it did not.
        told: Whether the caller learned the answer.
    """

    method: str
    target: str
    sha256: str
    size: int
    status: int
    told: bool


class Flaky(Server):
    """Passes calls on; a given share of them goes wrong, by a seeded die.

    The die of the n-th call to one part of the service ("POST /tx") depends on the seed and on nothing else, so a test
    meets the same faults however its threads take turns.

    Attributes:
        passed: The calls that reached the node, in order.
        faults: What went wrong so far, such as ("reset", "after").
        share: Of calls that go wrong, 0–1; may be changed while it runs.
    """

    def __init__(
        self,
        node: str,
        seed: int,
        share: float = 0.3,
        kinds: Sequence[str] = FAULTS,
        when: Sequence[str] = ("before", "after"),
        hang: float = 2.0,
        concerns: Callable[[Call], bool] = lambda call: True,
    ) -> None:
        """Prepare.

        Args:
            node: Address of the node.
            seed: Of the die.
            share: Of calls that go wrong.
            kinds: Of faults, each as likely.
            when: Before the node hears of it, or after it answered (the answer is lost).
            hang: Seconds without an answer, after which the connection breaks.
            concerns: Which calls may go wrong at all.
        """
        super().__init__()
        parts = urlsplit(node)
        self._node = parts.hostname or "", parts.port or 80
        self._seed = seed
        self._thrown: Counter[str] = Counter()
        self._kinds, self._when, self._hang, self._concerns = kinds, when, hang, concerns
        self._state = threading.Lock()
        self.share = share
        self.passed: list[Passed] = []
        self.faults: list[tuple[str, str]] = []

    def answer(self, call: Call) -> Reply:
        fault = self._throw(call)
        if fault and fault[1] == "before":
            return self._broken(fault[0])
        reply = self._forward(call, told=not fault)
        return self._broken(fault[0]) if fault else reply

    def reached(self, method: str, path: str) -> list[Passed]:
        """The calls of one kind that reached the node; the path's beginning is enough."""
        return [one for one in self.passed if one.method == method and one.target.startswith(path)]

    def _throw(self, call: Call) -> tuple[str, str] | None:
        part = f"{call.method} /{call.path.split('/')[1]}"
        with self._state:
            self._thrown[part] += 1
            die = random.Random(f"{self._seed} {part} {self._thrown[part]}")
            if die.random() >= self.share or not self._concerns(call):
                return None
            fault = die.choice(self._kinds), die.choice(self._when)
            self.faults.append(fault)
            return fault

    def _broken(self, kind: str) -> Reply:
        if kind == "hang":
            return Reply(hang=self._hang, reset=True)
        if kind == "reset":
            return Reply(reset=True)
        headers = {"Retry-After": "1"} if kind == "429" else {}
        return Reply(int(kind), b"the line is bad", {"Content-Type": "text/plain"} | headers)

    def _forward(self, call: Call, told: bool) -> Reply:
        reply = forward(self._node, call)
        digest = hashlib.sha256(call.body).hexdigest()
        heard = 0 if reply.reset else reply.status
        with self._state:
            self.passed.append(Passed(call.method, call.target, digest, len(call.body), heard, told))
        return reply


def forward(node: tuple[str, int], call: Call, seconds: float = 60) -> Reply:
    """Ask the node itself; a node that is away breaks the connection."""
    line = http.client.HTTPConnection(*node, timeout=seconds)
    try:
        headers = {name: value for name, value in call.headers.items() if name.lower() not in HOP_BY_HOP}
        line.request(call.method, call.target, call.body, headers)
        answer = line.getresponse()
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP}
        length = int(answer.headers["Content-Length"]) if call.method == "HEAD" and answer.length is not None else None
        return Reply(answer.status, answer.read(), kept, length)
    except (OSError, http.client.HTTPException):
        return Reply(reset=True)
    finally:
        line.close()
