"""Drawings pasted by torch: here on the CPU, and on a GPU where there is one; the same as OpenCV's within a level."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import torch

from lipsync.media import Frame
from lipsync.wav2lip import gpu_patch
from lipsync.wav2lip.boxes import SIDE
from lipsync.wav2lip.gpu_patch import Overlay, Patch, overlay_on
from lipsync.wav2lip.gpu_tone import Tone
from lipsync.wav2lip.mask import Mask, mask_of
from lipsync.wav2lip.patch import paste, touched
from lipsync.wav2lip.tone import agreed, kept
from tests.lipsync.test_wav2lip_paste import region, scene

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here"))]
PLACES = [((0, 0), 1.0), ((3.3, -7.7), 2.2), ((0, 0), 0.4), ((190, 90), 1.0), ((-150, 40), 1.3)]
"""In the middle, larger than the crop, smaller, and across the edges of the frame."""


def drawings(crop: np.ndarray) -> list[np.ndarray]:
    """What a network may make of a crop: nothing new, another mouth, something soft, something dark, rubbish."""
    dice = np.random.default_rng(1)
    other, soft = np.roll(crop, 3, 0), cv2.GaussianBlur(crop, (0, 0), 1.0)
    return [crop, other, soft, np.full_like(crop, 40), dice.integers(0, 256, crop.shape, np.uint8)]


def patches() -> list[Patch]:
    """Faces of all sizes, each with every drawing."""
    made = []
    for place in PLACES:
        frame, points, to_crop = scene(*place)
        crop = frame.warp(to_crop, SIDE)
        for number, drawn in enumerate(drawings(crop)):
            amount, strength = (0.0, 1.2, -0.8, 0.4, -0.1)[number], (1.0, 0.7, 1.0, 0.3, 1.0)[number]
            made.append(Patch(frame.copy(), to_crop, (crop, drawn), mask_of(points, to_crop), amount, strength))
    return made


def by_opencv(given: Sequence[Patch]) -> list[Frame]:
    frames = [one.frame.copy() for one in given]
    for frame, one in zip(frames, given, strict=True):
        paste(frame, one.to_crop, one.crops, one.mask, one.amount, one.strength)
    return frames


@pytest.fixture(scope="module")
def wanted() -> list[Frame]:
    return by_opencv(patches())


@pytest.mark.parametrize("device", DEVICES)
def test_faces_of_all_sizes_at_once(device: str, wanted: list[Frame]) -> None:
    given, own = patches(), patches()
    Overlay(torch.device(device)).paste(given)
    for one, other, before in zip(given, wanted, own, strict=True):
        apart = np.abs(one.frame.data.astype(int) - other.data)
        assert apart.max() <= 1
        assert (apart > 0).mean() < 0.005
        changed = one.frame.data != before.frame.data
        assert changed.any() == (other.data != before.frame.data).any()


@pytest.mark.parametrize("device", DEVICES)
def test_outside_the_mask_not_one_level_changes(device: str) -> None:
    frame, points, to_crop = scene()
    mask, black = mask_of(points, to_crop), np.zeros((SIDE, SIDE, 3), np.uint8)
    out = frame.copy()
    Overlay(torch.device(device)).paste([Patch(out, to_crop, (frame.warp(to_crop, SIDE), black), mask, 0.0, 1.0)])
    inside = region(to_crop, points)
    assert (out.planes[0] != frame.planes[0])[inside].mean() > 0.5
    assert (out.planes[0] == frame.planes[0])[~inside].all()
    coarse = cv2.dilate(inside.astype(np.uint8), np.ones((3, 3)))[::2, ::2] > 0
    for plane, own in zip(out.planes[1:], frame.planes[1:], strict=True):
        assert (plane == own)[~coarse].all()


def test_light_sharpness_and_what_is_kept_are_those_of_opencv() -> None:
    frame, points, to_crop = scene(scale=1.5)
    crop, mask = frame.warp(to_crop, SIDE), mask_of(points, to_crop)
    blind = Mask(mask.face, np.zeros_like(mask.lips), mask.skin)  # nothing is a mouth
    tone, made = Tone(torch.device("cpu")), drawings(crop)
    grey = np.repeat(crop[..., 1:2], 3, axis=2)
    pale = np.clip(grey.astype(int) + np.array([2, 0, -1]), 0, 255).astype(np.uint8)
    for base, amount in ((crop, 0.0), (crop, 0.7), (crop, -0.5), (grey, 0.7), (pale, 0.0)):
        source, drawn = (torch.from_numpy(np.stack(one)).permute(0, 3, 1, 2).float() for one in ([base] * 5, made))
        near = tone.agreed(source, drawn, torch.full((5,), amount))
        for lips in (mask, blind):
            keep = tone.kept(source, near, torch.from_numpy(np.stack([lips.lips] * 5)))
            for number, one in enumerate(made):
                plain = agreed(base, one, amount)
                np.testing.assert_allclose(near[number].permute(1, 2, 0).numpy(), plain, atol=2e-3)
                np.testing.assert_allclose(keep[number].numpy(), kept(base, plain, lips), atol=2e-3)


def test_a_face_beyond_the_frame_is_left_out() -> None:
    frame, points, to_crop = scene()
    away = to_crop.copy()
    away[:, 2] += 1000
    mask = mask_of(points, to_crop)
    assert touched(frame, away, mask.face) is None
    out, crop = frame.copy(), frame.warp(to_crop, SIDE)
    Overlay(torch.device("cpu")).paste([Patch(out, away, (crop, crop // 2), mask, 0.0, 1.0)])
    assert (out.data == frame.data).all()
    Overlay(torch.device("cpu")).paste([])


@pytest.mark.parametrize("most", [0, 1, 3])
def test_fewer_at_once_where_memory_is_short(most: int, wanted: list[Frame], monkeypatch: pytest.MonkeyPatch) -> None:
    pasted, seen = Overlay._pasted, []

    def tight(self: Overlay, pairs: Sequence[object], ferry: object) -> bool:
        seen.append(len(pairs))
        if len(pairs) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return pasted(self, pairs, ferry)

    monkeypatch.setattr(Overlay, "_pasted", tight)
    overlay, given = Overlay(torch.device("cpu")), patches()[:7]
    overlay.paste(given)
    for one, other in zip(given, wanted, strict=False):
        assert np.abs(one.frame.data.astype(int) - other.data).max() <= 1
    seen.clear()
    overlay.paste(patches()[:5])
    assert max(seen) <= max(1, 2 * most), "it has learned"


def test_many_threads_and_each_time_the_same() -> None:
    overlay, runs = Overlay(torch.device("cpu")), [patches()[:6] for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(overlay.paste, runs))
    for given in runs[1:]:
        for one, other in zip(given, runs[0], strict=True):
            assert (one.frame.data == other.frame.data).all()


def test_other_errors_are_told_and_the_way_is_free_again(monkeypatch: pytest.MonkeyPatch) -> None:
    overlay, given = Overlay(torch.device("cpu")), patches()[:1]

    def broken(self: Tone, *_: object) -> None:
        raise RuntimeError("sizes do not match")

    with monkeypatch.context() as patched:
        patched.setattr(Tone, "agreed", broken)
        for _ in range(2 * gpu_patch.WAYS):
            with pytest.raises(RuntimeError, match="sizes do not match"):
                overlay.paste(given)
    overlay.paste(given)


def test_the_cpu_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert overlay_on("cpu") is None
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert overlay_on("auto") is None
