"""What becomes of a transaction once it is posted: sent, pending, confirmed, read back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from publishers.arweave.answers import Status
from publishers.arweave.errand import Errand
from publishers.arweave.gateways import Gateways
from publishers.arweave.search import identity
from publishers.base import Receipt
from publishers.errors import Pending
from publishers.ledger import Ledger
from publishers.record import CONFIRMED, INTENDED, PENDING, READ_BACK, SENT, Record

NAME = "arweave"
RESEED = 1800.0
"""Seconds after which what is confirmed and still not served is sent again: chunks cost nothing."""
_REAL = "arweave:arweave"
_WAIT, _TRIAL_WAIT = 30.0, 1.0
"""Seconds before it is worth asking again; a trial network makes its blocks when told to."""


@dataclass(frozen=True)
class Settling:
    """Follows a transaction until its bytes were read back from every gateway.

    Attributes:
        gateways: Who is asked.
        ledger: Where it is written down.
        confirmations: Blocks, its own included, after which it counts as there for good.
        clock: Seconds since 1970, as the ledger's.
    """

    gateways: Gateways
    ledger: Ledger
    confirmations: int
    clock: Callable[[], float] = time.time

    def settled(self, errand: Errand, record: Record, status: Status) -> Receipt:
        """Return the receipt once the bytes were read back.

        Raises:
            Pending: Time is missing.
            Mismatch: A gateway serves other bytes.
            Unreachable: A gateway does not answer.
        """
        if status.state != "confirmed":
            seen = PENDING if status.state == "pending" else SENT
            record = self._noted(record, seen, 0)
            raise self._pending(errand, record, "is posted and in no block yet")
        if status.confirmations < self.confirmations:
            record = self._noted(record, PENDING, status.height)
            raise self._pending(errand, record, f"has {status.confirmations} of {self.confirmations} confirmations")
        record = self._noted(record, CONFIRMED, status.height)
        for gateway in self.gateways.all:
            if not self.gateways.read_back(gateway, identity(record), errand.artifact, errand.beat):
                self._reseed(record)
                raise self._pending(errand, record, f"is confirmed, and not yet to be had from {gateway.web.host}")
        return self.receipt(errand, self._noted(record, READ_BACK, status.height))

    def receipt(self, errand: Errand, record: Record) -> Receipt:
        """Return the receipt of a record as it stands."""
        state = SENT if record.state == INTENDED else record.state
        gateway = f"{self.gateways.first.url}/{identity(record)}"
        return Receipt(NAME, errand.artifact.name, record.key, record.address, gateway, state)

    def _noted(self, record: Record, state: str, block: int) -> Record:
        """Write a state down where it is another: the time since it last changed counts."""
        if state == SENT and record.state == PENDING and not record.block:
            state = PENDING  # a gateway that forgets for a moment
        if (record.state, record.block) == (state, block):
            return record
        return self.ledger.update(record, state=state, block=block)

    def _reseed(self, record: Record) -> None:
        if self.clock() > record.updated + RESEED:
            self.ledger.update(record, chunk=0)

    def _pending(self, errand: Errand, record: Record, how: str) -> Pending:
        wait = _WAIT if record.place.startswith(_REAL) else _TRIAL_WAIT
        return Pending(f"{errand.called} {how} ({record.address})", self.receipt(errand, record), wait)
