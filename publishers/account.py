"""Account: what the ledger has of each place, in sum; for people and programs that watch over it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Account:
    """All records of one place in one state.

    Attributes:
        place: The publisher and its network, such as "arweave:arweave.N.1".
        state: "intended", "sent", "pending", "confirmed", "read back" or "lost".
        records: How many.
        winston: What they cost, or may cost, together.
    """

    place: str
    state: str
    records: int
    winston: int


def accounts(state: Path) -> tuple[Account, ...]:
    """Read the ledger in a directory; () where there is none yet.

    Raises:
        PublisherError: The ledger is damaged.
        Unreachable: Somebody is writing for very long.
    """
    from publishers.ledger import Ledger

    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for place, standing, winston in Ledger(state).costs():
        records, spent = sums.get((place, standing), (0, 0))
        sums[place, standing] = records + 1, spent + winston
    return tuple(Account(*key, *sums[key]) for key in sorted(sums))
