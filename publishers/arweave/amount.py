"""Amounts of money as text, exactly: a Winston is the millionth of a millionth of an AR."""

from __future__ import annotations

WINSTON = 10**12
"""In one AR."""


def ar(winston: int) -> str:
    """Return an amount for people, every digit of it: "0.0123 AR"."""
    whole, rest = divmod(abs(winston), WINSTON)
    digits = f"{rest:012}".rstrip("0")
    return f"{'-' if winston < 0 else ''}{whole}{'.' if digits else ''}{digits} AR"
