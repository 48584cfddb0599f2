"""Console: facts go to standard output, everything else to standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from daemon.name import shown, tame


class Console:
    """How a command speaks.

    With ``json`` exactly one JSON document goes to standard output: the facts, or what stopped the command.
    """

    def __init__(self, *, json: bool) -> None:
        self.json = json

    def facts(self, document: Mapping[str, Any], lines: Iterable[str]) -> None:
        """Print the answer of a command: the document with ``--json``, the lines without it."""
        if self.json:
            sys.stdout.write(tame(json.dumps(document, ensure_ascii=False, indent=2)) + "\n")
        else:
            sys.stdout.writelines(f"{shown(line)}\n" for line in lines)
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """Say something that is not the answer: progress, a warning."""
        sys.stderr.write(f"{shown(text)}\n")
        sys.stderr.flush()

    def error(self, message: str, hint: str, details: Mapping[str, Any] | None = None) -> None:
        """Say what stopped the command, and what to do about it."""
        for line in message.splitlines():
            self.note(f"lipsyncd: {line}")
        if hint:
            self.note(hint)
        if self.json:
            self.facts({"error": {"message": message, "hint": hint, **(details or {})}}, ())


def table(rows: Iterable[Iterable[str]]) -> list[str]:
    """Give rows as lines with aligned columns."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def make_tolerant() -> None:
    """Let names print that are not text or that the terminal's encoding lacks."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="backslashreplace")


def abandon_stdout() -> None:
    """Point standard output nowhere, so that the interpreter's last flush does not complain of a closed pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
