"""Lips follow the parameters: what is asked for opens, what is closed is closed, nothing crosses."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync.face import K
from lipsync.mouth import (
    LOW_IN,
    LOW_OUT,
    ROWS,
    SHUT,
    UP_IN,
    UP_OUT,
    WIDEST,
    Mouth,
    closed,
    gap,
    parted,
    rows,
    width,
)
from lipsync.subject import anatomy

KNOWN = anatomy()
SMILE = rows(KNOWN.head.shape[:, :2])


@pytest.fixture
def mouth() -> Mouth:
    rest = closed(SMILE)
    return Mouth(rest=rest, chin=0.8, teeth=0.25, basis=KNOWN.basis)


def values(**named: float) -> np.ndarray:
    names = ("open", "width", "upper", "lower", "jaw", "protrusion")
    return np.array([named.get(name, 0.0) for name in names], np.float32)


def test_rows_run_from_left_to_right_and_share_corners() -> None:
    assert ROWS.max() < K
    assert (np.diff(SMILE[..., 0]) > 0).all()
    assert SMILE[UP_OUT, [0, -1]] == pytest.approx(SMILE[LOW_OUT, [0, -1]])
    assert SMILE[UP_IN, [0, -1]] == pytest.approx(SMILE[LOW_IN, [0, -1]])


def test_at_rest_is_at_rest(mouth: Mouth) -> None:
    shape = mouth.shape(values())
    assert shape.lips == pytest.approx(mouth.rest)
    assert shape.drop == 0


def test_opening_grows_with_the_parameter(mouth: Mouth) -> None:
    openings = [gap(mouth.shape(values(open=o, lower=0.7 * o, jaw=0.5 * o)).lips) for o in np.linspace(0, 0.25, 26)]
    assert (np.diff(openings) >= -1e-9).all()
    assert openings[20] == pytest.approx(0.2 * mouth.gain, rel=0.1)


@pytest.mark.parametrize("opening", [0.0, 0.004, 0.9 * SHUT])
def test_small_openings_are_snapped_shut(mouth: Mouth, opening: float) -> None:
    lips = mouth.shape(values(open=opening, width=0.05, upper=0.03, lower=0.05, jaw=0.03)).lips
    assert lips[LOW_IN, :, 1] == pytest.approx(lips[UP_IN, :, 1])


def test_lips_never_cross(mouth: Mouth) -> None:
    for row in np.random.default_rng(3).normal(0, 0.15, (200, 6)):
        lips = mouth.shape(row).lips
        assert (lips[LOW_IN, :, 1] - lips[UP_IN, :, 1] >= -1e-12).all()


def test_wild_values_are_held(mouth: Mouth) -> None:
    wild = mouth.shape(np.array([9, 9, 9, 9, 9, 9.0])).lips
    assert gap(wild) < 0.4
    assert width(wild) < WIDEST + 0.02
    assert np.isfinite(mouth.shape(np.full(6, np.nan)).lips).all()


def test_closing_keeps_the_lips_thick() -> None:
    shut = closed(SMILE)
    assert gap(shut) == pytest.approx(0)
    before = SMILE[LOW_OUT, 5, 1] - SMILE[LOW_IN, 5, 1]
    after = shut[LOW_OUT, 5, 1] - shut[LOW_IN, 5, 1]
    assert 0.8 * before < after < 1.4 * before


def test_parted_lips_are_as_far_apart_as_asked() -> None:
    assert gap(parted(SMILE, 0.15)) == pytest.approx(0.15, abs=0.012)


def test_lips_pushed_forward_look_fuller(mouth: Mouth) -> None:
    plain, pouting = mouth.shape(values()).lips, mouth.shape(values(protrusion=0.02)).lips
    assert pouting[LOW_OUT, 5, 1] > plain[LOW_OUT, 5, 1]
    assert pouting[UP_OUT, 5, 1] < plain[UP_OUT, 5, 1]
    assert pouting[UP_OUT, [0, -1]] == pytest.approx(plain[UP_OUT, [0, -1]])
