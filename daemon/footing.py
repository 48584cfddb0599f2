"""Footing: the share as a place to work on: whether it is there, answers, and has room for another drop.

What is in the way is said once, to the log and to the service manager, and once more when it is over.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable

from structlog.typing import FilteringBoundLogger

from daemon import room
from daemon.errors import DiskError, LaterError
from daemon.inbox import Drop
from daemon.journal import Journal
from daemon.mount import Ground
from daemon.work import Work

LOOK_EVERY = 2.0
"""Seconds between two looks at a share, or a disk, that refuses."""
_FORGET = 60.0
"""Seconds after which it is no trouble any more that a drop could not be taken, if nobody has tried again."""
_AWAY = "the share is not there, or not mounted. Mount it; it goes on by itself."


class Footing:
    """Watches over the share under our feet.

    Attributes:
        refusals: How often in a row the root did not answer.
    """

    def __init__(
        self,
        journal: Journal,
        ground: Ground,
        spare: int,
        log: FilteringBoundLogger,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Look at nothing yet.

        Args:
            journal: Knows the folders of the root.
            ground: What the root lies on.
            spare: Bytes that stay free; 0 for none.
            log: Is told what is in the way.
            clock: Monotonic seconds.
        """
        self._journal = journal
        self._ground = ground
        self._spare = spare
        self._log = log
        self._clock = clock
        self._said: dict[str, tuple[str, str]] = {}
        self._stumbled: float | None = None
        self._fell = float("-inf")
        self._sore: dict[str, str] = {}
        self._looked = float("-inf")
        self._narrow = False
        self.refusals = 0

    @property
    def trouble(self) -> str:
        """What is in the way of everything, for people; "" if nothing is."""
        return next((f"waiting: {text}" for _, text in self._said.values()), "")

    def firm(self) -> bool:
        """Say whether the share is there; an empty folder in its place must not look like an empty inbox.

        Raises:
            OSError: It does not answer.
        """
        mounted = self._ground.firm()
        if mounted and self._ground.guard:
            self._journal.prepare()
        if mounted and self._journal.inbox.is_dir():
            self._over("away")
            return True
        self._say("away", "away", _AWAY)
        return False

    def there(self) -> bool:
        """Say whether the share is there, without a word."""
        with contextlib.suppress(OSError):
            return self._ground.firm() and self._journal.inbox.is_dir()
        return False

    def refused(self, error: OSError) -> float:
        """Something in the root itself did not answer; give the seconds after which it is asked again."""
        self.refusals += 1
        reason = room.refusal(error, self._journal.root)
        self._say("root", reason.kind, str(reason))
        return LOOK_EVERY

    def answers(self) -> None:
        """The root did answer."""
        self.refusals = 0
        self._over("root")

    def stumble(self, drop: Drop, error: OSError) -> bool:
        """A drop could not be taken; say whether the disk is the reason, so that no other could be taken either."""
        reason = room.refusal(error, self._journal.root)
        if error.errno not in room.PASSING and not self._of_working(reason):
            if self._sore.get(drop.folder.name) != reason.kind:
                self._log.warning("a drop cannot be taken", folder=drop.folder.name, reason=str(reason))
            self._sore[drop.folder.name] = reason.kind
            return False
        self._stumbled = self._fell = self._clock()
        self._say("taking", reason.kind, f"no folder can be taken: {reason}")
        return True

    def _of_working(self, reason: DiskError) -> bool:
        """Say whether working/ itself is what may not be written."""
        return reason.path is not None and self._journal.working in (reason.path, reason.path.parent)

    def bars(self, drop: Drop) -> bool:
        """Say whether a drop has to stay in the inbox, for want of room. A refused one takes next to none."""
        if self._fallen():
            return True
        return drop.fault is None and self._tight()

    def taken(self, drop: Drop) -> None:
        """A drop was taken."""
        self._sore.pop(drop.folder.name, None)
        self._over("taking")

    def relieve(self, works: Iterable[Work]) -> None:
        """Have those jobs tried again whose disk has changed for the better."""
        now = self._clock()
        if "room" in self._said:
            self._tight()
        if "taking" in self._said and now - self._fell > _FORGET:  # whatever was to be taken is not there any more
            self._over("taking")
        for work in works:
            if work.shortage is not None and now - work.asked_for_room >= LOOK_EVERY:
                work.asked_for_room = now
                if work.shortage.over():
                    work.shortage = None
                    work.retry_at = now
                elif not work.shortage.takes:  # not even something small: what is large is not tried in vain
                    work.retry_at = max(work.retry_at, now + 2 * LOOK_EVERY)

    def _fallen(self) -> bool:
        """Say whether nothing could be written when a drop was to be taken, and still cannot."""
        if self._stumbled is None:
            return False
        now = self._clock()
        if now - self._stumbled < LOOK_EVERY:
            return True
        if room.tried(self._journal.working):
            self._stumbled = None
            return False
        self._stumbled = now
        return True

    def _tight(self) -> bool:
        """Say whether there is less room than is to stay free."""
        now = self._clock()
        if now - self._looked >= LOOK_EVERY:
            self._looked = now
            try:
                room.check(self._journal.root, self._spare)
            except DiskError as reason:
                self._narrow = True
                self._say("room", reason.kind, f"no folder is taken: {reason}")
            else:
                self._narrow = False
                self._over("room")
        return self._narrow

    def _say(self, what: str, kind: str, text: str) -> None:
        if self._said.get(what, ("", ""))[0] != kind:
            self._log.warning("waiting", reason=text)
        self._said[what] = (kind, text)

    def _over(self, what: str) -> None:
        if (said := self._said.pop(what, None)) is not None:
            self._log.info("no longer waiting", reason=said[1])


def waits(work: Work, reason: LaterError, now: float) -> None:
    """A job waits; where that is for its disk, it is looked at now and then whether that is over."""
    work.shortage = room.Shortage.of(work.home, reason) if isinstance(reason, DiskError) else None
    work.asked_for_room = now
