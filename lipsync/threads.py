"""Who may use the cores: whole frames go side by side, so every library below keeps to one thread.

One thread inside each call keeps the small linear algebra quick and the bytes the same from run to run.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")
SHARE = "LIPSYNC_CORES"
"""In the environment: how many cores this process shall count on."""
MOST = 4
"""Frames drawn at once: beyond it the encoder is what everyone waits for."""


def settle_threads() -> None:
    """Keep OpenCV and the BLAS below NumPy to one thread per call, for this process."""
    import cv2
    import threadpoolctl

    cv2.setNumThreads(1)
    threadpoolctl.threadpool_limits(limits=1, user_api="blas")


def settle_torch() -> None:
    """Keep torch to one thread per call on the CPU: its threads wait for each other dearly on a busy machine."""
    import torch

    torch.set_num_threads(1)


def cores() -> int:
    """Give the number of cores this process may use: its share of them, where several render side by side."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = os.environ.get(SHARE, "")
    return max(1, min(there, int(share))) if share.isdecimal() else there


def side_by_side(
    work: Callable[[Given], Made], items: Iterable[Given], workers: int = 0
) -> Generator[Made, None, None]:
    """Apply ``work`` to items in several threads and yield the results in order.

    Only a few items are held at a time, however many there are. When the caller stops early or ``work`` fails,
    nothing is left running.

    Args:
        work: A pure function of one item; called from other threads.
        items: Taken one by one, in the caller's thread.
        workers: Threads; 0 takes one per core, at most ``MOST``.
    """
    count = workers or min(MOST, cores())
    with ThreadPoolExecutor(count, thread_name_prefix="draw") as pool:
        waiting: deque[Future[Made]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
