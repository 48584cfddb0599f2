"""A pinning service that follows the IPFS Pinning Service API 0.1.2 (github.com/ipfs/pinning-services-api-spec)."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.nodes.server import Call, Reply, Server, document

STATUSES = ("queued", "pinning", "pinned", "failed")


@dataclass
class Pin:
    """One request to pin."""

    requestid: str
    created: str
    pin: dict[str, Any]
    status: str = "queued"
    info: dict[str, str] = field(default_factory=dict)


class PinningService(Server):
    """Pins go one step on (queued, pinning, pinned) each time that somebody looks at one of them.

    Attributes:
        token: The only access token that it takes.
        pins: All that were asked for, oldest first; a deleted one is gone.
        found: Whether the data of a CID can be found; what cannot stays "queued".
        failing: CIDs that end as "failed".
        funds: False makes it answer 409 to new pins.
    """

    def __init__(self, token: str = "pinning-token", found: Callable[[str], bool] = lambda cid: True) -> None:
        super().__init__()
        self.token, self.found = token, found
        self.pins: list[Pin] = []
        self.failing: set[str] = set()
        self.funds = True
        self._state = threading.RLock()

    def answer(self, call: Call) -> Reply:
        with self._state:
            if call.token != self.token:
                return _failure(401, "UNAUTHORIZED", "Access token is missing or invalid")
            parts = call.path.strip("/").split("/")
            if parts[0] != "pins" or len(parts) > 2:
                return _failure(404, "NOT_FOUND", "The specified resource was not found")
            if len(parts) == 2:
                return self._one(call, parts[1])
            return {"GET": self._list, "POST": self._add}.get(call.method, _unknown)(call)

    def settle(self) -> None:
        """Let everything that waits become what it will be."""
        with self._state:
            for pin in self.pins:
                self._step(pin)
                self._step(pin)

    def _one(self, call: Call, requestid: str) -> Reply:
        known = next((pin for pin in self.pins if pin.requestid == requestid), None)
        if known is None:
            return _failure(404, "NOT_FOUND", "The specified resource was not found")
        if call.method == "GET":
            self._step(known)
            return document(200, self._shown(known))
        if call.method == "POST":
            replaced = self._add(call)
            if replaced.status == 202:
                self.pins.remove(known)
            return replaced
        if call.method == "DELETE":
            self.pins.remove(known)
            return Reply(202)
        return _unknown(call)

    def _add(self, call: Call) -> Reply:
        try:
            pin = json.loads(call.body)
        except ValueError:
            return _failure(400, "BAD_REQUEST", "The body is not JSON")
        if wrong := _wrong(pin):
            return _failure(400, "BAD_REQUEST", wrong)
        if not self.funds:
            return _failure(409, "INSUFFICIENT_FUNDS", "Unable to process request due to the lack of funds")
        # Timestamps are unique: they are what pages are turned by.
        created = datetime(2026, 11, 21, tzinfo=UTC) + timedelta(milliseconds=len(self.calls))
        made = Pin(str(uuid.uuid4()), created.isoformat(timespec="milliseconds").replace("+00:00", "Z"), pin)
        self.pins.append(made)
        return document(202, self._shown(made))

    def _list(self, call: Call) -> Reply:
        query = call.query
        limit = int(next((value for name, value in query if name == "limit"), 10))
        if not 1 <= limit <= 1000:
            return _failure(400, "BAD_REQUEST", "limit is between 1 and 1000")
        cids = {value for name, value in query if name == "cid"}
        states = {value for name, value in query if name == "status"} or {"pinned"}
        names = {value for name, value in query if name == "name"}
        before = next((value for name, value in query if name == "before"), "9")
        for pin in self.pins:
            self._step(pin)
        match = [
            pin
            for pin in reversed(self.pins)
            if pin.status in states
            and (not cids or pin.pin["cid"] in cids)
            and (not names or pin.pin.get("name") in names)
            and pin.created < before
        ]
        return document(200, {"count": len(match), "results": [self._shown(pin) for pin in match[:limit]]})

    def _step(self, pin: Pin) -> None:
        if pin.status in ("pinned", "failed") or not self.found(pin.pin["cid"]):
            return
        pin.status = STATUSES[STATUSES.index(pin.status) + 1]
        if pin.status == "pinned" and pin.pin["cid"] in self.failing:
            pin.status, pin.info = "failed", {"status_details": "DAG too big"}

    def _shown(self, pin: Pin) -> dict[str, Any]:
        shown = {"requestid": pin.requestid, "status": pin.status, "created": pin.created, "pin": pin.pin}
        shown["delegates"] = ["/dnsaddr/pin-service.example.com"]
        return shown | ({"info": pin.info} if pin.info else {})


def _wrong(pin: Any) -> str:
    if not isinstance(pin, dict) or not isinstance(pin.get("cid"), str):
        return "cid is required"
    if len(pin.get("name", "")) > 255:
        return "name is longer than 255 characters"
    if len(pin.get("origins", [])) > 20 or not all(isinstance(origin, str) for origin in pin.get("origins", [])):
        return "origins are up to 20 addresses"
    if not all(isinstance(value, str) for value in pin.get("meta", {}).values()):
        return "meta holds texts"
    if unknown := set(pin) - {"cid", "name", "origins", "meta"}:
        return f"unknown: {sorted(unknown)}"
    return ""


def _failure(status: int, reason: str, details: str) -> Reply:
    return document(status, {"error": {"reason": reason, "details": details}})


def _unknown(call: Call) -> Reply:
    return _failure(405, "METHOD_NOT_ALLOWED", call.method)
