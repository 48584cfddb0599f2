"""A gateway to Arweave, by the HTTP API of its nodes (docs.arweave.org, "HTTP API") and the GraphQL of its gateways.

Questions and chunks are asked again at once where the gateway stumbles: they may be. A transaction is posted once; who
posts decides by ``status`` of its id what has become of it, for gateways answer a second post each in its own way.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from publishers.arweave.answers import Anchor, Info, Posted, Status
from publishers.arweave.data import Chunk
from publishers.arweave.tags import APP, APP_NAME, SHA256
from publishers.arweave.transaction import Header
from publishers.errors import PublishError, Unreachable
from publishers.http import Answer, Web, date

_RIGHT = "Is it the address of an Arweave gateway?"
PAUSES, PATIENCE = (0.25, 0.5), 5.0
"""Seconds before something safe is asked again at once, and for how long at all."""
QUICK = 2.0
_STUMBLES = frozenset({408, 500, 502, 503, 504})
_ID = re.compile(r"[A-Za-z0-9_-]{43}")
_HOPELESS = frozenset(
    {
        "chunk_proof_ratio_not_attractive",
        "chunk_too_big",
        "data_path_too_big",
        "data_size_too_big",
        "invalid_json",
        "invalid_proof",
        "offset_too_big",
    }
)
"""What nodes say to a chunk that they will never take."""
_QUERY = """query($owners: [String!], $tags: [TagFilter!]) {
  transactions(owners: $owners, tags: $tags, first: 20) { edges { node { id owner { address } } } }
}"""


class Gateway:
    """Calls one gateway. All calls raise ``Unreachable`` where nobody answers, or somebody answers "later"."""

    def __init__(self, url: str, pause: Callable[[float], None] = time.sleep, quick: bool = False) -> None:
        """Prepare; nothing is contacted yet.

        Args:
            url: Its address.
            pause: How to wait for some seconds before asking again.
            quick: Ask once and for two seconds at most, for somebody who waits.

        Raises:
            PublisherError: The address is none.
        """
        self.url = url.rstrip("/")
        called = "the Arweave gateway"
        self.web = Web(self.url, called, read=QUICK, deadline=QUICK) if quick else Web(self.url, called)
        self._pause = pause
        self._pauses = () if quick else PAUSES

    def __repr__(self) -> str:
        return f"Gateway({self.web.host})"

    def close(self) -> None:
        """Close what is open."""
        self.web.close()

    def info(self) -> Info:
        """Return network, height and clock."""
        answer = self._get("/info", "asked for its state")
        said = self._document(answer)
        network, height = said.get("network"), said.get("height")
        if not isinstance(network, str) or not network or not isinstance(height, int):
            raise self._nonsense("its state")
        release = said.get("release")
        spoken = next((value for name, value in answer.headers.items() if name.lower() == "date"), "")
        return Info(network, height, release if isinstance(release, int) else 0, date(spoken))

    def price(self, size: int) -> int:
        """Return what so many bytes cost now, in Winston."""
        return self._amount(self._get(f"/price/{size}", "asked for the price"), "the price")

    def balance(self, address: str) -> int:
        """Return what a wallet has, in Winston."""
        return self._amount(self._get(f"/wallet/{address}/balance", "asked for the balance"), "the balance")

    def anchor(self) -> Anchor:
        """Return a block to refer to, and the height after it was asked for."""
        block = self._get("/tx_anchor", "asked for an anchor").text
        if not re.fullmatch(r"[A-Za-z0-9_-]{43,128}", block):
            raise self._nonsense("an anchor")
        return Anchor(block, self.info().height)

    def status(self, identity: str) -> Status:
        """Return what has become of a transaction."""
        answer = self._ask(f"/tx/{identity}/status")
        if answer.status in (404, 410):
            return Status("absent")
        if answer.status == 202 or (answer.ok and answer.text.lower() == "pending"):
            return Status("pending")
        if not answer.ok:
            raise self.web.fault(answer, "asked for the state of a transaction")
        said = self._document(answer)
        confirmations, height = said.get("number_of_confirmations"), said.get("block_height")
        if not isinstance(confirmations, int) or not isinstance(height, int):
            raise self._nonsense("the state of a transaction")
        return Status("confirmed", max(confirmations, 1), height)  # a trial network counts its first block as 0

    def header(self, identity: str) -> Header | None:
        """Return a transaction that is in a block, its id and signature checked; None where it is in none.

        Raises:
            Unreachable: As ever, or what came is another transaction, or none that only stores data.
        """
        answer = self._ask(f"/tx/{identity}")
        if answer.status in (202, 404, 410) or (answer.ok and answer.text.lower() == "pending"):
            return None
        if not answer.ok:
            raise self.web.fault(answer, "asked for a transaction")
        try:
            found = Header.from_json(answer.body)
        except ValueError:
            raise self._nonsense("a transaction") from None
        if found.id != identity:
            raise self._nonsense("a transaction")
        return found

    def find(self, address: str, sha256: str) -> tuple[str, ...] | None:
        """Return the ids of what a wallet published by this program under a hash, for where the ledger was lost.

        What was posted within the last minutes may be missing. ``header`` tells whether one is what it says.

        Args:
            address: Of the wallet.
            sha256: Of the bytes, in hex.

        Returns:
            None where the gateway keeps no such index.
        """
        tags = [{"name": APP_NAME, "values": [APP]}, {"name": SHA256, "values": [sha256]}]
        variables = {"owners": [address], "tags": tags}
        document = {"query": _QUERY, "variables": variables}
        answer = self._repeat(lambda: self.web.call("POST", "/graphql", document=document))
        if not answer.ok:
            fault = self.web.fault(answer, "asked for earlier transactions")
            if fault.passing:
                raise fault
            return None
        try:
            said = answer.json()
            if said.get("errors"):  # it has an index, and cannot ask it now
                raise self._nonsense("earlier transactions")
            nodes = [edge["node"] for edge in said["data"]["transactions"]["edges"]]
            found = [node["id"] for node in nodes if node["owner"]["address"] == address]
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
        return tuple(identity for identity in found if isinstance(identity, str) and _ID.fullmatch(identity))

    def post(self, header: Header, data: bytes = b"") -> Posted:
        """Post a transaction, once. It must be in the ledger by now.

        Args:
            header: As it was signed.
            data: All its data where it is to travel along (``Data.inline``): then there are no chunks to send.

        Raises:
            Unreachable: Whether it was taken is not known; ask for its ``status``.
            Refused: The gateway takes nothing from us, whatever it is.
        """
        answer = self.web.call("POST", "/tx", document=header.document(data))
        if answer.ok:
            return Posted.KNOWN if answer.status == 208 else Posted.ACCEPTED
        fault = self.web.fault(answer, "given a transaction")
        if fault.passing or answer.status < 400:
            raise fault
        said = answer.text[:400].lower()
        if "already" in said:
            return Posted.KNOWN
        if answer.status in (402, 410) or re.search("enough|insufficient|overspend", said):
            return Posted.UNFUNDED
        if answer.status == 400 and "anchor" in said:
            return Posted.EXPIRED
        if answer.status == 404:  # a trial network's word for a second post
            return Posted.UNCLEAR
        if answer.status in (401, 403):
            raise fault
        return Posted.INVALID

    def post_chunk(self, chunk: Chunk) -> None:
        """Post a chunk of a transaction that was posted; doing so again does no harm.

        Raises:
            Unreachable: It was not taken this time; so too while the gateway has not seen the transaction itself.
            Refused: It will never be taken.
        """
        answer = self._repeat(lambda: self.web.call("POST", "/chunk", document=chunk.document))
        if answer.ok:
            return
        fault = self.web.fault(answer, "given a chunk")
        if answer.status == 400 and not any(word in answer.text for word in _HOPELESS):
            fault = Unreachable(fault.message, "It is tried again by itself.", 20.0)
        raise fault

    def _get(self, path: str, doing: str) -> Answer:
        answer = self._ask(path)
        if not answer.ok:
            fault = self.web.fault(answer, doing)
            fault.hint = fault.hint or _RIGHT
            raise fault
        return answer

    def _ask(self, path: str) -> Answer:
        return self._repeat(lambda: self.web.get(path))

    def _repeat(self, call: Callable[[], Answer]) -> Answer:
        """Make a call that may be made more than once: up to three times, while that does not take long."""
        end = time.monotonic() + PATIENCE
        for pause in self._pauses:
            try:
                answer = call()
                if answer.status not in _STUMBLES or time.monotonic() > end:
                    return answer
            except Unreachable:
                if time.monotonic() > end:
                    raise
            self._pause(pause)
        return call()

    def _document(self, answer: Answer) -> dict[str, Any]:
        try:
            said = answer.json()
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise self._nonsense("what it was asked")
        return said

    def _amount(self, answer: Answer, called: str) -> int:
        if not re.fullmatch(r"[0-9]{1,40}", answer.text):
            raise self._nonsense(called)
        return int(answer.text)

    def _nonsense(self, called: str) -> PublishError:
        return Unreachable(f"the Arweave gateway ({self.web.host}) did not give {called}", _RIGHT)
