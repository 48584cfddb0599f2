"""Mouths are judged by meaning: open on vowels, shut for p, b, m and in silence, at the right time."""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from lipsync import articulation as module
from lipsync.articulation import NAMES, OPEN, Articulation, Motion
from lipsync.media import open_speech
from lipsync.take import Limits

SAMPLE = Path(__file__).parents[2] / "daemon" / "sample"
VOWELS = {"aa", "ae", "ah", "eh", "ey", "iy", "ay", "ɑ", "a", "ɑu", "iɛ", "ai", "i"}


@pytest.fixture(scope="module")
def articulation() -> Articulation:
    return Articulation("cpu")


@pytest.fixture(scope="module", params=["hello.en.flac", "hello.zh.flac"])
def said(request: pytest.FixtureRequest) -> tuple[np.ndarray, list[tuple[float, float, str]]]:
    """A spoken text and when each of its phones sounds."""
    phones = json.loads((SAMPLE / "hello.phones.json").read_text(encoding="utf-8"))[request.param]
    return open_speech(SAMPLE / request.param, Limits()).samples16k, [(s, e, name) for s, e, name in phones]


@pytest.fixture(scope="module")
def hello() -> np.ndarray:
    return open_speech(SAMPLE / "hello.en.flac", Limits()).samples16k


def loud(motion: Motion) -> float:
    return float(np.percentile(motion.values[motion.voiced > 0.9, OPEN], 90))


def part(track: np.ndarray, start: float, end: float) -> np.ndarray:
    return track[round(start * 100) : max(round(start * 100) + 1, round(end * 100))]


def noise(colour: str, seconds: int = 3) -> np.ndarray:
    dice = np.random.default_rng(5)
    white = dice.normal(size=16_000 * seconds)
    if colour == "hum":
        times = np.arange(len(white)) / 16_000
        return sum(np.sin(2 * np.pi * 50 * k * times) / k for k in range(1, 9)) + 0.05 * white
    spectrum = np.fft.rfft(white)
    tilt = {"white": 0.0, "pink": 0.5, "brown": 1.0}[colour]
    return np.fft.irfft(spectrum / np.maximum(1, np.arange(len(spectrum))) ** tilt, len(white))


def scaled(samples: np.ndarray, peak: float) -> np.ndarray:
    return (samples * peak / np.abs(samples).max()).astype(np.float32)


def test_vowels_open_the_mouth(articulation: Articulation, said: tuple) -> None:
    samples, phones = said
    motion = articulation(samples)
    open_ = [part(motion.values[:, OPEN], s, e).max() > 0.3 * loud(motion) for s, e, name in phones if name in VOWELS]
    assert np.mean(open_) > 0.85
    assert 0.04 < loud(motion) < 0.25


def test_lips_meet_for_p_b_m(articulation: Articulation, said: tuple) -> None:
    samples, phones = said
    motion = articulation(samples)
    spans = [(s, e) for s, e, name in phones if name[:1] in ("p", "b", "m")]
    shut = [part(motion.values[:, OPEN], s - 0.02, e + 0.02).min() < 0.15 * loud(motion) for s, e in spans]
    assert sum(shut) >= len(shut) - 1


def test_frames_of_a_video_show_the_closures(articulation: Articulation, said: tuple) -> None:
    samples, phones = said
    motion = articulation(samples)
    frames = motion.at((np.arange(int(motion.seconds * 25)) + 0.5) / 25)[:, OPEN]
    spans = [(s, e) for s, e, name in phones if name[:1] in ("p", "b", "m")]
    shut = [frames[int((s - 0.02) * 25) : int((e + 0.02) * 25) + 1].min() < 0.15 * loud(motion) for s, e in spans]
    assert sum(shut) >= len(shut) - 1


