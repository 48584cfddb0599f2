"""The real lipsyncd with a shorter patience, and, if asked, everything it and its libraries have to say.

A network that keeps files for ever is waited for in minutes; a test waits for it in seconds. Nothing else is changed.
"""

from __future__ import annotations

import functools
import logging
import os
import sys

import daemon.app
import daemon.log
import daemon.rounds
import publishers.http
from daemon.__main__ import main
from daemon.task import Task
from daemon.work import Work
from publishers import PublishError

LONGEST = 0.5
"""Seconds of any pause between two calls."""
SILENCE = 5.0
"""Seconds after which a service that says nothing is left."""


class HastyRounds(daemon.rounds.Rounds):
    """Waits for nobody longer than that."""

    def _delay(self, work: Work, task: Task, error: PublishError) -> None:
        error.wait = LONGEST if error.wait is None else min(error.wait, LONGEST)
        super()._delay(work, task, error)


if __name__ == "__main__":
    daemon.app.Rounds = HastyRounds
    publishers.http.Web.__init__.__kwdefaults__["read"] = SILENCE
    if os.environ.get("HASTY_DEBUG"):
        logging.basicConfig(level=logging.DEBUG)
        daemon.app.open_log = functools.partial(daemon.log.open_log, level=logging.DEBUG)
    sys.exit(main())
