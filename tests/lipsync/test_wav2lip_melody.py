"""What Wav2Lip hears: the reference's mel, for every length, and numbers whatever comes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lipsync.wav2lip import melody as module
from lipsync.wav2lip.melody import BANDS, HIGHEST, LOWEST, QUIET, RATE, STEPS, WINDOW, bank, melody, windows

VECTORS = Path(__file__).parents[3] / "shared" / "data" / "wav2lip" / "vectors.npz"


@pytest.fixture
def noise() -> np.ndarray:
    return (np.random.default_rng(1).normal(size=RATE * 2) * 0.1).astype(np.float32)


@pytest.mark.skipif(not VECTORS.exists(), reason="../shared/data/wav2lip is not here")
def test_it_is_the_references() -> None:
    vectors = np.load(VECTORS)
    np.testing.assert_allclose(melody(vectors["speech"]), vectors["mel"], atol=1e-3)


@pytest.mark.filterwarnings("ignore")
def test_bank_is_librosas() -> None:
    filters = pytest.importorskip("librosa.filters")
    theirs = filters.mel(sr=RATE, n_fft=WINDOW, n_mels=BANDS, fmin=LOWEST, fmax=HIGHEST)
    np.testing.assert_allclose(bank(), theirs, atol=1e-6)


@pytest.mark.parametrize("count", [0, 1, 199, 200, 201, 399, 400, 16_000, 102_399, 102_400, 102_401])
def test_any_length(count: int) -> None:
    heard = melody(np.full(count, 0.1, np.float32))
    assert heard.shape == (BANDS, count // 200 + 1)
    assert np.isfinite(heard).all()


def test_blocks_do_not_show(noise: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = melody(noise)
    monkeypatch.setattr(module, "BLOCK", 7)
    np.testing.assert_allclose(melody(noise), whole, atol=1e-5)


@pytest.mark.parametrize("level", [0.0, 1e-12, 1e-30])
def test_silence_is_a_number(level: float) -> None:
    assert (melody(np.full(8000, level, np.float32)) == QUIET).all()


def test_rubbish_is_a_number(noise: np.ndarray) -> None:
    noise[100:105] = np.nan, np.inf, -np.inf, 1e30, -1e30
    heard = melody(noise)
    assert np.isfinite(heard).all()
    assert (abs(heard) <= 4).all()


def test_a_window_begins_with_its_frame(noise: np.ndarray) -> None:
    heard = melody(noise)
    cut = windows(heard, np.array([0.0, 0.04, 1.0]))
    for place, start in enumerate((0, 3, 80)):
        np.testing.assert_array_equal(cut[place], heard[:, start : start + STEPS])


def test_around_a_speech_there_is_silence(noise: np.ndarray) -> None:
    heard = melody(noise)
    before, across, after = windows(heard, np.array([-5.0, 1.95, 60.0]))
    assert (before == QUIET).all()
    assert (after == QUIET).all()
    np.testing.assert_array_equal(across[:, :5], heard[:, 156:])
    assert (across[:, 5:] == QUIET).all()


def test_a_speech_shorter_than_a_window() -> None:
    heard = melody(np.full(1, 0.5, np.float32))
    cut = windows(heard, np.array([0.0]))
    assert cut.shape == (1, BANDS, STEPS)
    assert (cut[0, :, 1:] == QUIET).all()


def test_windows_of_no_frame() -> None:
    assert windows(melody(np.zeros(0, np.float32)), np.zeros(0)).shape == (0, BANDS, STEPS)
