"""Guard: what an engine has started ends with the daemon, too, however that ends.

The kernel ends the render process with the daemon, but not the programs that an engine may have started. So a second
process waits for the end of the pipe that leads from the daemon, and then kills the whole group.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal


def stand(pipe: int) -> None:
    """Leave a guard behind who kills the group that we lead when nobody is at the other end of a pipe any more.

    Args:
        pipe: It is not read from: that is for us to do.
    """
    group = os.getpgrp()
    if group != os.getpid() or os.fork():  # a group that is not ours alone is nobody's to kill
        return
    try:
        os.setsid()  # or it would be killed with the others
        kept = os.dup(pipe)
        os.closerange(0, kept)
        os.closerange(kept + 1, 4096)
        poll = select.poll()
        poll.register(kept, 0)
        while not poll.poll():
            pass
        with contextlib.suppress(OSError):
            os.killpg(group, signal.SIGKILL)
    finally:
        os._exit(0)
