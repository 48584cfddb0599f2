"""Asking: inquiries that people began on the page, and what has come of them so far. Nothing is asked unasked."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from daemon.inquiry import Answer, ask
from daemon.settings import Settings
from publishers import Receipt

_AT_ONCE = 2
"""Inquiries that run at the same time."""
_LASTS = 120.0
"""Seconds after which no further answer is waited for."""
_KEPT = 50
"""Jobs whose answers are remembered."""


@dataclass
class Round:
    """One inquiry.

    Attributes:
        at: When it began, seconds since 1970.
        receipts: What is asked for.
        answers: By address and name, as they come in.
        ended: Set when no more will come.
    """

    at: float
    receipts: Sequence[Receipt]
    begun: float = field(default_factory=time.monotonic)
    answers: dict[Receipt, Answer] = field(default_factory=dict)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def over(self) -> bool:
        """Whether no further answer is waited for."""
        return self.ended.is_set() or time.monotonic() - self.begun > _LASTS


class Asking:
    """Remembers the last inquiry of each job, in memory only: an hour later it would be an old answer."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._rounds: OrderedDict[str, Round] = OrderedDict()
        self._room = threading.BoundedSemaphore(_AT_ONCE)

    def known(self, job: str) -> Round | None:
        """Give the last inquiry about a job."""
        with self._lock:
            return self._rounds.get(job)

    def begin(self, job: str, receipts: Sequence[Receipt]) -> Round:
        """Ask about a job, unless somebody just does; the answers come by and by."""
        with self._lock:
            running = self._rounds.get(job)
            if running is not None and not running.over:
                return running
            fresh = Round(time.time(), tuple(dict.fromkeys(receipts)))
            self._rounds[job] = fresh
            self._rounds.move_to_end(job)
            while len(self._rounds) > _KEPT:
                self._rounds.popitem(last=False)
        threading.Thread(target=self._run, args=(fresh,), name="asking", daemon=True).start()
        return fresh

    def _run(self, about: Round) -> None:
        try:
            with self._room:
                for answer in ask(about.receipts, self._settings):
                    if about.over:
                        break
                    about.answers[answer.receipt] = answer
        finally:
            about.ended.set()
