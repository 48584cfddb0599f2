"""Errands: calls that may last, each in the thread of a messenger, while the main loop goes on.

A messenger has one publisher, and it alone uses it: no publisher has to bear two threads. A call that is asked to end
does so at its next beat; one that does not is left behind with its messenger and dies with the process, at any moment:
what must not happen twice is in the publishers' ledger.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from types import TracebackType

from daemon.errors import Stopped
from daemon.job import Job
from publishers import Announcer, Beat, Publisher

Office = Publisher | Announcer | None
"""Where a messenger is sent; None for what is done at home."""

Change = Callable[[Job], Job]
"""What an errand brings back: the job as it is now that the errand is done."""

Call = Callable[[Office, Beat], Change]


class Errand:
    """One call under way. The thread that calls and the loop that waits share nothing else.

    Attributes:
        share: How much of it is done, 0–1, as far as it says so.
        heard: When it last gave a sign of life, in monotonic seconds.
        seconds: How long it took, once it is over.
    """

    def __init__(self, call: Callable[[Beat], Change]) -> None:
        self.share = 0.0
        self.heard = time.monotonic()
        self.seconds = 0.0
        self._call = call
        self._answer: Change | None = None
        self._error: BaseException | None = None
        self._asked = threading.Event()
        self._over = threading.Event()

    def run(self) -> None:
        """Make the call, in the thread of a messenger."""
        begun = time.monotonic()
        with self:
            try:
                self._answer = self._call(self._beat)
            finally:
                self.seconds = time.monotonic() - begun

    def ask(self) -> None:
        """Ask it to end at its next beat."""
        self._asked.set()

    @property
    def over(self) -> bool:
        """Whether it has ended, one way or another."""
        return self._over.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait for its end, no longer than this; say whether it has come."""
        return self._over.wait(max(0.0, seconds))

    def answer(self) -> Change:
        """Give what it brought back, or raise what went wrong; only after its end."""
        if self._error is not None:
            raise self._error
        if self._answer is None:
            raise RuntimeError("an errand was asked for its answer before its end")
        return self._answer

    def _beat(self, share: float) -> None:
        self.share, self.heard = min(1.0, max(0.0, share)), time.monotonic()
        if self._asked.is_set():
            raise Stopped

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: TracebackType | None) -> bool:
        """End; what went wrong is an answer too, for the one who asked."""
        self._error = error
        self._over.set()
        return True


class Messenger:
    """One publisher, built and used in one thread.

    Attributes:
        office: The publisher, once it is built.
    """

    def __init__(self, name: str, build: Callable[[], Office], wake: Callable[[], None]) -> None:
        """Start the thread.

        Args:
            name: Of the publisher.
            build: Gives it, ready; may take a while, for libraries are loaded.
            wake: Called, in the thread, after each errand.
        """
        self.office: Office = None
        self._build = build
        self._wake = wake
        self._built = False
        self._last: Errand | None = None
        self._errands: SimpleQueue[Errand | None] = SimpleQueue()
        threading.Thread(target=self._serve, name=f"publisher {name}", daemon=True).start()

    @property
    def free(self) -> bool:
        """Whether nothing is under way."""
        return self._last is None or self._last.over

    def send(self, call: Call) -> Errand:
        """Have a call made."""
        self._last = Errand(lambda beat: call(self._open(), beat))
        self._errands.put(self._last)
        return self._last

    def dismiss(self) -> None:
        """Let the thread end after what it is doing."""
        self._errands.put(None)

    def _open(self) -> Office:
        if not self._built:
            self.office = self._build()
            self._built = True
        return self.office

    def _serve(self) -> None:
        while (errand := self._errands.get()) is not None:
            errand.run()
            self._wake()
