"""What to do when a GPU's memory does not suffice: less at once, and never give up what was asked for."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")

SIGNS = ("out of memory", "alloc_failed", "can't allocate memory", "cublas_status_not_initialized")
"""How torch, cuDNN and cuBLAS say so where they raise no error of its own."""


def scarce(error: BaseException) -> bool:
    """Whether an error says that memory did not suffice, on the GPU or on the CPU."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in SIGNS)


def release() -> None:
    """Give back what torch keeps for later."""
    import torch

    gc.collect()
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
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


def in_parts(
    work: Callable[[Sequence[Given]], list[Made]], items: Sequence[Given], alone: Callable[[Given], Made]
) -> list[Made]:
    """Work on all items at once; where memory does not suffice, on half of them, and so on.

    Args:
        work: Gives what becomes of some items, in order.
        items: Any number of them.
        alone: What to do with one for which there is not enough memory by itself.
    """
    made = enough(lambda: work(items)) if items else []
    if made is not None:
        return made
    if len(items) == 1:
        return [alone(items[0])]
    middle = len(items) // 2
    return in_parts(work, items[:middle], alone) + in_parts(work, items[middle:], alone)
