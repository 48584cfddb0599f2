"""Networks and pixels reconciled: what is noise goes, what moves stays, and nothing is late."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from lipsync.face import INNER_LOW, INNER_UP, LIPS, NOSE, K, Track
from lipsync.flow import Flow, Motion
from lipsync.media import Frame
from lipsync.replay import drawn
from lipsync.steady import RIGID, steadied

COUNT = 12
SIDE = 240


def track_of(points: np.ndarray) -> Track:
    count = len(points)
    return Track(points.astype(np.float32), np.ones(count, np.float32), np.ones(count, np.bool_), np.arange(count) == 0)


def motions_of(places: np.ndarray, truth: np.ndarray, trust: float = 1.0) -> list[Motion | None]:
    """What the pixels would say if they moved as ``truth`` does."""
    surprise = np.diff(places, axis=0) - np.diff(truth, axis=0)
    sure = np.full(K, trust, np.float16)
    return [None, *(Motion(one.astype(np.float16), sure, still=False) for one in surprise)]


def still(count: int = COUNT) -> np.ndarray:
    return np.repeat(drawn(SIDE, SIDE)[None], count, axis=0).astype(np.float64)


def pattern(x: float = 0.0, y: float = 0.0, seed: int = 3) -> Frame:
    noise = np.random.default_rng(seed).integers(0, 255, (SIDE, SIDE, 3), np.uint8)
    soft = cv2.GaussianBlur(noise, (0, 0), 2.5, borderType=cv2.BORDER_WRAP)
    return Frame.from_rgb(
        cv2.warpAffine(soft, np.array([[1, 0, x], [0, 1, y]]), (SIDE, SIDE), borderMode=cv2.BORDER_WRAP)
    )


# --- flow ----------------------------------------------------------------------


def test_flow_finds_what_the_points_got_wrong() -> None:
    flow, points = Flow(), drawn(SIDE, SIDE)
    wrong = np.random.default_rng(0).normal(0, 0.3, (K, 2)).astype(np.float32)
    assert flow.step(pattern(), points, fresh=True) is None
    motion = flow.step(pattern(2.0, -1.0), points + np.float32([2, -1]) + wrong, fresh=False)
    assert motion is not None
    assert not motion.still
    assert np.median(np.abs(motion.surprise - wrong)) < 0.05
    assert np.median(motion.trust) > 0.9


def test_the_same_picture_does_not_move() -> None:
    flow, points = Flow(), drawn(SIDE, SIDE)
    flow.step(pattern(), points, fresh=True)
    motion = flow.step(pattern(), points, fresh=False)
    assert motion is not None
    assert motion.still
    assert not motion.surprise.any()


def test_flow_says_nothing_on_a_new_beginning_or_without_a_face() -> None:
    flow, points = Flow(), drawn(SIDE, SIDE)
    assert flow.step(pattern(), points, fresh=True) is None
    assert flow.step(pattern(), points, fresh=True) is None
    assert flow.step(pattern(), None, fresh=False) is None
    assert flow.step(pattern(), points, fresh=False) is None


def test_another_picture_is_not_trusted() -> None:
    flow, points = Flow(), drawn(SIDE, SIDE)
    flow.step(pattern(seed=3), points, fresh=True)
    motion = flow.step(pattern(seed=4), points, fresh=False)
    assert motion is not None
    assert np.isfinite(motion.surprise).all()
    assert np.median(motion.trust) < 0.7


def test_a_bare_wall_says_nothing() -> None:
    wall = Frame.from_rgb(np.full((SIDE, SIDE, 3), 120, np.uint8))
    dim = Frame.from_rgb(np.full((SIDE, SIDE, 3), 121, np.uint8))
    flow, points = Flow(), drawn(SIDE, SIDE)
    flow.step(wall, points, fresh=True)
    motion = flow.step(dim, points + 1, fresh=False)
    assert motion is not None
    assert not motion.trust.any()


# --- steadied --------------------------------------------------------------------


def test_noise_of_the_networks_goes_and_motion_stays() -> None:
    truth = still()
    truth += np.cumsum(np.random.default_rng(1).normal(0, 2.0, (COUNT, 1, 2)), axis=0)
    noisy = truth + np.random.default_rng(2).normal(0, 0.3, truth.shape)
    calm = steadied(track_of(noisy), motions_of(noisy, truth)).points
    for part, share in ((NOSE, 0.6), (LIPS, 0.85)):
        before = np.diff(noisy[:, part] - truth[:, part], axis=0).std()
        assert np.diff(calm[:, part] - truth[:, part], axis=0).std() < share * before
    assert np.abs(calm - truth).mean() < np.abs(noisy - truth).mean()


@pytest.mark.parametrize("frames", [1, 2])
def test_a_closure_of_a_frame_or_two_stays_closed(frames: int) -> None:
    """The pixels miss it (they do not move at all): the networks are believed."""
    opened = still()
    lower = np.r_[31:40]
    opened[:, lower, 1] += 8.0
    opened[5 : 5 + frames, lower, 1] -= 8.0
    calm = steadied(track_of(opened), motions_of(opened, still())).points
    gaps = (calm[:, 35] - calm[:, 25])[:, 1]
    assert gaps[5 : 5 + frames].max() < 0.15
    assert gaps[[4, 5 + frames]].min() > 7.85


def test_how_far_the_mouth_is_open_is_left_alone() -> None:
    noisy = still() + np.random.default_rng(2).normal(0, 0.3, (COUNT, K, 2))
    calm = steadied(track_of(noisy), motions_of(noisy, still())).points
    gaps, before = (points[:, INNER_UP[1:-1]] - points[:, INNER_LOW[::-1]] for points in (calm, noisy))
    assert np.abs(gaps - before).max() < 1e-4
    assert not np.allclose(calm[:, LIPS], noisy[:, LIPS], atol=0.05)


def test_nothing_is_carried_over_a_cut_or_a_gap() -> None:
    noisy = still() + np.random.default_rng(2).normal(0, 0.3, (COUNT, K, 2))
    motions = motions_of(noisy, still())
    motions[6] = None
    whole = steadied(track_of(noisy), motions).points
    halves = [steadied(track_of(noisy[part]), [None, *motions[part][1:]]).points for part in (slice(6), slice(6, None))]
    assert np.array_equal(whole, np.concatenate(halves))


def test_frames_that_are_the_same_keep_the_same_points() -> None:
    noisy = still() + np.random.default_rng(2).normal(0, 0.3, (COUNT, K, 2))
    noisy[4:8] = noisy[4]
    motions = motions_of(noisy, still())
    for number in (5, 6, 7):
        motions[number] = Motion(np.zeros((K, 2), np.float16), np.ones(K, np.float16), still=True)
    calm = steadied(track_of(noisy), motions).points
    assert (calm[4:8] == calm[4]).all()
    assert not np.array_equal(calm[4], noisy[4].astype(np.float32))


def test_without_surprise_every_bit_stays() -> None:
    places = still() + np.arange(COUNT)[:, None, None]
    track = track_of(places)
    assert np.array_equal(steadied(track, motions_of(track.points, track.points)).points, track.points)
    assert steadied(track, [None] * COUNT) is track


def test_absent_frames_stay_absent() -> None:
    noisy = still() + np.random.default_rng(2).normal(0, 0.3, (COUNT, K, 2))
    motions = motions_of(noisy, still())
    noisy[3] = np.nan
    track = track_of(noisy)
    track.present[3] = False
    motions[3] = motions[4] = None
    calm = steadied(track, motions).points
    assert np.isnan(calm[3]).all()
    assert np.isfinite(np.delete(calm, 3, axis=0)).all()


def test_the_head_of_a_moving_picture_is_steadier_than_the_networks_see_it(sample: Path) -> None:
    from lipsync.tracker import LandmarkTracker

    portrait = cv2.cvtColor(cv2.imread(str(sample / "astronaut.jpg")), cv2.COLOR_BGR2RGB)
    face = cv2.resize(portrait[:320, 64:384], (256, 256), interpolation=cv2.INTER_AREA)
    shifts = np.cumsum(np.random.default_rng(5).normal(0, 1.2, (10, 2)), axis=0)
    noise = np.random.default_rng(6)
    frames = []
    for x, y in shifts:
        picture = cv2.warpAffine(face, np.array([[1, 0, x], [0, 1, y]]), (256, 256), borderMode=cv2.BORDER_REPLICATE)
        grain = noise.normal(0, 6, picture.shape)
        frames.append(Frame.from_rgb(np.clip(picture + grain, 0, 255).astype(np.uint8)))
    track = LandmarkTracker("cpu").track(frames, "largest", lambda _: None)
    off = track.points[:, RIGID] - shifts[:, None].astype(np.float32)
    assert np.diff(off, axis=0).std() < 0.0035 * track.iod[0]


# --- real speech ------------------------------------------------------------------

SHARED = Path(__file__).parents[3] / "shared" / "data"
CLOSED = {"p", "b", "m"}


def gap(track: Track) -> np.ndarray:
    """(T,) opening of the mouth in the middle, % of the IOD."""
    return np.hypot(*(track.points[:, INNER_UP[5]] - track.points[:, INNER_LOW[4]]).T) / track.iod * 100


def closures(name: str) -> list[slice]:
    """Frames around each sound of closed lips in a GRID clip."""
    with np.load(SHARED / "grid_others_tracks.npz") as file:
        at = [str(one).rsplit("_", 1)[-1] for one in file["name"]].index(name)
        part = slice(file["phone_len"][:at].sum(), file["phone_len"][: at + 1].sum())
        spoken = zip(file["phone_t"][part], file["phone"][part], strict=True)
        return [slice(int(a * 25) - 1, int(b * 25) + 3) for (a, b), phone in spoken if str(phone) in CLOSED]


@pytest.mark.skipif(not (SHARED / "clips" / "grid").exists(), reason="../shared/data/clips is not here")
@pytest.mark.parametrize("name", ["pwij3p", "brbk7n"])
def test_lips_close_as_far_as_the_networks_see_them_close(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from lipsync import steady
    from lipsync.tracker import LandmarkTracker

    raw: list[Track] = []
    plain = steady.steadied

    def spy(track: Track, motions: list[Motion | None]) -> Track:
        raw.append(track)
        return plain(track, motions)

    monkeypatch.setattr(steady, "steadied", spy)
    reader = cv2.VideoCapture(str(SHARED / "clips" / "grid" / f"{name}.mpg"))
    frames = []
    while (picture := reader.read()[1]) is not None:
        frames.append(Frame.from_rgb(np.ascontiguousarray(picture[:, :, ::-1])))
    calm = LandmarkTracker("cpu").track(frames, "largest", lambda _: None)
    before, after = gap(raw[0]), gap(calm)
    assert len(closures(name)) == 2
    for near in closures(name):
        assert after[near].min() < before[near].min() + 0.02
    assert (
        np.abs(np.diff(calm.points[:, RIGID], n=2, axis=0)).mean()
        < 0.6 * np.abs(np.diff(raw[0].points[:, RIGID], n=2, axis=0)).mean()
    )
