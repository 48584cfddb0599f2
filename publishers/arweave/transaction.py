"""Format-2 transactions as arweave-js makes them: a signed header that names the data by the root of its chunks.

``sign`` makes the header; ``to_json`` is what the ledger keeps, ``document`` what is posted, as often as need be: the
same header is the same transaction and is paid for once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from publishers.arweave.data import Data
from publishers.arweave.deephash import deep_hash
from publishers.arweave.encoding import decode, encode
from publishers.arweave.merkle import HASH
from publishers.arweave.signature import address_of, signed_by
from publishers.arweave.tags import Tag, check

FORMAT = 2


class Signer(Protocol):
    """What can sign: a ``Wallet``."""

    @property
    def owner(self) -> str:
        """The modulus of the public key, base64url."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the RSA-PSS signature of a message."""
        ...


@dataclass(frozen=True)
class Header:
    """A signed transaction without its data.

    Attributes:
        id: SHA-256 of the signature, base64url: the address of the data.
        owner: Modulus of the public key, base64url.
        anchor: ``last_tx``: a recent block; some 50 blocks later nobody takes the transaction any more.
        tags: Names and values, in order.
        reward: What is paid, in Winston.
        data_size: Bytes of the data.
        data_root: Root of the tree over its chunks, base64url.
        signature: RSA-PSS, base64url.
    """

    id: str
    owner: str
    anchor: str
    tags: tuple[Tag, ...]
    reward: int
    data_size: int
    data_root: str
    signature: str

    @property
    def address(self) -> str:
        """The address of the wallet that pays."""
        return address_of(self.owner)

    def document(self, data: bytes = b"") -> dict[str, Any]:
        """Return what is posted to ``/tx``.

        Args:
            data: All the data, where it travels along.
        """
        return {
            "format": FORMAT,
            "id": self.id,
            "last_tx": self.anchor,
            "owner": self.owner,
            "tags": [{"name": encode(tag.name.encode()), "value": encode(tag.value.encode())} for tag in self.tags],
            "target": "",
            "quantity": "0",
            "data": encode(data),
            "data_size": str(self.data_size),
            "data_root": self.data_root,
            "reward": str(self.reward),
            "signature": self.signature,
        }

    def to_json(self) -> str:
        """Return the header as text, always the same for the same header: what the ledger keeps."""
        return json.dumps(self.document(), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Header:
        """Read a header that ``to_json`` wrote or a gateway sent, and check that it holds together.

        Raises:
            ValueError: It is none, is of another format, moves money, or its id or signature does not fit.
        """
        try:
            header = _header(json.loads(text))
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"this is not a format-2 transaction ({type(error).__name__})") from None
        header.check()
        return header

    def check(self) -> None:
        """Check id and signature.

        Raises:
            ValueError: They do not fit what they sign.
        """
        signature = decode(self.signature)
        if encode(hashlib.sha256(signature).digest()) != self.id:
            raise ValueError("the id of the transaction is not that of its signature")
        if not signed_by(self.owner, self.signed, signature):
            raise ValueError("the signature of the transaction does not fit")

    @property
    def signed(self) -> bytes:
        """The 48 bytes that the signature signs."""
        return _signed(self.owner, self.anchor, self.tags, self.reward, self.data_size, self.data_root)


def sign(wallet: Signer, data: Data, tags: Sequence[Tag], reward: int, anchor: str) -> Header:
    """Sign a transaction that stores data and moves no money; each call gives another id.

    Args:
        wallet: Who pays.
        data: What is stored.
        tags: Names and values.
        reward: What is paid, in Winston.
        anchor: What ``/tx_anchor`` said.

    Raises:
        ValueError: The tags are more than a transaction takes, or the anchor is no base64url.
    """
    check(tags)
    signature = wallet.sign(_signed(wallet.owner, anchor, tags, reward, data.size, data.root))
    name = encode(hashlib.sha256(signature).digest())
    return Header(name, wallet.owner, anchor, tuple(tags), reward, data.size, data.root, encode(signature))


def _signed(owner: str, anchor: str, tags: Sequence[Tag], reward: int, size: int, root: str) -> bytes:
    target, quantity = b"", b"0"
    return deep_hash(
        [
            b"%d" % FORMAT,
            decode(owner),
            target,
            quantity,
            b"%d" % reward,
            decode(anchor),
            [[tag.name.encode(), tag.value.encode()] for tag in tags],
            b"%d" % size,
            decode(root),
        ]
    )


def _header(document: dict[str, Any]) -> Header:
    if str(document["format"]) != str(FORMAT) or document["target"] or int(document["quantity"]):
        raise ValueError("this is not a format-2 transaction that only stores data")
    identity, owner, anchor, root, signature = (
        _text(document[name]) for name in ("id", "owner", "last_tx", "data_root", "signature")
    )
    if root and len(decode(root)) != HASH:
        raise ValueError("the data_root of the transaction is no SHA-256")
    tags = tuple(Tag(decode(tag["name"]).decode(), decode(tag["value"]).decode()) for tag in document["tags"])
    return Header(identity, owner, anchor, tags, int(document["reward"]), int(document["data_size"]), root, signature)


def _text(found: object) -> str:
    if not isinstance(found, str):
        raise TypeError
    return found
