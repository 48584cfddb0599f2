"""What to do when a GPU's memory does not suffice: less at once, and never give up what was asked for."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

Made = TypeVar("Made")

SIGNS = ("out of memory", "alloc_failed", "can't allocate memory", "cublas_status_not_initialized")
"""How torch, cuDNN and cuBLAS say so where they raise no error of its own."""
ALONE = threading.RLock()
"""Held by whoever gives a GPU's memory back, or records for it: recording bears nothing of the kind beside it."""


def scarce(error: BaseException) -> bool:
    """Whether an error says that memory did not suffice, on the GPU or on the CPU, or came of that."""
    if isinstance(error, MemoryError):
        return True
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(error, RuntimeError):
        return False
    if isinstance(error, torch.OutOfMemoryError) or any(sign in str(error).lower() for sign in SIGNS):
        return True
    # a recording that broke off for want of memory says at its end only that it is worth nothing
    return error.__context__ is not None and scarce(error.__context__)


def release() -> None:
    """Give back what torch keeps for later."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        with ALONE, suppress(RuntimeError):  # torch refuses to after a recording that broke off
            torch.cuda.empty_cache()


def enough(work: Callable[[], Made]) -> Made | None:
    """Do it; None where memory did not suffice. What the attempt held is free by then."""
    try:
        return work()
    except (MemoryError, RuntimeError) as error:
        if not scarce(error):
            raise
    release()
    return None
