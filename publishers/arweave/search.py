"""Looks whether our wallet has paid for these bytes before, where the ledger has no record that counts."""

from __future__ import annotations

from dataclasses import dataclass

from publishers.arweave.errand import Errand
from publishers.arweave.gateways import Gateways
from publishers.arweave.purse import NEXT_BLOCK
from publishers.arweave.transaction import Header
from publishers.errors import Unreachable
from publishers.ledger import Ledger
from publishers.record import PENDING, SENT, Record


@dataclass(frozen=True)
class Search:
    """Asks the gateways, and writes down what it finds."""

    gateways: Gateways
    ledger: Ledger

    def found(self, errand: Errand, owner: str) -> Record | None:
        """Return a record of what was paid for before, or None.

        One that was given up and is there after all; or one that this ledger does not know, because an earlier ledger
        was lost or another machine has the wallet too.

        Raises:
            Unreachable: Nobody answers, or it is too early to tell.
        """
        for old in self.ledger.lost(errand.place, errand.artifact.sha256):
            if self.gateways.status(identity(old)).state != "absent":
                return self.ledger.update(old, state=SENT)
        return self._paid_elsewhere(errand, owner)

    def notice(self, errand: Errand) -> None:
        """Look whether one that was given up has appeared after all: then it has cost something again."""
        for old in self.ledger.lost(errand.place, errand.artifact.sha256):
            status = self.gateways.status(identity(old))
            if status.state == "confirmed":
                self.ledger.update(old, state=PENDING, block=status.height)

    def _paid_elsewhere(self, errand: Errand, owner: str) -> Record | None:
        """Ask the index of the first gateway; a tag proves nothing, so the root of the data is compared."""
        given_up = {identity(old) for old in self.ledger.lost(errand.place, errand.artifact.sha256)}
        named = self.gateways.first.find(owner, errand.artifact.sha256) or ()
        waiting = ""
        for name in reversed([name for name in named if name not in given_up]):
            header = self.gateways.first.header(name)
            if header is None:
                waiting = name
            elif header.address == owner and header.data_root == errand.data().root:
                return self.ledger.intend(self._record(errand, header))
        if waiting:
            raise Unreachable(
                f"{errand.called} was posted by this wallet before (ar://{waiting}) and is in no block yet",
                "The ledger does not know it; it is used once it is in a block.",
                NEXT_BLOCK,
            )
        return None

    def _record(self, errand: Errand, header: Header) -> Record:
        """Return a record without a price: this parcel does not pay for it."""
        return Record(
            errand.place,
            errand.artifact.sha256,
            f"ar://{header.id}",
            SENT,
            errand.parcel.id,
            header.address,
            header=header.to_json().encode(),
            anchor=header.anchor,
            height=errand.height,
            chunk=errand.data().chunks,
        )


def identity(record: Record) -> str:
    """Return the id of a record's transaction."""
    return record.address.removeprefix("ar://")
