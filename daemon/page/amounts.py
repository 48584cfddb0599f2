"""Amounts: times, sizes and dates as people of each language write them."""

from __future__ import annotations

from datetime import datetime

from daemon.page.words import Speaker

_STEP = 1000


def span(t: Speaker, seconds: float) -> str:
    """Say how long something takes: "8 s", "1 min 20 s", "2 h 5 min"."""
    whole = max(1, round(seconds))
    if whole < 60:
        return t("page.span.s", s=whole)
    if whole < 3600:
        return t("page.span.min", min=whole // 60, s=whole % 60)
    return t("page.span.h", h=whole // 3600, min=whole % 3600 // 60)


def size(count: float) -> str:
    """Say how large something is: "3.4 MB"; the same in every language."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < _STEP:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= _STEP
    return f"{count:.1f} TB"


def when(iso: str) -> str:
    """Say when something was, in the time of the machine: "2026-11-21 10:03"; what is no time stays as it is."""
    try:
        return datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError):
        return iso
