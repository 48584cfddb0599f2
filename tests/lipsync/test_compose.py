"""One frame with another mouth: nothing moves that should not, and what is asked for is drawn."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipsync.compose import Composer
from lipsync.face import INNER_LOW, INNER_UP, Track
from lipsync.head import rotation
from lipsync.media import Frame
from lipsync.mouth import LOW_OUT, ROWS, Shape, closed, rows
from lipsync.paint import dense
from lipsync.palette import Palette
from lipsync.subject import Subject, anatomy, subject_of

KNOWN = anatomy()
SIZE = (300, 320)  # height, width
SCALE = 90


def points(angles: tuple[float, float, float] = (0, 0, 0), shut: bool = True) -> np.ndarray:
    """The mean head in the middle of the picture, with its lips closed."""
    shape = KNOWN.head.shape.copy()
    if shut:
        lips = closed(rows(shape[:, :2]))
        shape[ROWS.ravel(), :2] = lips.reshape(-1, 2)
    return (SCALE * shape @ rotation(np.array([angles], float))[0, :2].T + (160, 140)).astype(np.float32)


def track(*frames: np.ndarray) -> Track:
    count = len(frames)
    return Track(np.stack(frames), np.ones(count, np.float32), np.ones(count, bool), np.zeros(count, bool))


def picture() -> Frame:
    rng = np.random.default_rng(5)
    noise = rng.integers(0, 60, (*SIZE, 3))
    x, y = np.meshgrid(np.arange(SIZE[1]), np.arange(SIZE[0]))
    return Frame.from_rgb((noise + np.stack([x / 3 + 60, y / 3 + 50, (x + y) / 5 + 40], -1)).astype(np.uint8))


def scene(*frames: np.ndarray) -> tuple[Subject, Composer]:
    subject = subject_of(track(*frames), KNOWN)
    return subject, Composer(subject, KNOWN, Palette.plain())


def shape_of(subject: Subject, **named: float) -> Shape:
    names = ("open", "width", "upper", "lower", "jaw", "protrusion")
    return subject.mouth.shape(np.array([named.get(name, 0.0) for name in names], np.float32))


WIDE_OPEN = {"open": 0.15, "lower": 0.11, "jaw": 0.07}


def test_a_closed_mouth_at_rest_leaves_the_picture_alone() -> None:
    subject, composer = scene(points())
    frame = picture()
    composer.draw(frame, 0, shape_of(subject), 1.0)
    assert (frame.data == picture().data).all()


def test_strength_zero_leaves_the_picture_alone() -> None:
    subject, composer = scene(points())
    frame = picture()
    composer.draw(frame, 0, shape_of(subject, **WIDE_OPEN), 0.0)
    assert (frame.data == picture().data).all()


@pytest.mark.parametrize("angles", [(0, 0, 0), (0.3, 0.1, 0.25)])
def test_outside_the_region_nothing_changes(angles: tuple[float, float, float]) -> None:
    subject, composer = scene(points(angles))
    frame = picture()
    composer.draw(frame, 0, shape_of(subject, **WIDE_OPEN), 1.0)
    before, after = picture().planes[0], frame.planes[0]
    changed = np.argwhere(before != after)
    assert len(changed) > 500
    low, high = changed.min(0), changed.max(0)
    seen = points(angles)
    eyes = seen[40:56, 1].max()
    assert low[0] > eyes
    assert (high - low < 2 * SCALE).all()


def test_the_mouth_opens_where_it_is() -> None:
    subject, composer = scene(points())
    openings = []
    for opening in (0.03, 0.08, 0.15):
        frame = picture()
        composer.draw(frame, 0, shape_of(subject, open=opening, lower=0.7 * opening, jaw=0.5 * opening), 1.0)
        lips = points()[:40]
        box = tuple(int(v) for v in (*lips.min(0), *(lips.max(0) + np.float32([0, 12]))))
        openings.append(int((frame.rgb(box).max(-1) < 45).sum()))
    assert openings[0] < openings[1] < openings[2]


def test_lips_come_to_lie_where_they_were_asked_for() -> None:
    subject, composer = scene(points())
    frame, shape = picture(), shape_of(subject, **WIDE_OPEN)
    sketch = composer.sketch(frame, 0, shape, 1.0)
    assert sketch is not None
    wanted, own = (
        subject.planes.to_frame(0, lips[LOW_OUT]) for lips in (subject.apparent(0, shape.lips), subject.own_lips(0))
    )
    at = (wanted - sketch.box[:2]).astype(np.float32)
    places = cv2.remap(dense(sketch.whole.field), at[:, :1].copy(), at[:, 1:].copy(), cv2.INTER_LINEAR)[:, 0, :2]
    off = (places + sketch.box[:2] - own)[1:-1] / SCALE
    assert np.abs(off.mean(0)).max() < 0.001  # a tenth of what the tracker can tell
    assert np.abs(off).max() < 0.005


def test_the_same_mouth_gives_the_same_bytes() -> None:
    subject, composer = scene(points())
    frames = [picture(), picture()]
    for frame in frames:
        composer.draw(frame, 0, shape_of(subject, **WIDE_OPEN), 1.0)
    assert (frames[0].data == frames[1].data).all()


def test_half_the_strength_goes_part_of_the_way() -> None:
    subject, composer = scene(points())
    amounts = []
    for strength in (0.25, 0.6, 1.0):
        frame = picture()
        composer.draw(frame, 0, shape_of(subject, **WIDE_OPEN), strength)
        amounts.append(np.abs(frame.planes[0].astype(int) - picture().planes[0]).sum())
    assert amounts[0] < amounts[1] < amounts[2]


def test_an_open_smile_can_be_closed() -> None:
    smiling = points(shut=False)
    subject, composer = scene(smiling)
    rgb = np.full((*SIZE, 3), (190, 140, 120), np.uint8)
    cv2.fillPoly(rgb, [np.round(smiling[np.r_[INNER_UP, INNER_LOW]]).astype(np.int32)], (255, 255, 255))
    frame = Frame.from_rgb(rgb)
    composer.draw(frame, 0, shape_of(subject), 1.0)
    assert (frame.rgb().min(-1) > 215).sum() < 0.12 * (rgb.min(-1) > 215).sum()


def test_a_face_at_the_edge_is_drawn_as_far_as_there_is_a_picture() -> None:
    for shift in ((130, 0), (-140, 60), (0, 130)):
        subject, composer = scene(points() + np.float32(shift))
        frame = picture()
        composer.draw(frame, 0, shape_of(subject, **WIDE_OPEN), 1.0)
        moved = (frame.rgb() != picture().rgb()).any(-1)
        assert 0.002 < moved.mean() < 0.5, shift


def smile() -> tuple[np.ndarray, Frame]:
    """A head that laughs: bright teeth, darker lips, skin."""
    shape = points(shut=False)
    lips = rows(shape)
    for row, down in ((2, -3.0), (0, -3.0), (3, 9.0), (1, 9.0)):  # open the mean head's mouth wider
        shape[ROWS[row, 1:-1], 1] += down * (1 - np.linspace(-1, 1, 11)[1:-1] ** 2)
    lips = rows(shape)
    rgb = np.full((*SIZE, 3), (200, 160, 140), np.uint8)
    for (above, below), colour in ((lips[[0, 1]], (150, 70, 75)), (lips[[2, 3]], (245, 240, 232))):
        cv2.fillPoly(rgb, [np.round(np.concatenate([above, below[::-1]])).astype(np.int32)], colour)
    return shape, Frame.from_rgb(cv2.GaussianBlur(rgb, (0, 0), 0.7))


def test_no_tooth_is_left_when_a_laugh_closes() -> None:
    shape, frame = smile()
    subject, composer = scene(shape)
    assert (frame.rgb()[140:240].min(-1) > 190).sum() > 200
    composer.draw(frame, 0, shape_of(subject), 1.0)
    assert (frame.rgb()[140:240].min(-1) > 165).sum() == 0


def test_a_photo_without_colour_gets_none() -> None:
    shape, frame = smile()
    grey = Frame.from_rgb(np.repeat(frame.rgb().mean(-1, keepdims=True).astype(np.uint8), 3, axis=-1))
    subject = subject_of(track(shape), KNOWN)
    colours = Palette(np.full(3, 215, np.float32), np.full(3, 160, np.float32), 0.0)
    for values in ({}, WIDE_OPEN):
        drawn = grey.copy()
        Composer(subject, KNOWN, colours).draw(drawn, 0, shape_of(subject, **values), 1.0)
        assert (drawn.data != grey.data).any()
        assert np.abs(drawn.planes[1].astype(int) - 128).max() <= 3
        assert np.abs(drawn.planes[2].astype(int) - 128).max() <= 3


def test_the_tip_of_the_tongue_is_seen_for_l() -> None:
    subject, composer = scene(points())
    seen = []
    for tongue in (0.0, 1.0):
        frame = picture()
        mouth = subject.mouth.shape(np.array([0.13, 0, 0.02, 0.09, 0.09, 0], np.float32), tongue)
        composer.draw(frame, 0, mouth, 1.0)
        seen.append(frame.rgb().astype(int))
    redder = (seen[1][..., 0] - seen[1][..., 2]) - (seen[0][..., 0] - seen[0][..., 2])
    assert (redder > 15).sum() > 12
    assert redder.min() > -25
