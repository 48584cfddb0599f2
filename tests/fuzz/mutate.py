"""Seeded damage: the same seed spoils the same bytes in the same way."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

_EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x10000, 0x01000000)
_WORDS = (
    *("[", "]", "{", "}", "=", '"', '"""', "'", ".", ",", "\n", "#", "true", "nan", "-inf", "0x", "1e999", "\\u0000"),
    *(
        "1979-05-27T07:32:00Z",
        "9" * 400,
        "a." * 30,
        "[" * 200,
        "\u202e",
        "\x1b[2J",
        "../",
        "/etc/passwd",
        "\ud83d\ude42",
    ),
    *(
        "title",
        "who",
        "faces",
        "pick",
        "publish",
        "engine",
        "review",
        "p.png",
        "\r\n",
        "\0",
        "\ufeff",
        "<script>",
        "%s",
    ),
)
_VALUES = (
    *("true", "false", "0", "1", "-1", "1.5", "nan", "[]", "{}", "1979-05-27", "07:32:00", '""', '"left"', '"q.png"'),
    *('["folder"]', '["nosuch"]', '[["x"]]', '{ pick = "right" }', '{ who = "q.png" }', '"null"', '"../q.png"', '"%s"'),
    *('"""\nmany\nlines"""', "'<b>'", '"\\u202e"', '"名字"', '[1, "a"]', "9" * 30, '"' + "x" * 3000 + '"'),
)


def spoilt(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """Damage a file in one to four ways, nearer its head than its end."""
    for _ in range(chance.randint(1, 4)):
        data = chance.choice(_WAYS)(data, others, chance)
    return data[: 1 << 20]


def garbled(text: str, chance: random.Random) -> bytes:
    """Damage a text: its letters, its words, its lines, and sometimes its bytes."""
    for _ in range(chance.randint(1, 3)):
        at = chance.randint(0, len(text))
        kind = chance.randrange(8)
        if kind > 4:
            text = _otherwise(text, chance)
        elif kind == 0:
            text = text[:at] + chance.choice(_WORDS) + text[at:]
        elif kind == 1:
            text = text[:at] + text[at + chance.randint(1, 9) :]
        elif kind == 2:
            text = (
                text[:at]
                + chr(chance.choice((chance.randint(0, 255), chance.randint(0x2000, 0x2FFF))))
                + text[at + 1 :]
            )
        elif kind == 3:
            lines = text.split("\n")
            lines.insert(chance.randint(0, len(lines)), chance.choice(lines))
            text = "\n".join(lines)
        else:
            text = text[:at] + text[at:] * chance.randint(1, 3)
    data = text.encode("utf-8", "replace")[:70_000]
    return spoilt(data, [data], chance) if chance.random() < 0.15 else data


def _otherwise(text: str, chance: random.Random) -> str:
    """Give one key another value: still TOML, and seldom what it should be."""
    lines = text.split("\n")
    keyed = [at for at, line in enumerate(lines) if " = " in line]
    if keyed:
        at = chance.choice(keyed)
        lines[at] = f"{lines[at].partition(' = ')[0]} = {chance.choice(_VALUES)}"
    return "\n".join(lines)


def _place(data: bytes, chance: random.Random) -> int:
    """A place in the file; half of the time within the first few hundred bytes, where all the numbers are."""
    return chance.randrange(max(1, min(len(data), 400 if chance.random() < 0.5 else len(data))))


def _bits(data: bytes, _others: list[bytes], chance: random.Random) -> bytes:
    spoilt_bytes = bytearray(data)
    for _ in range(chance.randint(1, 12)):
        if spoilt_bytes:
            spoilt_bytes[_place(data, chance)] ^= 1 << chance.randrange(8)
    return bytes(spoilt_bytes)


def _number(data: bytes, _others: list[bytes], chance: random.Random) -> bytes:
    at, value = _place(data, chance), chance.choice(_EXTREMES)
    form, most = chance.choice(((">I", 0xFFFFFFFF), ("<I", 0xFFFFFFFF), (">H", 0xFFFF), ("<H", 0xFFFF), ("B", 0xFF)))
    packed = struct.pack(form, min(value, most))
    return data[:at] + packed + data[at + len(packed) :]


def _cut(data: bytes, _others: list[bytes], chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _gap(data: bytes, _others: list[bytes], chance: random.Random) -> bytes:
    at = _place(data, chance)
    return data[:at] + data[at + chance.randint(1, 300) :]


def _twice(data: bytes, _others: list[bytes], chance: random.Random) -> bytes:
    at, size = _place(data, chance), chance.randint(1, 600)
    return data[: at + size] + data[at : at + size] * chance.randint(1, 40) + data[at + size :]


def _filled(data: bytes, _others: list[bytes], chance: random.Random) -> bytes:
    at, size = _place(data, chance), chance.randint(1, 200)
    filling = bytes([chance.choice((0, 0xFF, 0x41))]) * size if chance.random() < 0.5 else chance.randbytes(size)
    return data[:at] + filling + data[at + size * chance.randrange(2) :]


def _spliced(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    other = chance.choice(others)
    return data[: _place(data, chance)] + other[_place(other, chance) :]


def _moved(data: bytes, _others: list[bytes], chance: random.Random) -> bytes:
    one, two = sorted((_place(data, chance), _place(data, chance)))
    size = chance.randint(1, 64)
    return data[:one] + data[two : two + size] + data[one + size : two] + data[one : one + size] + data[two + size :]


_WAYS: tuple[Callable[[bytes, list[bytes], random.Random], bytes], ...] = (
    *(_bits, _bits, _number, _number, _number, _cut, _gap, _twice, _filled, _spliced, _moved),
)
