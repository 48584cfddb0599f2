"""The process in which the page has the doctor look: the first line of standard input is the settings, as JSON.

Prints each finding as it is found, a JSON object a line. It ends, with all it has started, when standard input does:
whoever asked is not there any more.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from dataclasses import asdict

from daemon.commands.doctor import checks
from daemon.settings import Settings


def main() -> int:
    """Print what works here."""
    settings = Settings(**json.loads(sys.stdin.buffer.readline()))
    threading.Thread(target=_watch, daemon=True).start()
    for check in checks(settings):
        if check.name != "systemd":  # which speaks to the daemon, not to us
            sys.stdout.write(json.dumps(asdict(check)) + "\n")
            sys.stdout.flush()
    return 0


def _watch() -> None:
    while os.read(0, 4096):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    ended = main()
    sys.stdout.flush()
    os._exit(ended)
