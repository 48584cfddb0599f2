"""Keys to sign with, made for one test run."""

from __future__ import annotations

import json

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from publishers.arweave.encoding import encode


def new_key(bits: int = 4096) -> RSAPrivateKey:
    """An RSA key; 4096 bits take a second or so."""
    return generate_private_key(public_exponent=65537, key_size=bits)


def jwk(key: RSAPrivateKey) -> dict[str, str]:
    """The key in the form in which Arweave wallets are exported."""
    private = key.private_numbers()
    numbers = {
        "n": private.public_numbers.n,
        "e": private.public_numbers.e,
        "d": private.d,
        "p": private.p,
        "q": private.q,
        "dp": private.dmp1,
        "dq": private.dmq1,
        "qi": private.iqmp,
    }
    made = {name: encode(number.to_bytes((number.bit_length() + 7) // 8)) for name, number in numbers.items()}
    return {"kty": "RSA", "ext": "true", **made}


def jwk_text(key: RSAPrivateKey) -> str:
    """The same as the text of a key file."""
    return json.dumps(jwk(key))
