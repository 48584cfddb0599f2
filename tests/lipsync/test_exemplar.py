"""The mouths that a clip lends: which are kept, which are taken, and how they are laid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import cv2
import numpy as np
import pytest

from lipsync import exemplar, exemplar_plan
from lipsync.drawing import Drawing
from lipsync.exemplar import choose, gather, usual_lip
from lipsync.exemplar_plan import CLOSED, cheapest, oddness, plan_of, served, slits
from lipsync.face import Track
from lipsync.match import GAIN, lit
from lipsync.media import Frame
from lipsync.mouth import LOW_IN, LOW_OUT, ROWS, UP_IN, UP_OUT, Mouth, Shape, closed, gap, rows
from lipsync.palette import Palette
from lipsync.script import Script
from lipsync.sharpness import far_from, sharpness, softening
from lipsync.subject import Subject, anatomy, subject_of

KNOWN = anatomy()
SIZE = (260, 280)  # height, width
SCALE = 80
SKIN, LIP, TEETH = (190, 140, 120), (150, 60, 70), (230, 225, 210)


class Talker:
    """Frames by number, and the track of the face in them."""

    def __init__(self, openings: Sequence[float], light: Sequence[float] | None = None) -> None:
        shape = KNOWN.head.shape.copy()
        rest = closed(rows(shape[:, :2]))
        mouth = Mouth(rest, float(shape[87, 1]), 0.0, KNOWN.basis)
        self._light = light or [1.0] * len(openings)
        self.played: list[int] = []
        points = []
        for opening in openings:
            values = np.array([opening, 0, 0, 0.7 * opening, 0.4 * opening, 0], np.float32)
            flat = shape[:, :2].copy()
            flat[ROWS.ravel()] = mouth.shape(values).lips.reshape(-1, 2)
            flat[[86, 87, 88], 1] += 0.4 * opening
            points.append(SCALE * flat + (140, 110))
        self.points = np.array(points, np.float32)
        count = len(points)
        self.track = Track(self.points, np.ones(count, np.float32), np.ones(count, bool), np.zeros(count, bool))
        self.subject: Subject = subject_of(self.track, KNOWN)

    def frame(self, number: int) -> Frame:
        """Paint one."""
        noise = np.random.default_rng(3).integers(-6, 7, (*SIZE, 3))
        rgb = np.full((*SIZE, 3), SKIN, np.uint8)
        lips = rows(self.points[number])
        for outer, colour in (((UP_OUT, LOW_OUT), LIP), ((UP_IN, LOW_IN), TEETH)):
            outline = np.concatenate([lips[outer[0]], lips[outer[1], ::-1]])
            cv2.fillPoly(rgb, [np.round(outline * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)
        return Frame.from_rgb(((rgb + noise) * self._light[number]).clip(0, 255).astype(np.uint8))

    def play(self, indices: Sequence[int]) -> Iterator[Frame]:
        """See ``Reel``."""
        for number in indices:
            self.played.append(number)
            yield self.frame(number)


WAVE = [round(0.06 * (1 - np.cos(2 * np.pi * k / 12)), 4) for k in range(36)]


def script(talker: Talker, openings: Sequence[float], strength: float = 1.0) -> Script:
    def shape(place: int) -> Shape:
        opening = openings[place]
        return talker.subject.mouth.shape(np.array([opening, 0, 0, 0.7 * opening, 0.4 * opening, 0], np.float32))

    return Script(np.arange(len(openings)) % len(talker.points), np.full(len(openings), strength), shape)


def drawing(talker: Talker, wanted: Sequence[float], allowed: np.ndarray | None = None) -> Drawing:
    return Drawing(talker, talker.subject, KNOWN, Palette.plain(), script(talker, wanted), allowed)


def test_a_short_clip_keeps_all_fit_frames() -> None:
    talker = Talker(WAVE)
    assert choose(talker.subject, None, 100).tolist() == list(range(36))
    allowed = np.arange(36) < 10
    assert choose(talker.subject, allowed, 100).tolist() == list(range(10))


def test_of_a_long_clip_runs_are_kept_that_differ() -> None:
    talker = Talker([0.0] * 200 + WAVE + [0.0] * 200)
    kept = choose(talker.subject, None, 48)
    assert len(kept) <= 48
    assert ((kept >= 200) & (kept < 236)).sum() >= 16
    assert (np.diff(kept) == 1).mean() > 0.7


def test_the_store_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exemplar, "BYTES", 40 * 3 * SCALE**2)
    talker = Talker(WAVE * 5)
    stock = gather(talker, talker.subject, Palette.plain(), None)
    assert len(stock) <= 40
    assert talker.played == list(range(talker.played[0], talker.played[-1] + 1))
    monkeypatch.setattr(exemplar, "SEEK", 0)
    talker.played.clear()
    assert [one.number for one in gather(talker, talker.subject, Palette.plain(), None)] == talker.played
    assert sum(one.rgb.nbytes for one in stock) < 2 * exemplar.BYTES


def test_the_cheapest_path_is_the_best_of_all() -> None:
    rng = np.random.default_rng(0)
    costs, jumps = rng.random((5, 3)).astype(np.float32), rng.random((3, 3)).astype(np.float32)

    def price(path: Sequence[int]) -> float:
        steps = sum(jumps[a, b] for a, b in pairwise(path))
        return float(steps + sum(costs[t, k] for t, k in enumerate(path)))

    every = [tuple(int(v) for v in np.unravel_index(k, (3,) * 5)) for k in range(3**5)]
    assert price(cheapest(costs, jumps).tolist()) == pytest.approx(min(map(price, every)), abs=1e-5)


def test_it_stays_where_another_is_hardly_better() -> None:
    costs = np.tile(np.array([[0.5, 0.4], [0.4, 0.5]], np.float32), (10, 1))
    dear, free = np.float32([[0, 1], [1, 0]]), np.zeros((2, 2), np.float32)
    assert len(set(cheapest(costs, dear).tolist())) == 1
    assert len(set(cheapest(costs, free).tolist())) == 2


def test_the_plan_is_the_same_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    talker = Talker(WAVE)
    stock = gather(talker, talker.subject, Palette.plain(), None)
    wanted = script(talker, [*WAVE[6:], *WAVE[:6]])
    whole = plan_of(wanted, talker.subject, stock)
    monkeypatch.setattr(exemplar_plan, "BLOCK", 7)
    parts = plan_of(wanted, talker.subject, stock)
    opened = [gap(wanted.shape(place).lips) for place in range(len(wanted))]
    for plan in (whole, parts):
        shown = np.array([gap(talker.subject.own_lips(stock[pick].number)) for pick in plan.picks])
        assert np.abs(shown - opened).max() < 0.03
    assert (whole.shares == 1).all()


def test_exemplars_give_way_only_while_the_mouth_is_closed() -> None:
    wanted = np.array([0, 0, 0.1, 0.2, 0.1, 0, 0, 0, 0.1, 0.1, 0, 0])
    shown = np.array([0, 0, 0.1, 0.2, 0.1, 0, 0, 0, 0.02, 0.03, 0, 0])
    serve = served(shown, wanted)
    assert serve[:6].all()
    assert not serve[8:].any()
    assert (wanted[np.flatnonzero(np.diff(serve.astype(int)))] <= CLOSED).all()
    assert served(shown, np.zeros(12)).all()


def test_a_silent_clip_lends_nothing_to_an_open_mouth() -> None:
    talker = Talker([0.0] * 30)
    stock = gather(talker, talker.subject, Palette.plain(), None)
    assert (plan_of(script(talker, [0.1] * 30), talker.subject, stock).shares == 0).all()


def test_a_picture_that_belies_its_shape_is_odd() -> None:
    rng = np.random.default_rng(1)
    told = rng.random((60, 3))
    looks = (told @ rng.random((3, 20)) * 50 + rng.normal(0, 1, (60, 20))).astype(np.float32)
    looks[17] += 40
    odd = oddness(told, looks)
    assert odd.argmax() == 17
    assert np.median(odd) == pytest.approx(1)
    assert (oddness(told[:5], looks[:5]) == 1).all()


def test_light_is_matched() -> None:
    rng = np.random.default_rng(2)
    base = (100 + rng.normal(0, 3, (60, 80, 3))).astype(np.float32)
    ring = np.zeros((60, 80), np.float32)
    ring[10:50, 10:70] = 1
    ring[25:35, 25:55] = 0
    for gain in (0.75, 1.3):
        made = lit(base * np.float32([gain, 1, 1 / gain]), base, ring, 80)
        assert np.abs(made[ring > 0].mean(0) - base[ring > 0].mean(0)).max() < 2
        assert np.abs(made[28:32, 35:45].mean((0, 1)) - 100).max() < 6
    assert lit(base * 0.2, base, ring, 80).mean() <= GAIN[1] * (base * 0.2).mean() + 1


def test_what_is_sharper_is_softened_and_nothing_is_sharpened() -> None:
    talker = Talker([0.0, 0.1])
    sharp = talker.frame(1).rgb()
    blurred = np.asarray(cv2.GaussianBlur(sharp, (0, 0), 1.2), np.uint8)
    lips = rows(talker.points[1])
    known = sharpness(blurred, lips, SCALE)
    sigma = softening(sharp, lips, SCALE, known)
    assert sigma == pytest.approx(1.2, abs=0.4)
    assert softening(blurred, lips, SCALE, sharpness(sharp, lips, SCALE)) == 0
    assert softening(sharp, lips, SCALE, (known[0], 1e3)) == 0


def test_how_far_the_lips_are() -> None:
    talker = Talker([0.05])
    lips = rows(talker.points[0])
    far = far_from(lips, SIZE, SCALE)
    x, y = lips[LOW_OUT, 5].round().astype(int)
    assert far[y - 2, x] == 0
    assert far[y + 40, x] == pytest.approx(0.5, abs=0.03)


def test_own_teeth_show_in_a_lent_mouth_and_nothing_changes_far_away() -> None:
    talker = Talker(WAVE)
    frames = list(drawing(talker, [0.1] * 36).frames())
    lips = talker.subject.own_lips(0)
    middle = talker.subject.planes.to_frame(0, np.array([lips[UP_IN:, 5].mean(0)]))[0].round().astype(int)
    shown = frames[0].rgb()[middle[1] : middle[1] + 5, middle[0] - 6 : middle[0] + 7].mean((0, 1))
    assert np.abs(shown - TEETH).max() < 45
    untouched = talker.frame(0)
    assert (frames[0].planes[0][:70] == untouched.planes[0][:70]).all()
    skin = frames[0].rgb()[int(middle[1]) + 45 : int(middle[1]) + 50, middle[0] - 5 : middle[0] + 5].mean((0, 1))
    assert np.abs(skin - SKIN).max() < 12


def test_the_same_bytes_twice_and_however_many_threads() -> None:
    talker = Talker(WAVE, light=[1 - 0.01 * (k % 5) for k in range(36)])
    wanted = [*WAVE[3:], *WAVE[:3]]
    first, second = (b"".join(f.data.tobytes() for f in drawing(talker, wanted).frames()) for _ in range(2))
    assert first == second


def test_only_allowed_frames_are_lent() -> None:
    talker = Talker(WAVE)
    drawing(talker, WAVE, np.arange(36) < 13)
    assert max(talker.played) == 12


def test_lips_have_one_colour() -> None:
    talker = Talker(WAVE)
    stock = gather(talker, talker.subject, Palette.plain(), None)
    usual = usual_lip(stock)
    assert usual is not None
    assert np.abs(usual - (150, 60, 70)).max() < 25
    assert usual_lip(()) is None


def test_a_lent_mouth_has_the_wanted_opening() -> None:
    talker = Talker(WAVE)
    for opening in (0.05, 0.11):
        frame = next(drawing(talker, [opening] * 36).frames())
        shape = script(talker, [opening]).shape(0)
        edges = talker.subject.planes.to_frame(0, talker.subject.apparent(0, shape.lips)[UP_IN:, 5])
        column = frame.rgb()[:, int(edges[0, 0].round())].astype(int)
        pale = np.flatnonzero(column[:, 1] > 185)
        pale = pale[(pale > edges[0, 1] - 8) & (pale < edges[1, 1] + 8)]
        assert pale.max() - pale.min() == pytest.approx(edges[1, 1] - edges[0, 1], abs=2.5)


def test_a_slit_between_lips_that_are_taken_for_closed_is_told() -> None:
    looks = np.full((4, 7, 11, 3), 120, np.float32)
    looks[:3, 3] = 100
    looks[2, 3, 4:7] = 40
    told = slits(looks, np.array([True, True, True, False]))
    assert told[0] == told[1] < 0.1 < 0.5 < told[2]
    assert (slits(looks, np.zeros(4, np.bool_)) == 0).all()
