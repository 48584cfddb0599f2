"""What things cost, and whether they may and can be paid: decided before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from publishers.arweave.amount import ar
from publishers.arweave.answers import Anchor
from publishers.arweave.merkle import CHUNK
from publishers.arweave.network import Gateway
from publishers.errors import Refused, Unreachable
from publishers.ledger import Ledger, Memory
from publishers.record import Record

NEXT_BLOCK = 60.0
"""Seconds after which it is worth looking whether there is another block."""


@dataclass(frozen=True)
class Funds:
    """What is in a wallet, in Winston, and what is not taken off it yet."""

    balance: int
    unmined: tuple[Record, ...]

    def promised(self, height: int) -> int:
        """Return what is still to be taken off it."""
        return owed(self.unmined, height)


@dataclass(frozen=True)
class Purse:
    """Prices, the balance and the cap.

    Attributes:
        gateway: Tells prices and balance.
        ledger: Knows what was spent.
        cap: Winston that one parcel may cost.
    """

    gateway: Gateway
    ledger: Ledger
    cap: int

    def price(self, place: str, size: int) -> int:
        """Return what so many bytes cost now, in Winston, and remember it."""
        price = self.gateway.price(size)
        name = _class(place, size)
        memory = self.ledger.recall(name)
        if memory is None or memory.value != str(price):
            self.ledger.remember(name, str(price))
        return price

    def remembered(self, place: str, size: int) -> Memory | None:
        """Return what so many bytes cost when they were last asked for, in Winston; None where they never were."""
        return self.ledger.recall(_class(place, size))

    def reserve(self, record: Record, called: str) -> Record:
        """Write a record down if it may and can be paid for, together with everything promised before.

        Args:
            record: With its price, parcel and owner.
            called: What people call it: "alice.mp4".

        Raises:
            Refused: The parcel would cost more than the cap, or there is not enough in the wallet.
            Unreachable: There may not be enough until earlier transactions are in a block.
        """
        funds = self.funds(record.place, record.owner, record.winston, record.height)

        def check(spent: int, unmined: tuple[Record, ...]) -> None:
            promised = owed({*funds.unmined, *unmined}, record.height)
            self.cap_allows(spent, record.winston, called)
            self.balance_allows(funds.balance, promised, record.winston, record.owner, called)

        return self.ledger.intend(record, check)

    def funds(self, place: str, owner: str, needed: int, height: int) -> Funds:
        """Return what there is; where it is tight, what the ledger has as unmined is looked up first.

        Args:
            place: The network.
            owner: Address of the wallet.
            needed: Winston that are to be spent.
            height: The network's.
        """
        funds = self._funds(place, owner)
        if needed <= funds.balance < needed + funds.promised(height):
            for record in funds.unmined:
                status = self.gateway.status(record.address.removeprefix("ar://"))
                if status.state == "confirmed":
                    self.ledger.update(record, block=status.height)
            funds = self._funds(place, owner)
        return funds

    def cap_allows(self, spent: int, more: int, called: str) -> None:
        """Hold a parcel's cost against the cap.

        Raises:
            Refused: It is more.
        """
        if spent + more > self.cap:
            before = f", with {ar(spent)} spent on this job before" if spent else ""
            raise Refused(
                f"{called} would cost {ar(more)}{before}: more than the {ar(self.cap)} that one job may cost",
                "Nothing was sent for it. If you want that, raise publish.arweave.max_ar and start lipsyncd again.",
            )

    def balance_allows(self, balance: int, promised: int, more: int, owner: str, called: str) -> None:
        """Hold a price against what is in the wallet.

        Raises:
            Refused: There is too little.
            Unreachable: There is too little once what was promised before is taken off.
        """
        if balance < more:
            raise Refused(
                f"{called} costs {ar(more)}, and the wallet {owner} has {ar(balance)}",
                f"Nothing was sent for it. Put at least {ar(more + promised - balance)} into the wallet.",
            )
        if balance < promised + more:
            raise Unreachable(
                f"{called} costs {ar(more)}; of the {ar(balance)} in the wallet {owner}, {ar(promised)} are promised "
                "to transactions that are not in a block yet",
                f"It goes on once they are, or with {ar(promised + more - balance)} more in the wallet.",
                NEXT_BLOCK,
            )

    def _funds(self, place: str, owner: str) -> Funds:
        """Ask for the balance last: what is mined meanwhile may be taken off twice for a moment, never not at all."""
        unmined = self.ledger.unmined(place, owner)
        return Funds(self.gateway.balance(owner), unmined)


def owed(unmined: Iterable[Record], height: int) -> int:
    """Return what may still be debited for transactions that are in no block, in Winston."""
    return sum(one.winston for one in unmined if not Anchor(one.anchor, one.height).expired(height))


def _class(place: str, size: int) -> str:
    """Return the name under which a price is remembered: the network charges for whole chunks."""
    return f"{place} price of {-(-size // CHUNK)} chunks"
