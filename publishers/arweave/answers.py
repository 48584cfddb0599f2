"""What the network says: of itself, of a transaction that was posted, and of the block that one refers to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

ANCHOR_BLOCKS = 50
"""A transaction is taken while its anchor is among so many last blocks."""
REORGANISED = 20
"""Blocks behind the newest that may still be replaced by others (18 at the node), and two more."""


class Posted(StrEnum):
    """What a gateway made of a transaction that was posted; only ``status`` of the id is proof of anything."""

    ACCEPTED = "accepted"
    KNOWN = "there already"
    UNFUNDED = "more than the wallet has"
    EXPIRED = "anchor too old"
    INVALID = "not valid"
    UNCLEAR = "unclear"


@dataclass(frozen=True)
class Status:
    """What has become of a transaction.

    Attributes:
        state: "absent" is what this gateway knows: another may know more, and so may this one in a minute.
        confirmations: Blocks since, its own included; 0 until it is in one.
        height: Of its block; 0 until it is in one.
    """

    state: Literal["absent", "pending", "confirmed"]
    confirmations: int = 0
    height: int = 0


@dataclass(frozen=True)
class Info:
    """What a gateway says of itself.

    Attributes:
        network: "arweave.N.1" is the real one.
        height: Of the newest block.
        release: Of the node's software.
        clock: The gateway's, in seconds since 1970, or None where it does not tell.
    """

    network: str
    height: int
    release: int
    clock: float | None


@dataclass(frozen=True)
class Anchor:
    """A recent block that a transaction refers to.

    Attributes:
        block: Its hash, base64url.
        height: The network's when it was asked for; the block itself is no higher.
    """

    block: str
    height: int

    def expired(self, height: int) -> bool:
        """Return whether no node takes a transaction with this anchor any more, nor can one still turn up in a block.

        Args:
            height: The network's now.
        """
        return height > self.height + ANCHOR_BLOCKS + REORGANISED
