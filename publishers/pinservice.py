"""A pinning service: the vendor-neutral IPFS Pinning Service API (github.com/ipfs/pinning-services-api-spec, 1.0.0).

Filters are sent with one value each: how several are joined differs between 0.1 and 1.0 of the specification, and
between the services.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast
from urllib.parse import quote

from publishers.errors import Mismatch, PublishError, Refused, Unreachable
from publishers.http import Answer, Web
from publishers.secret import Secret

Status = Literal["queued", "pinning", "pinned", "failed"]
LIVING: tuple[Status, ...] = ("queued", "pinning", "pinned")
"""In the order of a pin's life: who looks for it in this order does not miss one that moves on meanwhile."""
_STATUSES = (*LIVING, "failed")

NAME = 255
"""Most characters of a pin's name."""
APP = {"app_id": "lipsyncd"}
"""What the specification proposes to mark the pins of one program with."""


@dataclass(frozen=True)
class Pin:
    """A request to pin, as the service sees it.

    Attributes:
        id: The service's name of the request.
        status: Where it stands.
        reason: What the service says about that, or "".
    """

    id: str
    status: Status
    reason: str = ""


class PinService:
    """One service, by the name that the configuration gives it."""

    def __init__(self, name: str, endpoint: str, token: Secret | None, patience: float) -> None:
        """Prepare; nothing is contacted.

        Args:
            name: For people and the ledger.
            endpoint: Address that ``/pins`` is put behind.
            token: The access token; None where none is needed.
            patience: Seconds that it may take to answer.

        Raises:
            PublisherError: The endpoint is no address.
        """
        self.name = name
        self.web = Web(endpoint, f"the pinning service {name}", token=token, read=patience, deadline=2 * patience)
        self._token = token

    def hurried(self, patience: float) -> PinService:
        """Return the same service, for a question whose answer nobody waits for long."""
        return PinService(self.name, self.web.base, self._token, patience)

    def get(self, request: str) -> Pin | None:
        """Return a request by its id; None where the service has none of that id (any more).

        Raises:
            PublishError: See ``errors``.
        """
        answer = self.web.get(f"/pins/{quote(request, safe='')}")
        if answer.status == 404:
            return None
        return self._pin(self._json(answer, "asked for a pin"))

    def find(self, cid: str, statuses: Sequence[Status] = LIVING) -> Pin | None:
        """Return a request for this CID, in one of these states; None where there is none.

        Raises:
            PublishError: See ``errors``.
        """
        for status in statuses:
            answer = self.web.get("/pins", params={"cid": cid, "status": status})
            if answer.status == 404:
                continue
            found = self._json(answer, "asked for pins").get("results") or []
            for item in found if isinstance(found, list) else []:
                if isinstance(item, dict) and _cid(item) == cid and item.get("status") in statuses:
                    return self._pin(item)
        return None

    def add(self, cid: str, name: str) -> Pin:
        """Ask the service to fetch and keep what is under a CID.

        Raises:
            Mismatch: It says that it will keep something else.
            PublishError: See ``errors``.
        """
        document = {"cid": cid, "name": name[:NAME], "meta": APP}
        answer = self.web.call("POST", "/pins", document=document)
        made = self._json(answer, f"asked to pin {name}")
        if _cid(made) != cid:
            raise Mismatch(f"{self.name} was asked to pin {cid} and says that it pins {_cid(made) or 'nothing'}")
        return self._pin(made)

    def greet(self) -> None:
        """Ask for something that changes nothing: whether it answers, and takes the token.

        Raises:
            PublishError: It does not.
        """
        self._json(self.web.get("/pins", params={"limit": 1}), "asked for pins")

    def _json(self, answer: Answer, doing: str) -> dict[str, Any]:
        if not answer.ok:
            raise self._fault(answer, doing)
        try:
            document = answer.json()
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise Unreachable(f"{self._who} did not answer as a pinning service does", "Is its endpoint right?")
        return document

    def _fault(self, answer: Answer, doing: str) -> PublishError:
        """Return the error for an answer, in the words that the specification has for it."""
        try:
            failure = answer.json()["error"]
            words = ": ".join(str(failure[key]) for key in ("reason", "details") if failure.get(key))
            answer = replace(answer, body=words.encode())
        except (ValueError, LookupError, TypeError, AttributeError):
            pass  # not in the form of the specification: as it was said then
        fault = self.web.fault(answer, doing)
        if answer.status in (402, 409):
            return Refused(fault.message, f"Look at the account at {self.name}.")
        if answer.status == 404:
            return Refused(fault.message, f"Is the endpoint of {self.name} right?")
        return fault

    def _pin(self, item: dict[str, Any]) -> Pin:
        request, status = item.get("requestid"), item.get("status")
        if not isinstance(request, str) or not request or status not in _STATUSES:
            raise Unreachable(f"{self._who} told of a pin without an id or a state", "Is its endpoint right?")
        info = item.get("info")
        said = info.get("status_details") if isinstance(info, dict) else None
        reason = "".join(sign if sign.isprintable() else " " for sign in said[:200]) if isinstance(said, str) else ""
        return Pin(request, cast("Status", status), reason)

    @property
    def _who(self) -> str:
        return f"{self.name} ({self.web.host})"


def _cid(item: dict[str, Any]) -> str:
    """Return the CID that an answer is about, or ""."""
    pin = item.get("pin")
    cid = pin.get("cid") if isinstance(pin, dict) else None
    return cid if isinstance(cid, str) else ""
