"""Line: one line of a log as the page shows it. Whatever stands in a log is data: no colours, no tricks."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime

from daemon.logbook import sentence
from daemon.name import shown

LEVELS = ("all", "warning", "error")
"""What can be asked for: from this weight on."""
_WEIGHTS = {"debug": 0, "info": 0, "warning": 1, "error": 2, "critical": 2}
_COLOURS = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_LONGEST = 4000
"""Characters of a line that are shown, and of what follows an error."""
_WORDS = 200


@dataclass(frozen=True)
class Line:
    """One line.

    Attributes:
        mark: Where it ends: the file and the byte.
        at: When it was written, for people, or "".
        level: "info", "warning" or "error".
        text: What happened.
        job: The id of the job it is about, or "".
        trace: What a fault leaves behind, line after line, or "".
    """

    mark: str
    at: str
    level: str
    text: str
    job: str = ""
    trace: str = ""


@dataclass(frozen=True)
class Filter:
    """Which lines somebody wants to see."""

    level: str = "all"
    words: str = ""

    @classmethod
    def of(cls, level: str, words: str) -> Filter:
        """Build it of what a browser says."""
        return cls(level if level in LEVELS else "all", words.strip()[:_WORDS])

    def wants(self, line: Line) -> bool:
        """Say whether a line is one of those."""
        if _WEIGHTS[line.level] < LEVELS.index(self.level):
            return False
        return self.words.casefold() in f"{line.text} {line.job} {line.trace}".casefold()


def line_of(raw: bytes, mark: str) -> Line:
    """Read one line; what is no event of ours is shown as it is."""
    text = raw.decode("utf-8", "replace").rstrip("\r\n")
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, dict):
        return Line(mark, "", "info", _tame(text))
    level, job = str(event.get("level")), str(event.get("job", "-"))
    trace = "\n".join(_tame(part) for part in str(event.get("exception") or "")[:_LONGEST].splitlines())
    said = {str(key): value for key, value in event.items() if key not in ("exception", "job")}
    return Line(
        mark=mark,
        at=_clock(str(event.get("timestamp", ""))),
        level=("info", "warning", "error")[_WEIGHTS.get(level, 0)],
        text=_tame(sentence(said)),
        job="" if job == "-" else _tame(job),
        trace=trace,
    )


def _tame(text: str) -> str:
    return shown(_COLOURS.sub("", text[: 2 * _LONGEST]))[:_LONGEST]


def _clock(iso: str) -> str:
    try:
        return datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError):
        return _tame(iso)[:40]
