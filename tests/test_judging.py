"""The judges: what the benchmarks measure with is right where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import gallery, lag, likeness
from benchmarks.clips import chosen
from benchmarks.puppet import Held, Moves
from lipsync.articulation import Motion
from lipsync.media import Frame
from lipsync.mouth import LOW_IN, UP_IN

GREY = np.full((60, 70, 3), 100, np.uint8)


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (60, 70, 3)).astype(np.uint8)


def test_a_picture_is_like_itself_and_less_like_another() -> None:
    assert likeness.ssim(noise(1), noise(1)) == pytest.approx(1)
    assert likeness.ssim(noise(1), noise(2)) < 0.2
    assert likeness.psnr(GREY, GREY + np.uint8(10)) == pytest.approx(20 * np.log10(25.5))


def test_even_motion_does_not_flicker() -> None:
    even = [GREY + np.uint8(3 * k) for k in range(6)]
    restless = [GREY + np.uint8(10 * (k % 2)) for k in range(6)]
    assert likeness.flicker(even) == 0
    assert likeness.flicker(restless) == pytest.approx(20)


def test_the_error_of_lips_is_in_percent_of_the_eyes_distance() -> None:
    points = np.zeros((99, 2))
    assert likeness.lip_error(points + np.array([3, 4]), points, iod=100) == pytest.approx(5)


def seen(late: float, stay: float = 0.04) -> lag.Seen:
    times = np.arange(0, 4, stay) + stay / 2
    at = times - late
    return lag.Seen(times, 0.05 + 0.03 * np.sin(7 * at) + 0.02 * np.sin(13 * at + 1))


@pytest.mark.parametrize("late", [-0.1, 0.0, 0.035])
def test_a_late_mouth_is_found_out(late: float) -> None:
    found, like = lag.behind(seen(late), seen(0.0))
    assert found == pytest.approx(late, abs=0.006)
    assert like > 0.98


def test_a_speech_is_found_in_a_sound() -> None:
    speech = np.random.default_rng(4).normal(size=8000).astype(np.float32)
    assert lag.delay(np.r_[np.zeros(320, np.float32), speech], speech) == pytest.approx(0.02)
    assert lag.delay(speech[160:], speech) == pytest.approx(-0.01)


@pytest.mark.parametrize("middle", [1.0, 1.013])
def test_a_closure_is_where_the_lips_are_closed(middle: float) -> None:
    times = np.arange(0, 2, 0.04) + 0.02
    opening = np.clip(np.abs(times - middle) - 0.03, 0, 0.1)
    assert lag.closure(lag.Seen(times, opening), 1.0) == pytest.approx(middle, abs=0.012)


def test_lips_that_stay_open_have_no_closure() -> None:
    times = np.arange(0, 2, 0.04)
    assert lag.closure(lag.Seen(times, np.full(len(times), 0.08)), 1.0) is None
    assert lag.closure(lag.Seen(times, 0.08 - 0.03 * (np.abs(times - 1) < 0.03)), 1.0) is None


def test_the_gallery_looks_where_something_happens() -> None:
    rows = np.arange(300)
    values = np.zeros((300, 6), np.float32)
    values[:, 0] = 0.1 * np.exp(-(((rows - 80) / 10) ** 2)) + 0.03
    values[:, 1] = -0.08 * np.exp(-(((rows - 200) / 8) ** 2))
    closure = np.exp(-(((rows - 140) / 3) ** 2)).astype(np.float32)
    motion = Motion(values, np.ones(300, np.float32), closure, 3.0)
    assert gallery.moments(motion) == [("closure", 1.4), ("opening", 0.8), ("rounding", 2.0)]
    again = [at for kind, at in gallery.moments(motion, each=2) if kind == "opening"]
    assert len(again) == 2
    assert again[1] - again[0] >= gallery.APART


def test_frames_around_a_moment_are_consecutive() -> None:
    shown = gallery.Filmed([GREY] * 20, np.arange(20) * 0.04 + 0.02, None)  # type: ignore[arg-type]
    assert gallery.consecutive(shown, 0.4, 5) == [7, 8, 9, 10, 11]
    assert gallery.consecutive(shown, 0.0, 5) == [0, 1, 2, 3, 4]
    assert gallery.consecutive(shown, 9.0, 30) == list(range(20))


def test_shapes_that_are_all_but_closed_are_closed() -> None:
    lips = np.zeros((1, 4, 11, 2))
    lips[0, LOW_IN, :, 1] = np.r_[-0.01, np.full(9, 0.004), 0.03]
    made = Moves(lips, np.zeros(1)).shape(0).lips
    apart = made[LOW_IN, :, 1] - made[UP_IN, :, 1]
    assert apart[:10] == pytest.approx(0)
    assert apart[10] == pytest.approx(0.03)


def test_held_frames_are_given_as_copies() -> None:
    reel = Held([Frame.from_rgb(GREY)])
    first, second = reel.play([0, 0])
    first.data[:] = 0
    assert second.data.any()


def test_a_folder_is_searched_for_videos(tmp_path) -> None:
    for name in ("b.mp4", "a.MOV", "c.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in chosen([str(tmp_path)])] == ["a.MOV", "b.mp4"]
