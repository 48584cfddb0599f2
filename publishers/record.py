"""What the ledger knows of one thing that was, or is to be, sent to a place."""

from __future__ import annotations

from dataclasses import dataclass

INTENDED, SENT, PENDING, CONFIRMED, READ_BACK, LOST = "intended", "sent", "pending", "confirmed", "read back", "lost"
"""States of a record. LOST: the network does not know it, and can no longer come to know it; another took its place."""


@dataclass(frozen=True)
class Record:
    """That something is to be, or was, sent to a place.

    Attributes:
        place: The publisher and its network: "ipfs", "arweave:arweave.N.1". A trial network is another place.
        key: sha256 of the bytes; or the parcel's id, for what is made once a parcel.
        address: The one it has, or will have.
        state: One of the states above.
        parcel: Id of the parcel that pays for it.
        owner: Who pays: the wallet's address, or "".
        winston: Its price, 0 where nothing is paid.
        header: What was signed and may be sent again as it is, or b"".
        anchor: Of the header.
        height: The block number at which the anchor was asked for.
        block: The block number in which the network has it, 0 where none is known.
        chunk: Index of the next chunk to send.
        gateway: Address a browser understands, or "".
        number: 1, or one more than that of the record whose place it took.
        created: Seconds since 1970.
        updated: Seconds since 1970.
    """

    place: str
    key: str
    address: str
    state: str = INTENDED
    parcel: str = ""
    owner: str = ""
    winston: int = 0
    header: bytes = b""
    anchor: str = ""
    height: int = 0
    block: int = 0
    chunk: int = 0
    gateway: str = ""
    number: int = 1
    created: float = 0.0
    updated: float = 0.0
