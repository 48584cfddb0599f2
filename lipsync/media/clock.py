"""When frames appear: time stamps of files made exact, monotonic and starting at 0."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import groupby, pairwise

Times = tuple[Fraction, ...]


def repaired(stamps: Sequence[int | None], tick: Fraction, fps: Fraction) -> Times:
    """Give strictly increasing seconds from 0 for time stamps that are missing, repeat or go back.

    Stamps that are all the same say no more than none at all.

    Args:
        stamps: In presentation order, in units of ``tick``.
        tick: Seconds of one unit.
        fps: What to assume where stamps are missing.
    """
    if any(stamp is None for stamp in stamps) or (len(stamps) > 1 and len(set(stamps)) == 1):
        return tuple(number / fps for number in range(len(stamps)))
    highest, rising = stamps[0] or 0, []
    for stamp in stamps:
        highest = max(highest, stamp or 0)
        rising.append(highest)
    groups = [(stamp, len(list(group))) for stamp, group in groupby(rising)]
    ends = [stamp for stamp, _ in groups[1:]] + [groups[-1][0] + max(1, round(1 / (fps * tick)))]
    start = rising[0]
    return tuple(
        (stamp - start + Fraction(end - stamp, count) * step) * tick
        for (stamp, count), end in zip(groups, ends, strict=True)
        for step in range(count)
    )


def snapped(times: Times, tick: Fraction, fps: Fraction | None) -> Times:
    """Put times that a coarse clock has rounded (Matroska: milliseconds) back on the exact grid of ``fps``.

    Times that do not all lie within one ``tick`` of that grid are of a variable rate and stay as they are.
    """
    if not fps:
        return times
    exact = tuple(number / fps for number in range(len(times)))
    return exact if all(abs(a - b) <= tick for a, b in zip(times, exact, strict=True)) else times


def constant(times: Times) -> Fraction | None:
    """The frame rate if it is one and the same throughout, else None."""
    if len(times) < 2:
        return None
    step = times[1] - times[0]
    return 1 / step if all(b - a == step for a, b in pairwise(times)) else None
