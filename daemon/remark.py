"""Remark: what a person says as they approve or give up a job: the text in APPROVE or CANCEL, one harmless line."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from daemon import durable
from daemon.name import shown
from daemon.plain import read_plain

LONGEST = 500
"""Characters that are kept."""
_BYTES = 4096
_TURN = threading.Lock()
"""Two clicks are two threads."""


def clean(text: str) -> str:
    """Give a text as one line without tricks, cut to what anybody reads."""
    return shown(" ".join(text.split()))[:LONGEST].rstrip()


def read(path: Path) -> str:
    """Give what the file says by which something was asked for; "" where it is empty, or no plain file."""
    try:
        return clean(read_plain(path, _BYTES).decode("utf-8", "replace").removeprefix("\ufeff"))
    except OSError:
        return ""


def put(path: Path, text: str) -> None:
    """Ask for something by a file of that name; who has asked first has said why.

    Raises:
        OSError: It cannot be written.
    """
    said = clean(text)
    with _TURN:
        if os.path.lexists(path):
            return
        if said:
            durable.replace(path, f"{said}\n")
        else:
            path.touch()
