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
us = os.getpid()
if os.fork() == 0:
    os.setsid()
    open(sys.argv[1], "a").write("here ")
    while os.getppid() == us:
        time.sleep(0.02)
    time.sleep(2)
    open(sys.argv[1], "a").write("gone ")
    os._exit(0)
time.sleep(60)
"""
"""A render process whose program takes two seconds to end."""


@pytest.mark.parametrize(("why", "processes"), [(Stopped, 3), (Cancelled, 1)])
def test_programs_that_end_slowly_end_together(tmp_path: Path, why: type[Interruption], processes: int) -> None:
    log, diary = open_log(io.StringIO()), tmp_path / "diary"
    diary.touch()
    command = (sys.executable, "-S", "-E", "-c", LINGERS, str(diary))
    crew = Crew([Worker(log, command=command) for _ in range(processes)])
    paths = [tmp_path / name for name in ("a.png", "a.wav", "1.mp4", "1.jpg")]
    request = Request(paths[0], paths[1], "left", paths[2], paths[3], Options(engine="null"))
    with ExitStack() as stack:
        takes = [stack.enter_context(crew.hand(request)).render(request, log) for _ in range(processes)]
        for take in takes:
            next(take)
        limit = time.monotonic() + 60
        while diary.read_text().count("here") < processes:
            assert time.monotonic() < limit
            time.sleep(0.02)
        begin = time.monotonic()
        for take in takes:
            with pytest.raises(why):
                take.throw(why())
        assert diary.read_text().count("gone") == (why is Cancelled), "what is cancelled ends before its job moves"
    crew.close()
    assert diary.read_text().count("gone") == processes
    assert time.monotonic() - begin < 5.5
