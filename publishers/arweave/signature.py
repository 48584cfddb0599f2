"""What anybody can check: RSA-PSS signatures and the addresses that belong to public keys."""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from publishers.arweave.encoding import decode, encode

EXPONENT = 65537
"""The public exponent of every Arweave key; only the modulus is written down."""


def address_of(owner: str) -> str:
    """Return the address of a wallet: SHA-256 of its modulus, base64url.

    Raises:
        ValueError: The owner is no base64url.
    """
    return encode(hashlib.sha256(decode(owner)).digest())


def signed_by(owner: str, message: bytes, signature: bytes) -> bool:
    """Return whether the key of an owner made this signature: RSA-PSS with SHA-256, salt of any length.

    Raises:
        ValueError: The owner is no key.
    """
    key = RSAPublicNumbers(EXPONENT, int.from_bytes(decode(owner))).public_key()
    try:
        key.verify(signature, message, PSS(MGF1(SHA256()), PSS.AUTO), SHA256())
    except InvalidSignature:
        return False
    return True
