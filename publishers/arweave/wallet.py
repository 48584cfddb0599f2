"""The wallet that pays: a JWK key file, read through ``secret`` and never shown.

The only module that knows the library ``arweave``, of which ``Wallet`` alone is used. Its ``transaction_uploader`` must
not be imported: that sets SIGPIPE to its default, and the process dies at the first closed connection.
"""

from __future__ import annotations

import json
from typing import Any

import arweave

from publishers.arweave.encoding import decode, encode
from publishers.arweave.signature import EXPONENT
from publishers.errors import PublisherError
from publishers.secret import Secret, read_secret

CREDENTIAL = "arweave-wallet"
BITS = 4096
_PRIVATE = ("d", "p", "q", "dp", "dq", "qi")


class Wallet:
    """Signs, and tells its address; the key stays inside."""

    def __init__(self, key: Secret) -> None:
        """Take a key.

        Args:
            key: A JWK as text (RFC 7517): a private RSA key of 4096 bits.

        Raises:
            PublisherError: It is none; says what it is instead, and nothing of what it holds.
        """
        jwk = _jwk(key)
        self._key = arweave.Wallet.from_data(jwk)
        self.owner: str = self._key.owner
        self.address: str = self._key.address

    def __repr__(self) -> str:
        return f"Wallet({self.address})"

    def sign(self, message: bytes) -> bytes:
        """Return the RSA-PSS signature (SHA-256, 32 bytes of salt) of a message; it differs each time."""
        signature: bytes = self._key.sign(message)
        return signature


def read_wallet(path: str) -> Wallet:
    """Return the wallet that the configuration names.

    Args:
        path: A file with mode 0600, or "" for the systemd credential "arweave-wallet".

    Raises:
        PublisherError: There is none, others may read it, or it is no Arweave key.
    """
    key = read_secret(path, CREDENTIAL)
    if key is None:
        raise PublisherError(
            "there is no Arweave wallet",
            f"Set publish.arweave.wallet to a key file, or give systemd the credential {CREDENTIAL!r}.",
        )
    return Wallet(key)


def _jwk(key: Secret) -> dict[str, str]:
    """Return the parts of the key in the one spelling that Arweave has for them."""
    try:
        found = json.loads(key.reveal())
    except ValueError:
        raise _wrong("is not JSON") from None
    if not isinstance(found, dict) or found.get("kty") != "RSA" or not found.get("n"):
        raise _wrong("is not an RSA key in JWK form")
    if not found.get("d"):
        raise _wrong("holds only a public key", "Export the wallet with its private key.")
    numbers = {name: _number(found, name) for name in ("n", "e", *_PRIVATE)}
    if numbers["n"].bit_length() != BITS:
        raise _wrong(f"is an RSA key of {numbers['n'].bit_length()} bits", f"Arweave takes RSA keys of {BITS} bits.")
    if numbers["e"] != EXPONENT:
        raise _wrong(f"is an RSA key of {BITS} bits with another exponent", f"Arweave takes {EXPONENT} alone.")
    if not _fits(numbers):
        raise _wrong("is a key whose parts do not fit together", "Was it copied whole?")
    return {"kty": "RSA", **{name: _text(number) for name, number in numbers.items()}}


def _number(found: dict[str, Any], name: str) -> int:
    text = found.get(name)
    try:
        return int.from_bytes(decode(text.rstrip("=") if isinstance(text, str) else "-"))
    except ValueError:
        raise _wrong(f"lacks a sound {name!r}", "Was it copied whole?") from None


def _text(number: int) -> str:
    return encode(number.to_bytes((number.bit_length() + 7) // 8))


def _fits(key: dict[str, int]) -> bool:
    """Return whether private and public part belong together."""
    n, e, d, p, q = (key[name] for name in ("n", "e", "d", "p", "q"))
    if p < 3 or q < 3 or p * q != n:
        return False
    if d * e % (p - 1) != 1 or d * e % (q - 1) != 1:
        return False
    return key["dp"] == d % (p - 1) and key["dq"] == d % (q - 1) and key["qi"] * q % p == 1


def _wrong(what: str, hint: str = "It must be the key file that an Arweave wallet exports.") -> PublisherError:
    return PublisherError(f"the Arweave wallet {what}", hint)
