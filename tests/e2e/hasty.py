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
from daemon.__main__ import main

if __name__ == "__main__":
    daemon.rounds._FIRST_DELAY, daemon.rounds._LONGEST_DELAY = 0.5, 2.0
    if os.environ.get("HASTY_DEBUG"):
        logging.basicConfig(level=logging.DEBUG)
        daemon.app.open_log = functools.partial(daemon.log.open_log, level=logging.DEBUG)
    sys.exit(main())
