import numpy as np
import pytest

from lipsync.speech import BANDS, FFT, HOP, RATE, WINDOW, bank, blocks, loudness, mel, rows


@pytest.fixture
def noise() -> np.ndarray:
    return (np.random.default_rng(1).normal(size=RATE * 2) * 0.1).astype(np.float32)


def slow_mel(samples: np.ndarray, row: int) -> np.ndarray:
    """One row by the book: window, Fourier sum, triangles."""
    padded = np.pad(samples.astype(np.float64), WINDOW)
    frame = padded[row * HOP + WINDOW - WINDOW // 2 :][:WINDOW]
    frame = (frame - frame.mean()) * np.hanning(WINDOW)
    turns = np.exp(-2j * np.pi * np.outer(np.arange(FFT // 2 + 1), np.arange(WINDOW)) / FFT)
    return bank() @ np.abs(turns @ frame) ** 2


@pytest.mark.parametrize("row", [0, 1, 77, 199, 200])
def test_a_row_is_what_the_book_says(noise: np.ndarray, row: int) -> None:
    np.testing.assert_allclose(mel(noise)[row], slow_mel(noise, row), rtol=1e-3, atol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_bank_is_librosas() -> None:
    filters = pytest.importorskip("librosa.filters")
    theirs = filters.mel(sr=RATE, n_fft=FFT, n_mels=BANDS, fmin=40.0, fmax=7800.0, htk=True, norm=None)
    np.testing.assert_allclose(bank(), theirs, atol=1e-5)


@pytest.mark.parametrize("count", [0, 1, 159, 160, 16_000, 16_001])
def test_a_row_every_ten_milliseconds(count: int) -> None:
    assert mel(np.zeros(count, np.float32)).shape == (rows(count), BANDS)
    assert rows(count) == count // 160 + 1


@pytest.mark.parametrize("row", [0, 3, 50, 100])
def test_row_is_centred_on_its_time(row: int) -> None:
    click = np.zeros(RATE + 1, np.float32)
    click[row * HOP] = 1.0
    assert mel(click).sum(axis=1).argmax() == row


def test_any_part_equals_the_whole(noise: np.ndarray) -> None:
    whole = mel(noise)
    np.testing.assert_allclose(mel(noise, 50, 120), whole[50:120], rtol=1e-5)
    np.testing.assert_allclose(mel(noise, -5, 10)[5:], whole[:10], rtol=1e-5)
    assert not mel(noise, -5, 10)[:5].any()
    assert not mel(noise, 195, 230)[6:].any()


def test_blocks_cover_everything_once(noise: np.ndarray) -> None:
    whole = mel(noise)
    pieces = [(at, part[7:-4]) for at, part in blocks(noise, 64, 7, 4)]
    assert [at for at, _ in pieces] == [0, 64, 128, 192]
    np.testing.assert_allclose(np.concatenate([part for _, part in pieces]), whole, rtol=1e-5)


def test_an_offset_does_not_show(noise: np.ndarray) -> None:
    np.testing.assert_allclose(mel(noise + 0.4)[2:-2], mel(noise)[2:-2], rtol=1e-2, atol=1e-6)


def test_what_is_no_number_is_silence_and_what_is_too_much_is_clipped() -> None:
    broken = np.zeros(RATE, np.float32)
    broken[100:200], broken[5000:5100], broken[9000] = np.nan, np.inf, 1e30
    power = mel(broken)
    assert np.isfinite(power).all()
    assert (power >= 0).all()


def test_loudness_hears_a_voice_and_no_rumble() -> None:
    times = np.arange(RATE) / RATE
    rumble, voice = (np.sin(2 * np.pi * hertz * times).astype(np.float32) for hertz in (60, 600))
    assert loudness(rumble).power[50] < 0.01 * loudness(voice).power[50]


def test_fullness_is_steady_under_noise_of_any_colour() -> None:
    dice = np.random.default_rng(2)
    for tilt in (0.0, 0.5, 1.0):
        spectrum = np.fft.rfft(dice.normal(size=RATE * 3)) / np.maximum(1, np.arange(RATE * 3 // 2 + 1)) ** tilt
        fullness = loudness(np.fft.irfft(spectrum).astype(np.float32)).fullness[5:-5]
        assert fullness.std() < 1.0
