"""What the network hears, and when a face is left alone."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pytest

from lipsync.articulation import Motion
from lipsync.face import INNER_LOW, Track
from lipsync.media import Timeline
from lipsync.replay import drawn
from lipsync.subject import anatomy, subject_of
from lipsync.wav2lip.melody import QUIET, melody
from lipsync.wav2lip.rest import wakeful
from lipsync.wav2lip.voice import EARLY, Voice, listener


def motion(seconds: float, *spoken: tuple[float, float]) -> Motion:
    """Somebody speaks from, to."""
    rows = round(seconds * 100) + 1
    voiced = np.zeros(rows, np.float32)
    for start, end in spoken:
        voiced[round(start * 100) : round(end * 100)] = 1
    return Motion(np.zeros((rows, 6), np.float32), voiced, np.zeros(rows, np.float32), seconds)


def noise(seconds: float) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, round(seconds * 16000)).astype(np.float32)


def test_where_nobody_speaks_the_network_hears_digital_silence() -> None:
    voice = listener(lambda samples: motion(3.0, (1.0, 2.0)))(noise(3.0))
    assert (voice.mel[:, : 1 * 80 - 1] == QUIET).all()
    assert (voice.mel[:, 2 * 80 + 1 :] == QUIET).all()
    assert np.allclose(voice.mel[:, 90:150], melody(noise(3.0))[:, 90:150], atol=1e-5)


@pytest.mark.parametrize(
    "samples", [np.zeros(0, np.float32), np.zeros(16000, np.float32), np.full(999, np.nan, np.float32)]
)
def test_digital_silence_and_rubbish_are_numbers(samples: np.ndarray) -> None:
    voice = listener(lambda given: motion(len(given) / 16000))(samples)
    heard = voice.windows(np.array([-1.0, 0.0, 0.5, 99.0]))
    assert heard.shape == (4, 80, 16)
    assert (heard == QUIET).all()


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(24000, 1001), Fraction(60)])
def test_each_frame_hears_what_training_gave_it(fps: Fraction) -> None:
    """At 25 frames a second the window of frame n begins with frame n - 1; at other rates at the same distance."""
    mel = np.tile(np.arange(400, dtype=np.float32), (80, 1))
    middles = np.array([float((n + Fraction(1, 2)) / fps) for n in range(30, 60)])
    begins = Voice(mel, motion(5.0)).windows(middles)[:, 0, 0]
    assert np.abs(begins - (middles - EARLY) * 80).max() <= 0.5 + 1e-6
    if fps == 25:
        assert np.abs(begins - np.arange(29, 59) * 3.2).max() <= 0.5 + 1e-6


class Clip(NamedTuple):
    """Frames at 25 a second."""

    track: Track
    line: Timeline


def clip(count: int, parted: tuple[int, ...] = ()) -> Clip:
    points = np.repeat(drawn(300, 300)[None], count, axis=0)
    points[np.array(parted, int)[:, None], INNER_LOW[None], 1] += 0.2 * 60
    ones = np.ones(count, bool)
    times = tuple(Fraction(k, 25) for k in range(count))
    line = Timeline(np.arange(count), times, (Fraction(1, 25),) * count, Fraction(25))
    return Clip(Track(points, np.ones(count, np.float32), ones, np.arange(count) == 0), line)


def test_a_closed_mouth_is_left_alone_in_silence_and_comes_back_softly() -> None:
    track, line = clip(75)
    share = wakeful(subject_of(track, anatomy()), motion(3.0, (1.0, 2.0)), line)
    assert (share[25:50] == 1).all()
    assert (share[:16] == 0).all()
    assert (share[59:] == 0).all()
    assert np.abs(np.diff(share)).max() < 0.45


def test_a_mouth_that_talks_in_a_silence_is_drawn() -> None:
    track, line = clip(75, parted=tuple(range(30, 40)))
    share = wakeful(subject_of(track, anatomy()), motion(3.0), line)
    assert (share[30:40] == 1).all()
    assert (share[:20] == 0).all()
    assert (share[50:] == 0).all()
