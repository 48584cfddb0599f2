"""Hours of the day: over midnight, several, and in the two odd nights of the year."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from daemon.config import ConfigError, load_settings
from daemon.hours import Hours

NIGHT = "22:00-07:00"


@pytest.mark.parametrize(
    ("hours", "now", "included"),
    [
        (NIGHT, "21:59", False), (NIGHT, "22:00", True), (NIGHT, "23:59", True), (NIGHT, "00:00", True),
        (NIGHT, "06:59", True), (NIGHT, "07:00", False), (NIGHT, "12:00", False),
        ("12:00-13:00, 22:00-07:00", "12:30", True), ("12:00-13:00,22:00-07:00", "13:00", False),
        ("9:30 - 17:00", "09:30", True), ("9:30–17:00", "17:00", False),
        ("22:00-24:00", "23:59", True), ("22:00-24:00", "00:00", False), ("22:00-00:00", "23:59", True),
        ("00:00-24:00", "12:00", True), ("00:00-24:00", "00:00", True), ("", "03:00", True), ("  ", "03:00", True),
    ],
)  # fmt: skip
def test_hours_include(hours: str, now: str, included: bool) -> None:
    assert Hours.of(hours).include(time.fromisoformat(now)) is included


@pytest.mark.parametrize(
    ("now", "opens"),
    [("07:00", "12:00"), ("12:59", "22:00"), ("13:00", "22:00"), ("21:59", "22:00"), ("22:00", "12:00")],
)
def test_hours_say_when_they_begin_next(now: str, opens: str) -> None:
    assert Hours.of("12:00-13:00, 22:00-07:00").next(time.fromisoformat(now)) == opens
    assert Hours.of("").next(time.fromisoformat(now)) == ""


def test_hours_are_shown_as_they_are_written() -> None:
    assert str(Hours.of("9:30 - 17:00,22:00-24:00")) == "09:30-17:00, 22:00-24:00"


@pytest.mark.parametrize(
    "wrong", ["22-7", "22:00", "22:00-25:00", "22:60-23:00", "8:00-8:00", "night", NIGHT + ",", "24:01-1:00"]
)
def test_what_is_no_hours_is_refused(wrong: str, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'[render]\nhours = "{wrong}"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"render\.hours: "):
        load_settings(file)


def _minutes(zone: str, day: datetime, hours: str) -> int:
    """How many real minutes of a day and the next are within hours, by the clock on the wall of a zone."""
    moments = (day.astimezone(UTC) + timedelta(minutes=number) for number in range(48 * 60))
    local = (moment.astimezone(ZoneInfo(zone)).time() for moment in moments)
    return sum(Hours.of(hours).include(now) for now in local)


def test_the_night_of_an_hour_more_and_of_an_hour_less() -> None:
    zone = "Europe/Berlin"

    def noon(month: int, day: int) -> datetime:
        return datetime(2026, month, day, 12, tzinfo=ZoneInfo(zone))

    usual = _minutes(zone, noon(6, 1), NIGHT)
    assert usual == 2 * 9 * 60
    assert _minutes(zone, noon(3, 28), NIGHT) == usual - 60, "02:00 to 03:00 was not there"
    assert _minutes(zone, noon(10, 24), NIGHT) == usual + 60, "and was there twice"
    assert _minutes(zone, noon(10, 24), "02:00-03:00") == 3 * 60
    assert _minutes(zone, noon(3, 28), "02:00-03:00") == 60, "only the second night has that hour"
    assert _minutes(zone, noon(3, 28), "02:30-04:00") == 60 + 90, "what begins in it begins when it is over"
