"""Gpu: whether torch can compute on one here. It may see a GPU that this build of torch has nothing to run on."""

from __future__ import annotations

import logging
from functools import cache

import torch

from lipsync.memory import scarce
from lipsync.plugin import first_line

log = logging.getLogger(__name__)


def device_for(device: str) -> str:
    """Say what "auto" is: "cuda" where that computes, else "cpu"; any other name stays."""
    if device != "auto":
        return device
    return "cuda" if computes() else "cpu"


def computes() -> bool:
    """Whether a GPU is there and computes."""
    return torch.cuda.is_available() and not refusal()


@cache
def refusal() -> str:
    """Why a GPU that is there does not compute, as torch says it; "" where it does."""
    try:
        torch.ones(2, device="cuda").add_(1).cpu()
    except RuntimeError as error:
        if not scarce(error):  # which passes
            log.warning("the GPU is not used (%s)", first_line(error))
            return first_line(error)
    return ""
