"""A drawn face goes back into its frame: seamless, in the frame's light, and nothing else is touched."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest

from lipsync.face import Track
from lipsync.media import Frame
from lipsync.replay import drawn
from lipsync.subject import anatomy, subject_of
from lipsync.wav2lip.boxes import SIDE, boxes_of
from lipsync.wav2lip.mask import mask_of
from lipsync.wav2lip.patch import paste
from lipsync.wav2lip.tone import Sharpness, agreed

WIDTH, HEIGHT = 480, 400


def scene(shift: tuple[float, float] = (0, 0), scale: float = 1.0) -> tuple[Frame, np.ndarray, np.ndarray]:
    """A frame with skin-like detail, the points of a face in it, and its matrix."""
    draw = np.random.default_rng(0)
    coarse = cv2.resize(draw.normal(0, 25, (20, 24, 3)), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    grain = cv2.GaussianBlur(draw.normal(0, 20, (HEIGHT, WIDTH, 1)), (0, 0), 0.8)[..., None]
    frame = Frame.from_rgb(np.clip(np.array([150, 120, 105]) + coarse + grain, 20, 235).astype(np.uint8))
    middle = np.array([WIDTH - 1, HEIGHT - 1]) / 2
    points = ((drawn(WIDTH, HEIGHT) - middle) * scale + middle + shift).astype(np.float32)
    one = np.ones(1, bool)
    track = Track(points[None], np.ones(1, np.float32), one, one)
    return frame, points, boxes_of(track, subject_of(track, anatomy()), [Fraction(0)]).to_crop[0]


def pasted(frame: Frame, points: np.ndarray, to_crop: np.ndarray, made: np.ndarray, strength: float = 1.0) -> Frame:
    out, crop = frame.copy(), frame.warp(to_crop, SIDE)
    mask = mask_of(points, to_crop)
    amount = Sharpness().step(crop, made, mask.skin, fresh=True)
    paste(out, to_crop, (crop, made), mask, amount, strength)
    return out


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(((one.astype(float) - other) ** 2).mean(), 1e-9)))


def region(to_crop: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(H, W) True where the mask is not 0, with a little around it."""
    face = cv2.dilate(mask_of(points, to_crop).face, np.ones((3, 3), np.uint8))
    return cv2.warpAffine(face, to_crop, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP) > 0


@pytest.mark.parametrize(("shift", "scale"), [((0, 0), 1.0), ((3.3, -7.7), 2.2), ((0, 0), 0.4), ((190, 90), 1.0)])
def test_a_drawing_that_changes_nothing_changes_nothing(shift: tuple[float, float], scale: float) -> None:
    frame, points, to_crop = scene(shift, scale)
    out = pasted(frame, points, to_crop, frame.warp(to_crop, SIDE))
    assert psnr(out.data, frame.data) > 48
    assert np.abs(out.planes[0].astype(int) - frame.planes[0]).max() <= 2


def test_outside_the_mask_not_one_level_changes() -> None:
    frame, points, to_crop = scene()
    out = pasted(frame, points, to_crop, np.zeros((SIDE, SIDE, 3), np.uint8))
    inside = region(to_crop, points)
    assert 0.02 < inside.mean() < 0.15
    assert (out.planes[0] == frame.planes[0])[~inside].all()
    coarse = cv2.dilate(inside.astype(np.uint8), np.ones((3, 3)))[::2, ::2] > 0
    for plane, own in zip(out.planes[1:], frame.planes[1:], strict=True):
        assert (plane == own)[~coarse].all()
    lips = points[:40].round().astype(int)
    assert out.planes[0][lips[:, 1], lips[:, 0]].max() < 60


def test_a_tinted_and_softened_drawing_comes_back_in_the_frames_light_and_sharper() -> None:
    frame, points, to_crop = scene(scale=1.5)
    crop = frame.warp(to_crop, SIDE)
    soft = cv2.GaussianBlur(crop, (0, 0), 0.7)
    tinted = np.clip(soft * np.array([1.08, 1.0, 0.94]) + 4, 0, 255).astype(np.uint8)
    near = agreed(crop, tinted, 0.0)
    assert np.abs(near.mean((0, 1)) - crop.mean((0, 1))).max() < 1
    amount = Sharpness().step(crop, tinted, mask_of(points, to_crop).skin, fresh=True)
    assert amount > 0.15
    sharper = agreed(crop, tinted, amount)
    wrong = [float(((one - crop.astype(np.float32)) ** 2).mean()) for one in (tinted.astype(np.float32), near, sharper)]
    assert wrong == sorted(wrong, reverse=True)
    assert psnr(pasted(frame, points, to_crop, tinted).data, frame.data) > 44


def test_nothing_is_colourful_in_black_and_white() -> None:
    frame, _, to_crop = scene()
    crop = frame.warp(to_crop, SIDE)
    grey = np.repeat(crop[..., 1:2], 3, axis=2)
    tinted = np.clip(grey * np.array([1.3, 1.0, 0.8]), 0, 255).astype(np.uint8)
    assert np.ptp(agreed(grey, tinted, 0.0), axis=2).max() < 0.01
    assert np.ptp(agreed(crop, tinted, 0.0), axis=2).mean() > 5


def test_a_drawing_sharper_than_a_blurred_frame_is_softened() -> None:
    frame, points, to_crop = scene()
    crop = frame.warp(to_crop, SIDE)
    assert Sharpness().step(cv2.GaussianBlur(crop, (0, 0), 1.5), crop, mask_of(points, to_crop).skin, fresh=True) < -0.3


def test_sharpness_changes_slowly_within_a_shot_and_at_once_at_a_cut() -> None:
    frame, points, to_crop = scene()
    crop, skin, sharpness = frame.warp(to_crop, SIDE), mask_of(points, to_crop).skin, Sharpness()
    soft = cv2.GaussianBlur(crop, (0, 0), 1.0)
    assert sharpness.step(crop, crop, skin, fresh=True) == 0
    slowly = sharpness.step(crop, soft, skin, fresh=False)
    assert 0 < slowly < 0.3 * sharpness.step(crop, soft, skin, fresh=True)


def test_a_faded_drawing_is_between_the_frame_and_the_drawing() -> None:
    frame, points, to_crop = scene()
    dark = np.full((SIDE, SIDE, 3), 40, np.uint8)
    x, y = points[:40].mean(0).round().astype(int)
    own, half, whole = (pasted(frame, points, to_crop, dark, share).planes[0][y, x] for share in (0.0, 0.5, 1.0))
    assert own == frame.planes[0][y, x]
    assert abs(int(half) - (int(own) + int(whole)) / 2) <= 1
