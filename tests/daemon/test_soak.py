"""Long life: memory, files and threads stay what they were; what is finished slows nothing down."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.crowd import Times, crowd, rush, times
from benchmarks.endurance import Endured, Sample, endure, growth, growth_inside, slope, step
from benchmarks.hall import Hall
from daemon.vitals import Vitals

MIB = 2**20


def check_flat(endured: Endured, jobs: int, slack: float) -> None:
    """``slack``: MiB that memory may seem to grow by in a hundred jobs; few samples are rough."""
    assert endured.counted == jobs, "the metrics count what really happened"
    assert growth(endured, "resident") < slack * MIB
    assert step(endured, "resident") < 16 * MIB
    assert growth(endured, "threads") < 1
    assert growth(endured, "files") < slack
    assert step(endured, "files") <= 3
    assert growth_inside(endured, "resident") < 4 * slack * MIB, "and each ends after 200 videos"
    assert growth_inside(endured, "files") < 1


def check_equal(empty: Times, full: Times) -> None:
    assert full.drop < 2 * empty.drop + 1
    assert full.idle < 1.5 * empty.idle + 1
    assert full.busy < 1.5 * empty.busy + 0.1


@pytest.mark.e2e
def test_sixty_jobs_leave_nothing_behind(tmp_path: Path) -> None:
    check_flat(endure(tmp_path, 60), 60, slack=8)


@pytest.mark.e2e
def test_two_thousand_finished_jobs_slow_nothing(tmp_path: Path) -> None:
    hall = Hall(tmp_path)
    empty = times(hall, idle=1, rounds=2)
    crowd(hall, 2000)
    full = times(hall, idle=1, rounds=2)
    check_equal(empty, full)
    assert full.jobs < empty.jobs + 1.5
    assert hall.count("failed") == 0


@pytest.mark.soak
def test_a_thousand_jobs_leave_nothing_behind(tmp_path: Path) -> None:
    check_flat(endure(tmp_path, 1000), 1000, slack=1)


@pytest.mark.soak
def test_a_thousand_signed_jobs_leave_nothing_behind(tmp_path: Path) -> None:
    check_flat(endure(tmp_path, 1000, sign=True), 1000, slack=1)


@pytest.mark.soak
def test_ten_thousand_finished_jobs_slow_nothing(tmp_path: Path) -> None:
    hall = Hall(tmp_path)
    empty = times(hall)
    crowd(hall, 10_000)
    full = times(hall)
    check_equal(empty, full)
    assert full.start < empty.start + 2
    assert full.jobs < empty.jobs + 5


@pytest.mark.soak
def test_five_hundred_drops_at_once_are_each_made_once(tmp_path: Path) -> None:
    _, done, peak = rush(tmp_path, 500)
    assert done == 500
    assert peak < 160 * MIB


def made(sizes: list[int]) -> Endured:
    same = Vitals(50 * MIB, 1.0, 12, 7)
    samples = [Sample(5 * (n + 1), Vitals(size, 1.0, 12, 7), 99, same) for n, size in enumerate(sizes)]
    return Endured(tuple(samples), 1.0, float(len(sizes)))


def test_a_leak_is_found_and_a_step_is_none() -> None:
    leak = made([50 * MIB + n * MIB // 20 for n in range(100)])
    assert growth(leak, "resident") == pytest.approx(MIB, rel=0.01)
    stepped = made([50 * MIB] * 60 + [54 * MIB] * 40)
    assert growth(stepped, "resident") == 0
    assert step(stepped, "resident") == 4 * MIB
    assert slope([(0, 1.0), (50, 2.0), (100, 3.0)]) == pytest.approx(2)
