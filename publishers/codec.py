"""Frozen dataclasses to plain JSON and back, strictly.

The order of keys is the order of fields. A field with ``metadata=OPTIONAL`` is left out when it has its default; all
others must be there. One value has one text: unknown keys, repeated keys, defaults that should have been left out,
wrong types and numbers that are none are refused with their place.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from publishers.errors import ManifestError

T = TypeVar("T")

OPTIONAL = {"optional": True}


def encode(value: object) -> Any:
    """Return the value as JSON knows it: dicts, lists, texts, numbers."""
    if is_dataclass(value) and not isinstance(value, type):
        pairs = ((field, getattr(value, field.name)) for field in fields(value))
        return {field.name: encode(item) for field, item in pairs if not _left_out(field, item)}
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value


def dumps(value: object) -> str:
    """Return the one text of a value: two spaces of indent, real letters, a newline at the end."""
    return json.dumps(encode(value), ensure_ascii=False, allow_nan=False, indent=2) + "\n"


def loads(text: str | bytes) -> Any:
    """Parse JSON without its laxities.

    Raises:
        ManifestError: It is not UTF-8, not JSON, names a key twice, or nests absurdly deep.
    """
    try:
        return json.loads(
            text if isinstance(text, str) else text.decode(),
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
        )
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"not a whole JSON document ({error})") from None


def decode(kind: type[T], value: object, where: str = "") -> T:
    """Build a dataclass from plain JSON.

    Args:
        kind: A dataclass whose fields are texts, numbers, fractions, times, tuples and such dataclasses.
        value: What ``loads`` returned.
        where: Its place in the document, for messages.

    Raises:
        ManifestError: The value is not of that kind; the message names the place.
    """
    if not isinstance(value, dict):
        raise _fault(where, "must be an object")
    hints = get_type_hints(kind)
    known = {field.name: field for field in fields(cast("Any", kind))}
    for key in value.keys() - known.keys():
        raise _fault(_at(where, key), "is not known")
    for name, field in known.items():
        if name not in value and not field.metadata.get("optional"):
            raise _fault(_at(where, name), "is missing")
    items = {name: _item(hints[name], item, _at(where, name)) for name, item in value.items()}
    for name, item in items.items():
        if _left_out(known[name], item):
            raise _fault(_at(where, name), "says nothing, so it must be left out")
    try:
        return kind(**items)
    except ValueError as error:
        raise _fault(where, str(error)) from None


def _item(hint: Any, value: object, where: str) -> object:
    if get_origin(hint) in (types.UnionType, Union):  # "X | None": the key is left out instead of null
        hint = get_args(hint)[0]
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise _fault(where, "must be a list")
        return tuple(_item(get_args(hint)[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if is_dataclass(hint):
        return decode(cast("type", hint), value, where)
    try:
        return _READERS[hint](value)
    except ValueError as error:
        raise _fault(where, str(error)) from None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("is not valid UTF-8") from None
    return value


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("must be a whole number")
    return value


def _number(value: object) -> float:
    try:
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    except OverflowError:
        pass
    raise ValueError("must be a number")


def _fraction(value: object) -> Fraction:
    if re.fullmatch(r"[0-9]{1,18}/[1-9][0-9]{0,17}", text := _text(value)):
        fraction = Fraction(text)
        if encode(fraction) == text:
            return fraction
    raise ValueError('must be a reduced fraction such as "25/1"')


def _time(value: object) -> datetime:
    if re.fullmatch(r"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", text := _text(value)):
        with contextlib.suppress(ValueError):  # the 31st of June
            return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    raise ValueError('must be a time in UTC such as "2026-11-21T01:46:31Z"')


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


_READERS: Mapping[Any, Callable[[object], object]] = {
    str: _text,
    bool: _flag,
    int: _integer,
    float: _number,
    Fraction: _fraction,
    datetime: _time,
}


def _left_out(field: Field[Any], item: object) -> bool:
    return bool(field.metadata.get("optional")) and field.default is not MISSING and item == field.default


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("a key is there twice")
    return out


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a number")


def _at(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _fault(where: str, what: str) -> ManifestError:
    return ManifestError(f"{where}: {what}" if where else f"the document {what}")
