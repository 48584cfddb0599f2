"""Hours: when takes may be begun, by the clock on the wall: "22:00-07:00", or "12:00-13:00, 22:00-07:00".

Only the time that the clock shows counts, never how long ago something was, so that the two odd nights of the year
need no rule: an hour that is skipped is no hour, and one that comes twice counts twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time

_RANGE = re.compile(r"(\d{1,2}):(\d{2})\s*[-\u2013]\s*(\d{1,2}):(\d{2})")
_DAY = 24 * 60


@dataclass(frozen=True)
class Hours:
    """Ranges of minutes of the day, each over midnight where its end is before its begin; none stands for always."""

    ranges: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, text: str) -> Hours:
        """Read hours; "" is always.

        Raises:
            ValueError: They are not written as they should be.
        """
        return cls(tuple(_range(part.strip()) for part in text.split(","))) if text.strip() else cls()

    def __str__(self) -> str:
        return ", ".join(f"{_clock(begin)}-{_clock(end)}" for begin, end in self.ranges)

    def include(self, now: time) -> bool:
        """Say whether a moment is in one of the ranges; their ends are not."""
        minute = now.hour * 60 + now.minute
        return not self.ranges or any(_within(minute, *one) for one in self.ranges)

    def next(self, now: time) -> str:
        """Give when the next range begins, such as "22:00"; "" where there is none."""
        minute = now.hour * 60 + now.minute
        begins = sorted((begin - minute - 1) % _DAY + 1 for begin, _ in self.ranges)
        return _clock((minute + begins[0]) % _DAY) if begins else ""


def _range(text: str) -> tuple[int, int]:
    found = _RANGE.fullmatch(text)
    if found is None:
        raise ValueError('it should be hours of the day, such as "22:00-07:00" or "12:00-13:00, 22:00-07:00"')
    begin, end = (_minute(int(hour), int(minute)) for hour, minute in (found.group(1, 2), found.group(3, 4)))
    if begin % _DAY == end % _DAY and end - begin != _DAY:
        raise ValueError(f'{text} begins and ends at the same time; "" stands for the whole day')
    return begin % _DAY, end


def _minute(hour: int, minute: int) -> int:
    if minute > 59 or hour * 60 + minute > _DAY:
        raise ValueError(f"there is no {hour}:{minute:02}")
    return hour * 60 + minute


def _within(minute: int, begin: int, end: int) -> bool:
    return begin <= minute < end if begin < end else minute >= begin or minute < end


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
