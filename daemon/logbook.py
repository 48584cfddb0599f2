"""Logbook: systemd's journal. It keeps a line's weight and the job it belongs to as fields that one can ask for.

``journalctl -u lipsyncd -p warning`` shows what went wrong, ``journalctl LIPSYNCD_JOB=NAME`` all about one job.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Mapping
from typing import TextIO

_SOCKET = "/run/systemd/journal/socket"
_PRIORITIES = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}
"""Levels as syslog numbers them."""
_LONGEST = 48 * 1024
"""Bytes of a message: it has to fit into one packet."""
_APART = ("timestamp", "level", "event", "exception")
"""What the journal has fields of its own for, or what stands elsewhere in the line."""


def leads_to_journal(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Say whether a stream is the one that systemd has connected with its journal."""
    try:
        there = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environment.get("JOURNAL_STREAM", "") == f"{there.st_dev}:{there.st_ino}"


def priority(event: Mapping[str, object]) -> int:
    """Give the weight of an event as syslog counts: 3 an error, 4 a warning, 6 what is usual."""
    return _PRIORITIES.get(str(event.get("level")), _PRIORITIES["info"])


class Logbook:
    """Writes events to the journal."""

    def __init__(self, address: str = _SOCKET) -> None:
        self._address = address

    def write(self, event: Mapping[str, object]) -> bool:
        """Write one event; False where the journal does not take it."""
        fields = {
            "MESSAGE": sentence(event).encode("utf-8", "backslashreplace")[:_LONGEST],
            "PRIORITY": str(priority(event)).encode(),
            "SYSLOG_IDENTIFIER": b"lipsyncd",
        }
        for key in ("event", "job", "take"):
            fields[f"LIPSYNCD_{key.upper()}"] = str(event.get(key, "-")).encode("utf-8", "backslashreplace")
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.settimeout(1)
                channel.sendto(b"".join(_packed(key, value) for key, value in fields.items()), self._address)
        except OSError:
            return False
        return True


def sentence(event: Mapping[str, object]) -> str:
    """Give an event as one line for people: what happened, to which job and take, and the rest; then any traceback."""
    said = {key: value for key, value in event.items() if key not in _APART and value != "-"}
    line = " ".join([str(event.get("event", "")), *(f"{key}={_word(value)}" for key, value in said.items())])
    return f"{line}\n{event['exception']}" if event.get("exception") else line


def _word(value: object) -> str:
    text = str(value)
    plain = text and not any(letter.isspace() or letter in "\"'=" for letter in text)
    return text if plain else json.dumps(text, ensure_ascii=False)


def _packed(key: str, value: bytes) -> bytes:
    """Write one field as the journal wants it: with its length where it has several lines."""
    if b"\n" in value:
        return key.encode() + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"
    return key.encode() + b"=" + value + b"\n"
