"""The deep hash of Arweave: SHA-384 over nested lists, so that no two structures share a digest.

Follows ``deepHash`` of arweave-js and ``ar_deep_hash`` of the Arweave node, the rule by which format-2 transactions
are signed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

Item = bytes | Sequence["Item"]


def deep_hash(item: Item) -> bytes:
    """Return the 48 bytes that stand for an item: a byte string, or a list of items."""
    if isinstance(item, bytes):
        return _sha384(_sha384(b"blob%d" % len(item)) + _sha384(item))
    digest = _sha384(b"list%d" % len(item))
    for part in item:
        digest = _sha384(digest + deep_hash(part))
    return digest


def _sha384(data: bytes) -> bytes:
    return hashlib.sha384(data).digest()
