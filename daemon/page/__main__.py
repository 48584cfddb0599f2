"""``python -m daemon.page``: the page's process, as the daemon starts it.

The first line of standard input is the settings, as JSON; its end is ours. Standard error is the log, a line an event.
Exit code 3: the page cannot be shown as things are, and the last line says why.
"""

from __future__ import annotations

import json
import os
import sys

from daemon.errors import DaemonError
from daemon.log import open_log
from daemon.page import server
from daemon.settings import Settings

LACKING = 3


def main() -> int:
    """Show the page until the daemon ends."""
    settings = Settings(**json.loads(sys.stdin.buffer.readline()))
    log = open_log(sys.stderr)
    try:
        server.run(settings, log, leash=_leash())
    except DaemonError as error:
        log.error("the page is not shown", reason=error.message, advice=error.hint)
        return LACKING
    return 0


def _leash() -> int:
    """Take the daemon's pipe away from what we may start: held by another it would not end with the daemon."""
    leash, nothing = os.dup(0), os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return leash


if __name__ == "__main__":
    ended = main()
    sys.stderr.flush()
    os._exit(ended)  # a thread that waits for a share that hangs would keep us for ever
