"""The tracker face-alignment, without the published weights: they could not be had here.

A truthful network (tests/lipsync/fake_alignment.py) proves everything around the published one; the library's network
with random numbers proves that files like the published one load and run, and that nothing is fetched.
"""

from __future__ import annotations

import importlib.util
import socket
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from lipsync import alignment_network, alignment_weights, search, tracker
from lipsync.alignment_contour import Contour
from lipsync.alignment_network import SIZE, Network, peaks
from lipsync.alignment_reader import Reader, sureness, widened
from lipsync.errors import EngineError, NoFaceError, WeightsError
from lipsync.face import EYE_L, EYE_R, LIPS, Track
from lipsync.landmarks import back, crop_at, face_crop, forth
from lipsync.media import Frame, open_face
from lipsync.take import Options
from lipsync.tracker import LandmarkTracker, load_tracker
from tests.lipsync.fake_alignment import FILE, brought, ibug, truthful

WALL = np.full((256, 256, 3), (90, 120, 140), np.uint8)
HERE = importlib.util.find_spec("face_alignment") is not None
library = pytest.mark.skipif(not HERE, reason="the library face-alignment is not installed: docs/models.md says how")


@pytest.fixture(scope="module")
def face(sample: Path) -> np.ndarray:
    """256 x 256, one face."""
    portrait = cv2.cvtColor(cv2.imread(str(sample / "astronaut.jpg")), cv2.COLOR_BGR2RGB)
    return cv2.resize(portrait[:320, 64:384], (256, 256), interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="module")
def ours() -> LandmarkTracker:
    return LandmarkTracker("cpu")


def silent(_: int) -> None:
    """A report nobody reads."""


def shown(*pictures: np.ndarray) -> list[Frame]:
    return [Frame.from_rgb(picture) for picture in pictures]


def apart(one: Track, other: Track, points: slice | np.ndarray = slice(None)) -> float:
    """Mean distance in IOD where both see a face."""
    both = one.present & other.present
    off = np.hypot(*np.moveaxis(one.points[both] - other.points[both], 2, 0)) / other.iod[both, None]
    return float(off[:, points].mean())


# --- what it finds ------------------------------------------------------------


