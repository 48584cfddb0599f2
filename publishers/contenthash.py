"""The content hash of ENS: a CID as ``name.eth`` stores it (EIP-1577, now ENSIP-7)."""

from __future__ import annotations

from publishers import unixfs

_IPFS = b"\xe3\x01"
"""Multicodec ``ipfs-ns`` (0xe3) as an unsigned varint; the binary CIDv1 without a multibase prefix follows it."""


def contenthash(cid: str) -> str:
    """Return what the resolver's ``setContenthash`` is given so that a name leads to this CID: ``0x`` and hex.

    Raises:
        ValueError: It is not a base32 CIDv1 of a raw or dag-pb block.
    """
    return "0x" + (_IPFS + unixfs.binary(cid)).hex()
