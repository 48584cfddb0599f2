"""Base64url without padding (RFC 4648, section 5): how Arweave writes bytes."""

from __future__ import annotations

import base64
import binascii


def encode(data: bytes) -> str:
    """Return bytes as text."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Return the bytes that a text stands for.

    Raises:
        ValueError: It has signs that do not belong there, or is cut off, or could be written otherwise.
    """
    try:
        data = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError("this is not base64url") from None
    if encode(data) != text:
        raise ValueError("this is not base64url as Arweave writes it")
    return data
