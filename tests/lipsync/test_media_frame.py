"""Frames: planes in, planes out, and nothing touched that was not asked for."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipsync.media import Colour, Frame


@pytest.fixture
def rgb() -> np.ndarray:
    noise = np.random.default_rng(3).integers(0, 255, (12, 16, 3), np.uint8)
    return cv2.resize(noise, (96, 72), interpolation=cv2.INTER_CUBIC)


def test_from_rgb_and_back(rgb: np.ndarray) -> None:
    back = Frame.from_rgb(rgb).rgb()
    assert np.abs(back.astype(int) - rgb).mean() < 4.5


def test_an_odd_picture_grows_by_its_last_line(rgb: np.ndarray) -> None:
    frame = Frame.from_rgb(rgb[:71, :95])
    assert (frame.width, frame.height) == (96, 72)
    y = frame.planes[0]
    assert (y[71] == y[70]).all()
    assert (y[:, 95] == y[:, 94]).all()


@pytest.mark.parametrize("box", [(0, 0, 96, 72), (11, 7, 50, 40), (10, 8, 96, 72), (95, 71, 96, 72)])
def test_a_part_equals_the_same_part_of_the_whole(rgb: np.ndarray, box: tuple[int, int, int, int]) -> None:
    frame = Frame.from_rgb(rgb)
    x0, y0, x1, y1 = box
    assert (frame.rgb(box) == frame.rgb()[y0:y1, x0:x1]).all()


@pytest.mark.parametrize(
    ("colour", "grey"),
    [(Colour(matrix=1, range=1), 126), (Colour(matrix=6, range=2), 128), (Colour(matrix=9), 126)],
)
def test_grey_is_grey_in_every_matrix(colour: Colour, grey: int) -> None:
    data = np.full((12, 8), 128, np.uint8)
    data[:8] = grey
    assert np.abs(Frame(data, colour).rgb().astype(int) - 128).max() <= 1


def test_red_by_the_standards() -> None:
    red = np.zeros((1, 1, 3), np.float32) + np.array([255, 0, 0], np.float32)
    assert np.allclose(cv2.transform(red, Colour(matrix=1, range=1).to_yuv), [63, 102, 240], atol=0.6)
    assert np.allclose(cv2.transform(red, Colour(matrix=6, range=1).to_yuv), [81, 90, 240], atol=0.6)
    assert np.allclose(cv2.transform(red, Colour(matrix=6, range=2).to_yuv), [76, 85, 255.5], atol=0.6)


@pytest.mark.parametrize("scale", [0.21, 0.5, 0.8, 1.7])
def test_warp_agrees_with_a_plain_warp_of_the_rgb_picture(rgb: np.ndarray, scale: float) -> None:
    big = cv2.resize(rgb, (480, 360), interpolation=cv2.INTER_CUBIC)
    frame = Frame.from_rgb(big)
    to_crop = scale * np.array([[0.95, 0.2, -90], [-0.2, 0.95, -40]])
    soft = cv2.GaussianBlur(frame.rgb(), (0, 0), max(0.01, 0.35 / scale)) if scale < 1 else frame.rgb()
    plain = cv2.warpAffine(soft, to_crop, (64, 64), borderMode=cv2.BORDER_REPLICATE)
    assert np.abs(frame.warp(to_crop, 64).astype(int) - plain).mean() < 2.5


@pytest.mark.parametrize("shift", [(-500, 0), (900, 900), (0, 0)])
def test_warp_reaches_beyond_every_edge(rgb: np.ndarray, shift: tuple[int, int]) -> None:
    to_crop = np.array([[0.2, 0, shift[0]], [0, 0.2, shift[1]]])
    assert Frame.from_rgb(rgb).warp(to_crop, 32).shape == (32, 32, 3)


def test_warp_of_a_tiny_picture() -> None:
    frame = Frame.from_rgb(np.full((4, 4, 3), 90, np.uint8))
    assert np.abs(frame.warp(np.array([[0.1, 0, 0], [0, 0.1, 0]]), 16).astype(int) - 90).max() <= 2


@pytest.mark.parametrize("box", [(11, 7, 50, 40), (10, 8, 50, 40), (0, 0, 96, 72), (91, 1, 96, 72)])
def test_paste_changes_nothing_where_the_mask_is_0(rgb: np.ndarray, box: tuple[int, int, int, int]) -> None:
    frame = Frame.from_rgb(rgb)
    before = frame.copy()
    x0, y0, x1, y1 = box
    mask = np.random.default_rng(0).random((y1 - y0, x1 - x0), np.float32)
    mask[mask < 0.6] = 0
    frame.paste(box, np.full((*mask.shape, 3), 250, np.float32), mask)

    whole = np.zeros((72, 96), np.float32)
    whole[y0:y1, x0:x1] = mask
    chroma = whole.reshape(36, 2, 48, 2).max(axis=(1, 3))
    for plane, old, where in zip(frame.planes, before.planes, (whole, chroma, chroma), strict=True):
        assert (plane[where == 0] == old[where == 0]).all()
        assert (plane[where > 0.9] != old[where > 0.9]).mean() > 0.9


def test_paste_under_a_full_mask_is_what_was_given(rgb: np.ndarray) -> None:
    frame = Frame.from_rgb(np.zeros_like(rgb))
    frame.paste((0, 0, 96, 72), rgb, np.ones((72, 96), np.float32))
    assert np.abs(frame.data.astype(int) - Frame.from_rgb(rgb).data).max() <= 1


def test_a_copy_has_planes_of_its_own(rgb: np.ndarray) -> None:
    frame = Frame.from_rgb(rgb)
    other = frame.copy()
    other.planes[1][:] = 7
    assert (frame.planes[1] != 7).any()
