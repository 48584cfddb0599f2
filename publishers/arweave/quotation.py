"""What a parcel would cost: every price before anything is signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from publishers.arweave.amount import ar
from publishers.arweave.errand import nothing_in
from publishers.arweave.pathmanifest import path_manifest
from publishers.arweave.purse import Purse
from publishers.arweave.wallet import Wallet
from publishers.base import Parcel, Quote, QuoteLine
from publishers.ledger import Ledger
from publishers.record import READ_BACK

PAPER = 64 * 1024
"""Bytes that a paper has at most."""
_ID = 43
_ALL = "all of it"
_NOTE = "An address on Arweave is known once its transaction is signed, before anything is sent."


@dataclass(frozen=True)
class Quotation:
    """Prices of all files of a parcel, its path manifest and its papers.

    Attributes:
        ledger: Knows what is paid for, and prices once seen.
        purse: Asks for prices.
        name: The publisher's.
    """

    ledger: Ledger
    purse: Purse
    name: str

    def online(self, parcel: Parcel, place: str, height: int, wallet: Wallet) -> Quote:
        """Ask for all prices, and hold them against the cap and the balance.

        Raises:
            Refused: It is too dear, there is too little in the wallet, or a file is empty.
            Unreachable: Nobody answers.
        """
        if empty := next((one.name for one in parcel.artifacts if not one.bytes), ""):
            raise nothing_in(empty)
        lines = self._lines(parcel, place, lambda size: self.purse.price(place, size))
        total = sum(line.winston or 0 for line in lines)
        total += parcel.papers * self.purse.price(place, PAPER) if parcel.papers else 0
        self.purse.cap_allows(self.ledger.spent(place, parcel.id), total, _ALL)
        funds = self.purse.funds(place, wallet.address, total, height)
        self.purse.balance_allows(funds.balance, funds.promised(height), total, wallet.address, _ALL)
        note = f"The wallet {wallet.address} has {ar(funds.balance)}. {_NOTE}"
        return Quote(self.name, lines, total, note)

    def offline(self, parcel: Parcel, place: str | None) -> Quote:
        """Say what can be said without asking anybody: by prices once seen on that network, if there are any."""
        if place is None:
            lines = self._lines(parcel, "", lambda _size: None)
            return Quote(self.name, lines, None, f"The price is asked for when it is published. {_NOTE}")
        lines = self._lines(parcel, place, lambda size: self._once(place, size))
        prices = [line.winston for line in lines] + [self._once(place, PAPER)] * parcel.papers
        known = [price for price in prices if price is not None]
        if len(known) < len(prices):
            return Quote(self.name, lines, None, f"Not every price is known yet: it is asked for online. {_NOTE}")
        total = sum(known)
        if not total:
            return Quote(self.name, lines, 0, "Everything is paid for already.")
        return Quote(self.name, lines, total, f"By prices of {self._date(parcel, place)}. {_NOTE}")

    def _lines(self, parcel: Parcel, place: str, price: Callable[[int], int | None]) -> tuple[QuoteLine, ...]:
        lines: list[QuoteLine] = []
        priced: set[str] = set()
        for artifact in parcel.artifacts:
            record = self.ledger.find(place, artifact.sha256)
            if record is not None:
                lines.append(QuoteLine(artifact.name, record.address, 0, record.state == READ_BACK))
            else:
                lines.append(QuoteLine(artifact.name, "", 0 if artifact.sha256 in priced else price(artifact.bytes)))
                priced.add(artifact.sha256)  # the same bytes under another name are paid for once
        if parcel.artifacts:
            lines.append(QuoteLine("", "", price(_whole(parcel))))
        return tuple(lines)

    def _once(self, place: str, size: int) -> int | None:
        memory = self.purse.remembered(place, size)
        return None if memory is None else int(memory.value)

    def _date(self, parcel: Parcel, place: str) -> str:
        """Return the day of the oldest of the prices."""
        sizes = [*(artifact.bytes for artifact in parcel.artifacts), _whole(parcel)]
        seen = [memory.seen for size in sizes if (memory := self.purse.remembered(place, size)) is not None]
        return datetime.fromtimestamp(min(seen), UTC).date().isoformat()


def _whole(parcel: Parcel) -> int:
    """Return the bytes of the path manifest: ids that are not known yet have a length that is."""
    return len(path_manifest({artifact.name: "_" * _ID for artifact in parcel.artifacts}))
