"""Whole-process measurements: seconds and peak memory of a command and everything it starts."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """What one command cost: wall seconds, processor seconds, peak resident memory of its largest process in bytes."""

    wall: float
    cpu: float
    memory: int


def cost(command: Sequence[str]) -> Cost:
    """Run a command to its end and say what it cost.

    Raises:
        RuntimeError: It failed; its last words are in the message.
    """
    begin = time.monotonic()
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=os.environ | {"COLUMNS": "80"}
    ) as process:
        said = process.stderr.read() if process.stderr else b""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} failed: {said[-2000:].decode(errors='replace')}")
    return Cost(time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def own_memory() -> int:
    """Peak resident memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