def test_mouth_is_in_time(articulation: Articulation, said: tuple) -> None:
    samples, phones = said
    opening = articulation(samples).values[:, OPEN]
    wanted = np.zeros(len(opening))
    for start, end, name in phones:
        part(wanted, start, end)[:] = 1.0 if name in VOWELS else 0.0
    wanted = np.convolve(wanted, np.hanning(9), "same")
    shifts = range(-15, 16)
    fits = [np.corrcoef(np.roll(opening, -shift), wanted)[0, 1] for shift in shifts]
    assert abs(shifts[int(np.argmax(fits))]) <= 5


def test_silence_before_and_after_is_exactly_zero(articulation: Articulation, hello: np.ndarray) -> None:
    motion = articulation(np.pad(hello, 16_000))
    assert not motion.values[:80].any()
    assert not motion.values[-80:].any()
    assert not motion.at(np.array([0.02, 0.3, motion.seconds - 0.1])).any()
    assert motion.values.any()


@pytest.mark.parametrize("count", [0, 1, 800, 1600, 48_000])
def test_digital_silence_of_any_length(articulation: Articulation, count: int) -> None:
    motion = articulation(np.zeros(count, np.float32))
    assert motion.values.shape == (count // 160 + 1, len(NAMES))
    assert not motion.values.any()
    assert not motion.voiced.any()
    assert not motion.closure.any()


@pytest.mark.parametrize("seconds", [0.05, 0.1, 0.3])
def test_a_snippet_of_speech_is_heard_without_fault(
    articulation: Articulation, hello: np.ndarray, seconds: float
) -> None:
    motion = articulation(hello[8000 : 8000 + int(seconds * 16_000)])
    assert np.isfinite(motion.values).all()
    assert np.isfinite(motion.at(np.array([seconds / 2]))).all()


@pytest.mark.parametrize("peak", [0.003, 1.0])
@pytest.mark.parametrize("colour", ["white", "pink", "brown", "hum"])
def test_steady_noise_leaves_the_mouth_shut(articulation: Articulation, colour: str, peak: float) -> None:
    motion = articulation(scaled(noise(colour), peak))
    assert motion.values[:, OPEN].max() < 0.01
    assert (motion.voiced > 0).mean() < 0.02


def test_pauses_over_noise_are_shut(articulation: Articulation, hello: np.ndarray) -> None:
    spoken = np.pad(hello, 32_000)
    motion = articulation(spoken + scaled(noise("pink", 12), 0.02)[: len(spoken)])
    assert (motion.voiced[:160] > 0).mean() < 0.05
    assert motion.voiced[260:700].mean() > 0.8


@pytest.mark.parametrize("gain", [0.01, 0.1, 1.9])
def test_level_does_not_matter(articulation: Articulation, hello: np.ndarray, gain: float) -> None:
    plain, other = articulation(hello), articulation(hello * np.float32(gain))
    assert np.abs(plain.values - other.values).max() < 0.01


@pytest.mark.parametrize("fault", ["clipped", "offset", "broken"])
def test_bad_recordings_still_move_the_mouth(articulation: Articulation, hello: np.ndarray, fault: str) -> None:
    bad = hello.copy()
    if fault == "clipped":
        bad = np.clip(hello * 8, -1, 1)
    elif fault == "offset":
        bad = hello + np.float32(0.3)
    else:
        bad[5000], bad[9000], bad[12_000:12_010] = np.nan, np.inf, -np.inf
    plain, other = articulation(hello).values[:, OPEN], articulation(bad).values[:, OPEN]
    assert np.isfinite(other).all()
    assert np.corrcoef(plain, other)[0, 1] > 0.75


def test_a_quiet_speaker_after_a_loud_one_speaks_too(articulation: Articulation, hello: np.ndarray) -> None:
    loud_then_quiet = np.concatenate([hello, np.zeros(160_000, np.float32), hello * np.float32(0.1)])
    motion = articulation(loud_then_quiet)
    rows = len(hello) // 160
    first, second = motion.values[:rows, OPEN], motion.values[-rows:, OPEN]
    assert np.corrcoef(first, second)[0, 1] > 0.9


def test_pieces_do_not_show(articulation: Articulation, hello: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = articulation(hello)
    monkeypatch.setattr(module, "PIECE", 97)
    pieces = articulation(hello)
    np.testing.assert_allclose(pieces.values, whole.values, atol=2e-5)
    np.testing.assert_allclose(pieces.closure, whole.closure, atol=2e-5)


def test_features_are_as_many_as_rows_of_motion(articulation: Articulation, hello: np.ndarray) -> None:
    features = articulation.features(hello)
    assert features.shape[0] == len(articulation(hello).values)
    assert features.dtype == np.float32
    assert features.min() >= 0
    assert np.abs(features[:300] - articulation.features(hello * np.float32(0.1))[:300]).max() < 0.1


def test_same_speech_same_bytes(articulation: Articulation, hello: np.ndarray) -> None:
    again = Articulation("cpu")(hello)
    assert articulation(hello).values.tobytes() == again.values.tobytes()


def test_a_long_speech_is_not_held_in_memory_as_mel_rows(articulation: Articulation, hello: np.ndarray) -> None:
    minute = np.tile(hello, 10)
    tracemalloc.start()
    motion = articulation(minute)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(motion.values) == len(minute) // 160 + 1
    assert peak < 16e6  # a block's spectra, and what is returned; all of the minute's spectra alone would be 25 MB


def test_no_closure_falls_between_two_frames() -> None:
    values = np.ones((101, 6), np.float32)
    closure = np.zeros(101, np.float32)
    values[[22, 23], OPEN], closure[[22, 23]] = 0.0, 0.9  # 10 ms of lips together, in the middle of nowhere
    motion = Motion(values, np.ones(101, np.float32), closure, 1.0)
    for fps in (15, 24, 25, 30, 50, 60):
        frames = motion.at((np.arange(fps) + 0.5) / fps)
        assert frames[:, OPEN].min() == 0.0, fps
        assert (frames[:, OPEN] < 1.0).sum() <= max(2, fps // 15), fps


def test_sampling_is_linear_and_rests_outside() -> None:
    values = np.repeat(np.arange(11, dtype=np.float32)[:, None], 6, axis=1)
    motion = Motion(values, np.ones(11, np.float32), np.zeros(11, np.float32), 0.1)
    np.testing.assert_allclose(motion.at(np.array([0.0, 0.015, 0.1]))[:, 0], [0.0, 1.5, 10.0], atol=1e-5)
    assert not motion.at(np.array([-1.0, 0.3])).any()
    assert motion.at(np.zeros(0)).shape == (0, 6)


def test_the_tongue_is_looked_up_between_rows_and_down_outside() -> None:
    tongue = np.linspace(0, 1, 11, dtype=np.float32)
    motion = Motion(np.zeros((11, 6), np.float32), np.ones(11, np.float32), np.zeros(11, np.float32), 0.1, tongue)
    assert motion.tongue_at(np.array([-1.0, 0.0, 0.055, 0.1, 2.0])) == pytest.approx([0, 0, 0.55, 1, 0])


def test_a_motion_that_knows_no_tongue_leaves_it_down() -> None:
    motion = Motion(np.zeros((11, 6), np.float32), np.ones(11, np.float32), np.zeros(11, np.float32), 0.1)
    assert (motion.tongue_at(np.linspace(0, 0.1, 4)) == 0).all()


def test_the_tongue_goes_up_for_n_and_l_and_stays_down_in_vowels(articulation: Articulation) -> None:
    phones = json.loads((SAMPLE / "hello.phones.json").read_text(encoding="utf-8"))["hello.zh.flac"]
    tongue = articulation(open_speech(SAMPLE / "hello.zh.flac", Limits()).samples16k).tongue
    level = {name: float(tongue[round(a * 100) : round(b * 100)].mean()) for a, b, name in phones}
    assert level["n"] > 0.5
    assert level["l"] > 0.5
    assert max(level["a"], level["ɑ"], level["iou"]) < 0.2
