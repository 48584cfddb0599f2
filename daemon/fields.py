"""Fields: the kinds of values that settings have, and how each is read, checked and shown."""

from __future__ import annotations

import os
import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from daemon.hours import Hours
from daemon.places import is_file, is_open

WINSTON = 10**12
"""In one AR."""


def _folder(value: object) -> object:
    """Expand ``~`` and make a path absolute, so that a later change of directory changes nothing."""
    if not isinstance(value, str | Path):
        return value
    if not str(value):
        raise ValueError("it is empty; give a folder")
    try:
        return Path(value).expanduser().absolute()
    except RuntimeError as error:
        raise ValueError(f"the home folder of {value} is unknown; give an absolute path") from error


def state_folder(value: object = "") -> Any:
    """Give the folder for the service's own files; "" stands for the usual place."""
    if value != "":
        return _folder(value)
    given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    if given:
        return _folder(given)
    base = os.environ.get("XDG_STATE_HOME", "")
    return _folder(f"{base}/lipsyncd" if base.startswith("/") else "~/.local/state/lipsyncd")


def _optional(value: object) -> object:
    return None if value in ("", None) else _folder(value)


def _price(value: object) -> object:
    """Read an amount of AR exactly as it is written: money is never a float."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError("it should be an amount of AR, such as 0.1")
    try:
        return Decimal(str(value).strip())
    except InvalidOperation as error:
        raise ValueError("it should be an amount of AR, such as 0.1") from error


def _secret_file(value: object) -> object:
    """Accept the path of a file that holds a secret, never the secret; its text is never repeated in a message."""
    if value == "" or (isinstance(value, str) and value.startswith(("/", "~/")) and "\n" not in value):
        return value
    raise ValueError(
        "secrets do not belong here; put it into a file of mode 0600 and give that file's path, "
        "or leave this empty and hand it over as a systemd credential ($CREDENTIALS_DIRECTORY)"
    )


def _listed(value: object) -> object:
    """Read "a, b" as two entries, for the environment."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _mirrors(value: tuple[str, ...]) -> tuple[str, ...]:
    """Accept folders and addresses; one with a name or password in it is never repeated in a message."""
    for one in value:
        try:
            parts = urlsplit(one)
            sound = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
            sound = sound or (parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"))
        except ValueError:
            sound = False
        if not sound and not one.startswith(("/", "~/")):
            raise ValueError('each should be "https://…", "http://…", "file:///…" or a folder, without a password')
    return value


def _places(value: object) -> object:
    """Accept files that hold addresses, and addresses without a secret; none is ever repeated in a message."""
    listed = _listed(value)
    if not isinstance(listed, list | tuple) or not all(
        isinstance(one, str) and (is_file(one) or is_open(one)) for one in listed
    ):
        raise ValueError(
            "each should be the path of a file of mode 0600 that holds addresses for Apprise, one a line "
            "(or hand them over as the systemd credential notify-urls, in $CREDENTIALS_DIRECTORY), "
            'or a plain address without user, password, token or query, such as "json://127.0.0.1:9000/hook"'
        )
    return listed


def _web_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        sound = sound and not parts.query and not parts.fragment and value.isprintable() and " " not in value
    except ValueError:
        sound = False
    if value and not sound:
        raise ValueError('it should be an address such as "https://videos.example.org", without a password')
    return value


def _hours(value: str) -> str:
    Hours.of(value)
    return value


def _rate(value: object) -> object:
    """Read 25, 29.97 and "30000/1001" exactly as written."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Fraction):
        raise ValueError('it should be a number of frames per second, such as 25 or "30000/1001"')
    try:
        return Fraction(str(value).strip())
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError('it should be a number of frames per second, such as 25 or "30000/1001"') from error


def _umask(value: str) -> str:
    if value and not re.fullmatch(r"(0o?)?[0-7]{3}", value):
        raise ValueError('it should be three digits from 0 to 7 in quotes, such as "022"')
    return value


def _one_line(value: str) -> str:
    if not value.isprintable():
        raise ValueError("it should be one line of text")
    return value


def _address(value: str) -> str:
    """Accept numbers, and this machine's own name: what it stands for must not depend on who answers for a name."""
    host, _, port = value.rpartition(":")
    try:
        if value and host != "localhost":
            bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
            if (":" in bare) is not (bare != host) or ip_address(bare).is_multicast:
                raise ValueError
        if value and not 0 <= int(port) < 1 << 16:
            raise ValueError
    except ValueError as error:
        raise ValueError('it should be an address and a port, such as "127.0.0.1:7860" or "[::1]:7860"') from error
    return value


def _shown_rate(value: Fraction) -> int | str:
    return int(value) if value.denominator == 1 else str(value)


Folder = Annotated[Path, BeforeValidator(_folder)]
StateFolder = Annotated[Path, BeforeValidator(state_folder)]
OptionalPath = Annotated[Path | None, BeforeValidator(_optional), PlainSerializer(lambda p: str(p or ""))]
Price = Annotated[Decimal, BeforeValidator(_price), PlainSerializer(float), Field(ge=0, le=1000, decimal_places=12)]
SecretFile = Annotated[str, BeforeValidator(_secret_file)]
Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Mirrors = Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(_mirrors)]
Places = Annotated[tuple[str, ...], BeforeValidator(_places)]
Events = Annotated[tuple[Literal["done", "failed", "review", "published"], ...], BeforeValidator(_listed)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
Rate = Annotated[Fraction, BeforeValidator(_rate), PlainSerializer(_shown_rate), Field(ge=1, le=120)]
Listen = Annotated[str, AfterValidator(_address)]
Schedule = Annotated[str, AfterValidator(_hours)]
Umask = Annotated[str, AfterValidator(_umask)]
Words = Annotated[str, Field(max_length=120), AfterValidator(_one_line)]
Name = Annotated[str, Field(max_length=200), AfterValidator(_one_line)]
Seconds = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]
