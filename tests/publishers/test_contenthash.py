"""The content hash of ENS: the vector of EIP-1577's own text, and what it refuses."""

from __future__ import annotations

import base64

import pytest

from publishers import contenthash, unixfs

# EIP-1577, "Example", IPFS: dag-pb, sha2-256, this hash; the CID there is the same one in its old form (Qm…).
HASH = "29f2d17be6139079dc48696d1f582a8530eb9805b561eda517e22a892c7e3f1f"
WANTED = "0xe3010170122029f2d17be6139079dc48696d1f582a8530eb9805b561eda517e22a892c7e3f1f"
OLD = "QmRAQB6YaCyidP37UdDnjFY5vQuiBrcqdyoW1CuDgwxkD4"
ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58(text: str) -> bytes:
    number = 0
    for letter in text:
        number = number * 58 + ALPHABET.index(letter)
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def test_the_vector_of_the_eip() -> None:
    cid = "b" + base64.b32encode(b"\x01\x70" + base58(OLD)).decode().lower().rstrip("=")
    assert base58(OLD) == b"\x12\x20" + bytes.fromhex(HASH)
    assert contenthash(cid) == WANTED


def test_a_raw_block_has_one_too() -> None:
    assert contenthash(unixfs.leaf(bytes(32), 1).text) == "0xe301" + "01551220" + "00" * 32


@pytest.mark.parametrize("cid", ["", OLD, "bafy", "0x00", "zdj7W"])
def test_what_is_no_cid_is_refused(cid: str) -> None:
    with pytest.raises(ValueError, match="not a base32 CIDv1"):
        contenthash(cid)
