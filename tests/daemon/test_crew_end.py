"""What external programs need for their end is waited for at the end, and for all of them at once."""

from __future__ import annotations

import io
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from daemon.crew import Crew
from daemon.errors import Cancelled, Interruption, Stopped
from daemon.log import open_log
from daemon.message import Request
from daemon.worker import Worker
from lipsync import Options

LINGERS = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    while os.getppid() == int(sys.argv[1]):
        time.sleep(0.02)
    time.sleep(1)
    open(sys.argv[2], "a").write("gone\\n")
    os._exit(0)
time.sleep(60)
"""
KEEPER = f"import os, sys; sys.argv[1:1] = [str(os.getpid())]; exec({LINGERS!r})"
"""A render process whose program takes a second to end, and is listened to until then."""


@pytest.mark.parametrize(("why", "together"), [(Stopped, True), (Cancelled, False)])
def test_programs_that_end_slowly_end_together(tmp_path: Path, why: type[Interruption], together: bool) -> None:
    log, gone = open_log(io.StringIO()), tmp_path / "gone"
    command = (sys.executable, "-S", "-E", "-c", KEEPER, str(gone))
    crew = Crew([Worker(log, command=command) for _ in range(3)])
    paths = [tmp_path / name for name in ("a.png", "a.wav", "1.mp4", "1.jpg")]
    request = Request(paths[0], paths[1], "left", paths[2], paths[3], Options(engine="null"))
    with ExitStack() as stack:
        takes = [stack.enter_context(crew.hand(request)).render(request, log) for _ in range(3)]
        for take in takes:
            next(take)
        time.sleep(1)  # they have all begun
        begin = time.monotonic()
        for take in takes:
            with pytest.raises(why):
                take.throw(why())
        assert (time.monotonic() - begin < 0.9) is together, "a job that is cancelled is left alone before it moves"
    crew.close()
    assert gone.read_text().count("gone") == 3
    assert (time.monotonic() - begin < 2.5) is together
