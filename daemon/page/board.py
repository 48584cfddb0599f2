"""Board: what is in hand, as the page shows it: whole, and in the few numbers that change all the time."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

from daemon import pause
from daemon.live import AtWork, Live, Queued, read
from daemon.page import amounts
from daemon.page.words import LANGUAGES, Speaker


@dataclass(frozen=True)
class Board:
    """What is in hand.

    Attributes:
        live: What the daemon says; None where none runs.
    """

    live: Live | None

    @classmethod
    def of(cls, root: Path, state: Path) -> Board:
        """Look what there is; whether it is paused is seen at once, before the daemon has seen it."""
        said = read(state)
        return cls(replace(said, paused=pause.paused(root)) if said else None)

    @property
    def waiting(self) -> tuple[Queued, ...]:
        """What is in hand or ready, and not being made at this moment."""
        if self.live is None:
            return ()
        making = {take.job for take in self.live.takes}
        return tuple(one for one in self.live.queue if not one.job or one.job not in making)

    @property
    def unapproved(self) -> int:
        """How many jobs wait for somebody to approve them."""
        return sum(one.state == "REVIEW" for one in self.waiting)

    def title(self, take: AtWork) -> str:
        """Give what the job of a take is called: its title, or its folder."""
        queue = self.live.queue if self.live else ()
        return next((one.title for one in queue if one.title and one.job == take.job), take.folder)

    @property
    def state(self) -> str:
        """What is going on, in a word."""
        live = self.live
        if live is None:
            return "off"
        if live.late:
            return "late"
        if live.trouble:
            return "trouble"
        if live.takes:
            return "pausing" if live.paused else "making"
        if live.paused:
            return "paused"
        if live.opens and self.waiting:
            return "shut"
        return "waiting" if self.waiting else "idle"

    @property
    def digest(self) -> str:
        """What changes when the page must be put together anew."""
        if self.live is None:
            return "off"
        still = [(take.job, take.number, take.of, take.stage, bool(take.preview)) for take in self.live.takes]
        parts = (self.state, still, self.waiting, self.live.arriving, self.live.opens, self.live.trouble)
        return hashlib.sha256(repr(parts).encode("utf-8", "backslashreplace")).hexdigest()[:16]

    def news(self) -> str:
        """Give what a browser that shows this board must know, in one line."""
        live = self.live
        takes = live.takes if live else ()
        document = {
            "board": self.digest,
            "machine": {code: machine(Speaker(code), live) for code in LANGUAGES} if live else {},
            "takes": {mark(take): _news(take) for take in takes},
        }
        return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def mark(take: AtWork) -> str:
    """Give what tells a take from the others."""
    return f"{take.job}-{take.number}"


def left(t: Speaker, take: AtWork) -> str:
    """Say how long a take still needs; "" while nobody can know."""
    return "" if take.left_s is None else t("now.left", span=amounts.span(t, take.left_s))


def machine(t: Speaker, live: Live) -> str:
    """Say what the renderer draws with, and what it holds."""
    device, memory = live.device, live.memory
    said = []
    if device.name == "cuda" and device.total:
        used = device.total - device.free
        said.append(t("now.gpu", used=amounts.size(used), total=amounts.size(device.total)))
    elif device.name:
        said.append(t("now.cpu"))
    if memory.renderer:
        said.append(t("now.memory", size=amounts.size(memory.renderer)))
    return " · ".join(said)


def _news(take: AtWork) -> dict[str, object]:
    words = {code: left(Speaker(code), take) for code in LANGUAGES}
    return {"share": percent(take), "left": words, "preview": f"{take.preview_at:.2f}" if take.preview else ""}


def percent(take: AtWork) -> int:
    """Give how far a take is; 100 only when it is done."""
    return min(99, int(take.share * 100))