def test_a_truthful_network_gives_the_points_of_ours(
    ours: LandmarkTracker, face: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    truthful(monkeypatch)
    one = load_tracker("face-alignment", "cpu")
    for pictures in ([face], [face, face], [cv2.rotate(face, cv2.ROTATE_90_CLOCKWISE)], [face[:, ::-1].copy()] * 2):
        track, known = (some.track(shown(*pictures), "largest", silent) for some in (one, ours))
        assert track.present.all()
        assert apart(track, known) < 0.015
        assert apart(track, known, LIPS) < 0.01
        assert (track.score > 0.9).all()


def test_its_lips_alone_are_near_ours(face: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    truthful(monkeypatch)
    reader = Reader("cpu", None)
    frame = Frame.from_rgb(face)
    known = search.close_up(frame, reader, crop_at(np.array([126.0, 118.0]), 0.0, 170.0, 128))
    glance = reader.glance(frame, known.to_crop)
    reading = reader.face(frame, known.to_crop)
    iod = np.hypot(*(glance.points[EYE_L[0]] - glance.points[EYE_R[0]]))
    off = np.hypot(*(reading.points - known.points).T) / iod
    assert off[LIPS].mean() < 0.015
    assert off.mean() < 0.02


def test_a_clip_is_read_many_frames_at_once_with_the_same_result(
    sample: Path, ours: LandmarkTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def clip() -> list[Frame]:
        return list(open_face(sample / "astronaut.mp4", Options(width=320, height=320)).frames())[:24]

    single = truthful(monkeypatch)
    alone = load_tracker("face-alignment", "cpu").track(clip(), "largest", silent)
    assert set(single.batches) == {1}
    many = truthful(monkeypatch, batch=8)
    told: list[int] = []
    together = load_tracker("face-alignment", "cpu").track(clip(), "largest", told.append)
    assert told == list(range(1, 25))
    assert max(many.batches) > 3
    assert len(many.batches) < len(single.batches) * 0.7
    assert np.array_equal(alone.points, together.points)
    assert np.array_equal(alone.score, together.score)
    assert apart(together, ours.track(clip(), "largest", silent)) < 0.015


def test_faceless_frames_cuts_and_crowds_are_those_of_our_tracker(
    ours: LandmarkTracker, face: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    truthful(monkeypatch, batch=4)
    one = load_tracker("face-alignment", "cpu")
    pictures = [WALL, face, face, WALL, WALL, face, face, face, face[:, ::-1].copy()]
    track, known = (some.track(shown(*pictures), "largest", silent) for some in (one, ours))
    assert track.present.tolist() == known.present.tolist()
    assert track.cuts.tolist() == known.cuts.tolist()
    two = np.full((256, 470, 3), 90, np.uint8)
    two[30:226, 10:206] = cv2.resize(face, (196, 196), interpolation=cv2.INTER_AREA)
    two[:, 214:] = face
    for pick, left in ((0, True), ("right", False), ("largest", False)):
        points = one.track(shown(two, two), pick, silent).points
        assert bool(points[0, :, 0].mean() < 210) is left
    with pytest.raises(NoFaceError, match="only 2 faces"):
        one.track(shown(two), 5, silent)
    with pytest.raises(NoFaceError, match="no usable face"):
        one.track(shown(WALL, WALL), "largest", silent)


def test_who_is_meant_is_told_by_a_photo(face: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    truthful(monkeypatch)
    one = load_tracker("face-alignment", "cpu")
    assert isinstance(one, tracker.Introducing)
    assert one.track(shown(face, face), "largest", silent, one.meet(Frame.from_rgb(face))).present.all()


def test_weights_of_everything_that_took_part_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    truthful(monkeypatch)
    named = {one.name: one for one in load_tracker("face-alignment", "cpu").weights}
    assert {"face-alignment-2d", "contour", "mouth", "detector", "who"} <= named.keys()
    assert named["face-alignment-2d"].licence == "BSD 3-Clause"
    assert all(one.sha256 and one.licence for one in named.values())


# --- its parts ----------------------------------------------------------------


def test_the_map_takes_size_turn_and_place_along(face: np.ndarray, ours: LandmarkTracker) -> None:
    points = ours.track(shown(face), "largest", silent).points[0].astype(np.float64)
    found, contour = ibug(points), Contour()
    mapped, odd = contour.points(found)
    iod = np.hypot(*(points[EYE_L[0]] - points[EYE_R[0]]))
    assert np.hypot(*(mapped - points).T).mean() < 0.012 * iod
    assert odd < 0.15
    to_crop = crop_at(np.array([30.0, 400.0]), 2.0, 50.0, 300)
    moved, still = contour.points(forth(found, to_crop))
    assert np.abs(back(moved, to_crop) - mapped).max() < 1e-3
    assert still == pytest.approx(odd, abs=1e-6)


@pytest.mark.parametrize("bell", [1.0, 1.75, 3.0])
def test_peaks_are_read_between_the_cells(bell: float) -> None:
    draw = np.random.default_rng(1)
    places = draw.uniform(4, 59, (2, 68, 2))
    ruler = np.arange(64)
    off = [(ruler - places[..., axis, None]) ** 2 for axis in (0, 1)]
    heat = 0.8 * np.exp(-(off[0][:, :, None] + off[1][:, :, :, None]) / (2 * bell**2))
    seen = peaks(torch.from_numpy(heat).float()).numpy()
    assert np.abs(seen[..., :2] - ((places + 0.5) * 4 - 0.5)).max() < 0.05 * 4
    assert ((seen[..., 2] > 0.4) & (seen[..., 2] < 0.81)).all()


def test_peaks_at_the_edge_or_nowhere_do_no_harm() -> None:
    heat = torch.zeros(1, 3, 64, 64)
    heat[0, 1, 0, 63] = 1
    heat[0, 2] = -5
    seen = peaks(heat)
    assert seen.isfinite().all()
    assert seen[0, 1, :2].tolist() == [63.5 * 4 - 0.5, 1.5]
    assert seen[0, [0, 2], 2].tolist() == [0, 0]


def test_the_crop_is_larger_and_higher_than_ours(face: np.ndarray, ours: LandmarkTracker) -> None:
    points = ours.track(shown(face), "largest", silent).points[0]
    place = forth(ibug(points.astype(np.float64)), widened(face_crop(points)))
    low, high = place.min(0), place.max(0)
    across, down = high - low
    middle = (low + high) / 2 - (0, 0.12 * down)
    assert (across + down) * 200 / 195 == pytest.approx(SIZE, rel=0.06)
    assert np.abs(middle - (SIZE - 1) / 2).max() < 0.05 * SIZE


def test_faint_peaks_and_strewn_points_are_no_face() -> None:
    assert sureness(0.8, 0.1) > 0.99
    assert sureness(0.6, 0.35) > 0.99
    assert sureness(0.2, 0.1) < 0.1
    assert sureness(0.9, 0.6) < 0.1


def test_less_at_once_where_memory_does_not_suffice(face: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    network = truthful(monkeypatch, batch=8)
    heat, most = network.forward, 2

    def scarce(given: torch.Tensor) -> list[torch.Tensor]:
        if len(given) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return heat(given)

    monkeypatch.setattr(network, "forward", scarce)
    reading = Network("cpu", None)
    crops = np.stack([face] * 5)
    seen = reading.look(crops)
    assert reading.batch == 2
    assert network.batches == [2, 2, 1]
    assert (seen.points == seen.points[0]).all()
    most = 0
    with pytest.raises(EngineError, match="memory"):
        reading.look(crops)


def test_half_a_precision_gives_way_where_it_does_not_suffice(
    face: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = truthful(monkeypatch)
    heat, kinds = network.forward, []

    def narrow(given: torch.Tensor) -> list[torch.Tensor]:
        kinds.append(given.dtype)
        return [maps / (given.dtype != torch.float16) for maps in heat(given)]

    monkeypatch.setattr(network, "forward", narrow)
    reading = Network("cpu", None)
    monkeypatch.setattr(reading, "_kind", torch.float16)  # as on a GPU
    assert np.isfinite(reading.look(face[None]).points).all()
    reading.look(face[None])
    assert kinds == [torch.float16, torch.float32, torch.float32]


# --- the published form of weights, with random numbers ------------------------


@pytest.fixture(scope="module")
def random_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file like the published one: same names, shapes and form, random numbers."""
    from face_alignment.models import FAN

    path = tmp_path_factory.mktemp("weights") / FILE
    with torch.random.fork_rng():
        torch.manual_seed(4)
        torch.save(FAN(4).state_dict(), path)
    return path


@library
def test_random_weights_load_run_and_see_nobody(
    random_file: Path, face: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real architecture with random numbers: nothing is fetched, all answers are numbers and the same each time."""
    monkeypatch.setattr(alignment_network, "points_file", lambda weights: brought(random_file))
    monkeypatch.setattr(search, "looks", lambda frame: ())  # each look costs a second here
    monkeypatch.setattr(torch.hub, "download_url_to_file", _refused)
    monkeypatch.setattr(socket, "socket", _refused)
    one = load_tracker("face-alignment", "cpu")
    network = one._landmarks._network  # type: ignore[attr-defined]
    first, again = (network.look(face[None]) for _ in range(2))
    assert (first.points.shape, first.heat.shape) == ((1, 68, 2), (1, 68))
    assert np.isfinite(first.points).all()
    assert np.isfinite(first.heat).all()
    assert np.array_equal(first.points, again.points)
    with pytest.raises(NoFaceError):
        one.track(shown(face, face), "largest", silent)


class Bright(torch.nn.Module):
    """Every heat map is how bright the crop is."""

    def forward(self, given: torch.Tensor) -> list[torch.Tensor]:
        return [torch.nn.functional.avg_pool2d(given.mean(1, keepdim=True), 4).expand(-1, 68, -1, -1)]


@library
def test_the_library_itself_finds_the_same_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Crop, peaks and the way back are those of the library, but for its rounding to whole pixels and quarter cells."""
    from face_alignment import FaceAlignment, LandmarksType, utils
    from face_alignment.detection import FaceDetector

    for name in ("_get_preds_fromhm", "transform_np"):  # as they are written: compiling them takes 10 s
        monkeypatch.setattr(utils, name, getattr(utils, name).py_func)
    theirs = FaceAlignment.__new__(FaceAlignment)
    theirs.device, theirs.dtype, theirs.flip_input, theirs.max_batch_size = "cpu", torch.float32, False, 1
    theirs.landmarks_type, theirs.face_alignment_net = LandmarksType.TWO_D, Bright()
    theirs.face_detector = FaceDetector("cpu", verbose=False)
    truthful(monkeypatch)
    monkeypatch.setattr(alignment_network, "loaded", lambda found: Bright())
    ours = Network("cpu", None)
    box = np.array([310.0, 270.0, 570.0, 570.0])  # 574 pixels are cut out: 2.2 for one of the crop, 9 for a cell
    middle = (box[:2] + box[2:]) / 2 - (0.5, 0.12 * (box[3] - box[1]) + 0.5)
    to_crop = crop_at(middle, 0.0, 200 / 195 * (box[2:] - box[:2]).sum(), SIZE)
    y, x = np.mgrid[:880, :880]
    misses = []
    for place in np.random.default_rng(3).uniform(250, 600, (8, 2)):
        bell = 200 * np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / (2 * 15.0**2))
        picture = np.repeat(bell.round().astype(np.uint8)[..., None], 3, 2)
        (found,) = theirs.get_landmarks_from_image(picture, [box])
        seen = back(ours.look(Frame.from_rgb(picture).warp(to_crop, SIZE)[None]).points[0], to_crop)
        assert np.abs(seen[0] - place).max() < 0.3
        misses.append(found[0] - place)
    assert np.abs(np.mean(misses, 0)).max() < 2.2, "one pixel of the crop"
    assert np.abs(misses).max() < 4.5, "half a cell"


@library
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_on_a_gpu_it_is_the_same_tracker(
    random_file: Path, face: np.ndarray, ours: LandmarkTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alignment_network, "points_file", lambda weights: brought(random_file))
    network = Network("cuda", None)
    first, again = (network.look(np.stack([face] * 20)) for _ in range(2))
    assert np.isfinite(first.points).all()
    assert np.array_equal(first.points, again.points)
    truthful(monkeypatch)
    track = load_tracker("face-alignment", "cuda").track(shown(*[face] * 20), "largest", silent)
    assert apart(track, ours.track(shown(*[face] * 20), "largest", silent)) < 0.015


@library
def test_other_files_are_refused_in_a_sentence(
    random_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / FILE
    monkeypatch.setattr(alignment_network, "points_file", lambda weights: brought(other))
    torch.save({"layer.weight": torch.zeros(3)}, other)
    with pytest.raises(WeightsError, match="not the network"):
        load_tracker("face-alignment", "cpu")
    other.write_bytes(random_file.read_bytes()[:5000])
    with pytest.raises(WeightsError, match="not whole"):
        load_tracker("face-alignment", "cpu")
    torch.save({"module": torch.nn.Linear(2, 2)}, other)
    with pytest.raises(WeightsError, match="program"):
        load_tracker("face-alignment", "cpu")


def _refused(*_: object, **__: object) -> None:
    raise AssertionError("the network was asked")


# --- which one auto is ---------------------------------------------------------


def test_auto_is_face_alignment_where_library_and_weights_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alignment_weights, "find_spec", lambda name: None)
    monkeypatch.setattr(alignment_weights, "brought", lambda folder: {alignment_weights.POINTS: brought(tmp_path)})
    assert tracker.chosen(tmp_path) == "landmarks"
    assert "library" in alignment_weights.tracker_lacks(tmp_path)
    monkeypatch.setattr(alignment_weights, "find_spec", lambda name: object())
    assert tracker.chosen(tmp_path) == "face-alignment"
    assert alignment_weights.tracker_lacks(tmp_path) == ""
    monkeypatch.setattr(alignment_weights, "brought", lambda folder: {})
    assert tracker.chosen(tmp_path) == "landmarks"
    monkeypatch.setattr(alignment_weights, "brought", _unreadable)
    assert tracker.chosen(tmp_path) == "landmarks"


def _unreadable(folder: Path) -> None:
    raise WeightsError("the folder of weights cannot be read")


def test_auto_takes_ours_where_the_other_cannot_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truthful(monkeypatch)
    monkeypatch.setattr(tracker, "chosen", lambda weights: "face-alignment")
    assert type(load_tracker("auto", "cpu", tmp_path)).__name__ == "AlignmentTracker"

    def broken(found: object) -> None:
        raise EngineError("the library face-alignment cannot be used (libGL.so.1)")

    monkeypatch.setattr(alignment_network, "loaded", broken)
    assert type(load_tracker("auto", "cpu", tmp_path)) is LandmarkTracker
    with pytest.raises(EngineError, match="libGL"):
        load_tracker("face-alignment", "cpu", tmp_path)


def test_what_is_missing_is_said_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alignment_weights, "find_spec", lambda name: None)
    with pytest.raises(EngineError) as caught:
        load_tracker("face-alignment", "cpu", tmp_path)
    assert "--no-deps face-alignment" in caught.value.hint
    monkeypatch.setattr(alignment_weights, "find_spec", lambda name: object())
    with pytest.raises(WeightsError) as lacking:
        load_tracker("face-alignment", "cpu", tmp_path)
    assert "models fetch face-alignment-2d" in lacking.value.hint


def test_trackers_of_others_need_not_take_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lipsync.replay import ReplayTracker

    given = []

    class Curious(ReplayTracker):
        def __init__(self, device: str, weights: Path | None = None) -> None:
            super().__init__(device)
            given.append(weights)

    for kind in (ReplayTracker, Curious):
        monkeypatch.setattr(tracker, "find", lambda group, name, kind=kind: kind)
        assert isinstance(load_tracker("theirs", "cpu", tmp_path), kind)
    assert given == [tmp_path]
