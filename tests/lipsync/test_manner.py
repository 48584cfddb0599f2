"""A person's way to speak is learnt from their own clip, and from nothing else."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from lipsync import Options, Take, load
from lipsync.accord import accord
from lipsync.articulation import OPEN, WIDTH, Articulation, Motion
from lipsync.engines import reshape
from lipsync.face import CHIN, Track
from lipsync.gesture import Gestures, gestures, lively
from lipsync.lesson import Lesson
from lipsync.manner import SHORTEST, Manner, manner_of
from lipsync.media import open_face, open_speech
from lipsync.mouth import ROWS
from lipsync.replay import ReplayTracker, drawn
from lipsync.subject import Subject, anatomy, subject_of
from lipsync.take import Limits

if TYPE_CHECKING:
    from conftest import Footage

SIZE = (240, 240)
CHANNELS = 24
TASTE = np.random.default_rng(3).normal(size=(CHANNELS, 5)) * 0.004


def voice(seed: int, seconds: float = 12.0) -> tuple[Motion, np.ndarray]:
    """A made-up speech: what it asks of any mouth, and what is heard of it."""
    dice = np.random.default_rng(seed)
    rows = int(seconds * 100)
    bell = np.hanning(15) / np.hanning(15).sum()
    features = np.stack([np.convolve(column, bell, "same") for column in dice.normal(size=(CHANNELS, rows)) * 3])
    mix = np.random.default_rng(1).normal(size=(CHANNELS, 6)) * 0.01
    values = features.T @ mix
    values[:, OPEN] = np.maximum(values[:, OPEN] + 0.05, 0)
    voiced = np.ones(rows, np.float32)
    voiced[: rows // 8] = voiced[-rows // 8 :] = 0
    closure = np.zeros(rows, np.float32)
    closure[rows // 2 : rows // 2 + 6] = 1
    values *= voiced[:, None] * (1 - np.eye(6)[OPEN] * closure[:, None])
    motion = Motion(values.astype(np.float32), voiced, closure, seconds)
    return motion, features.T.astype(np.float32)


def person(motion: Motion, features: np.ndarray, lag: float = 0.0, seed: int = 9, fps: float = 25.0) -> Gestures:
    """The mouth of somebody who opens .7 as far, is 1.5 times as wide, rests open, and has habits of their own."""
    times = (np.arange(int(motion.seconds * fps)) + 0.5) / fps
    at = np.clip(((times + lag) * 100).round().astype(int), 0, len(features) - 1)
    values = motion.values[at, :5] * [0.7, 1.5, 1, 1, 1] + features[at] @ TASTE + [0.02, 0, 0, 0, 0]
    values += np.random.default_rng(seed).normal(size=values.shape) * 0.004
    return Gestures(times, values, np.ones(len(times), bool))


def r(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.corrcoef(ours, theirs)[0, 1])


@pytest.mark.parametrize("lag", [-0.23, 0.0, 0.117])
def test_the_lag_of_a_file_is_found(lag: float) -> None:
    motion, features = voice(1)
    found = accord(motion, person(motion, features, lag))
    assert found is not None
    assert found.theirs
    assert abs(found.lag - lag) < 0.01


def test_a_strangers_voice_is_refused() -> None:
    refused = []
    for seed in range(6):
        mouth = person(*voice(seed))
        found = accord(voice(seed + 100)[0], mouth)
        refused.append(found is None or not found.theirs)
    assert sum(refused) >= 5


def test_a_silent_voice_or_hidden_mouth_is_no_accord() -> None:
    motion, features = voice(2)
    seen = person(motion, features)
    still = accord(replace(motion, values=motion.values * 0), seen)
    assert still is not None
    assert not still.theirs
    assert accord(motion, replace(seen, seen=seen.seen & False)) is None


def test_range_neutral_and_habits_are_learnt() -> None:
    motion, features = voice(1, 30.0)
    manner = manner_of(motion, features, person(motion, features), 0.0)
    assert manner is not None
    new, heard = voice(50)
    theirs, times = person(new, heard), person(new, heard).times
    spoken = (times > 2) & (times < 10) & (np.abs(times - 6) > 0.2)
    before, after = new.at(times)[spoken], manner.of(new, heard).at(times)[spoken]
    truth = theirs.values[spoken]
    for name in (OPEN, WIDTH):
        assert np.abs(after[:, name] - truth[:, name]).mean() < 0.75 * np.abs(before[:, name] - truth[:, name]).mean()
        assert r(after[:, name], truth[:, name]) > r(before[:, name], truth[:, name])
        assert 0.8 < after[:, name].std() / truth[:, name].std() < 1.2


def test_rest_stays_rest_and_closed_lips_stay_closed() -> None:
    motion, features = voice(1)
    manner = manner_of(motion, features, person(motion, features), 0.0)
    assert manner is not None
    new, heard = voice(51)
    said = manner.of(new, heard)
    assert (said.values[new.voiced == 0] == 0).all()
    assert (said.values[new.closure == 1, OPEN] == 0).all()
    assert (said.values[:, OPEN] >= 0).all()
    assert said.values.dtype == np.float32
    assert np.array_equal(said.closure, new.closure)


def test_strange_sounds_do_not_throw_the_mouth_open() -> None:
    motion, features = voice(1)
    manner = manner_of(motion, features, person(motion, features), 0.0)
    assert manner is not None
    assert np.abs(manner.of(motion, features * 100).values).max() < 0.6


def test_another_voice_is_no_habit() -> None:
    motion, features = voice(1, 30.0)
    manner = manner_of(motion, features, person(motion, features), 0.0)
    assert manner is not None
    new, heard = voice(52)
    speaking = new.voiced > 0.5
    told, strange = (manner.of(new, sound).values[speaking] for sound in (heard, heard + 2.0))
    plain = replace(manner, habits=manner.habits * 0).of(new, heard).values[speaking]
    assert np.abs(strange.mean(0) - told.mean(0)).max() < 0.4 * np.abs(np.full(CHANNELS, 2.0) @ TASTE).max()
    assert 0.8 < strange[:, WIDTH].std() / told[:, WIDTH].std() < 1.25
    assert 0.8 < plain[:, WIDTH].std() / told[:, WIDTH].std() < 1.25


def test_nobody_opens_much_further_than_they_ever_do() -> None:
    motion, features = voice(1)
    manner = manner_of(motion, features, person(motion, features), 0.0)
    assert manner is not None
    wild = replace(manner, follow=manner.follow * 3, reach=manner.reach * 3)
    free, held = (replace(wild, widest=most).of(motion, features).values[:, OPEN] for most in (1.0, manner.widest))
    usual = motion.values[:, OPEN]
    assert held.max() < free.max()
    assert (held >= np.minimum(free, usual)).all()
    small = free <= manner.widest
    assert np.array_equal(held[small], free[small])


def test_the_less_is_known_the_less_is_changed() -> None:
    motion, features = voice(1, 30.0)
    seen = person(motion, features)

    def changed(seconds: float) -> float:
        part = seen.seen & (seen.times > 5) & (seen.times < 5 + seconds)
        manner = manner_of(motion, features, replace(seen, seen=part), 0.0)
        assert manner is not None
        return abs(float(manner.neutral[OPEN]))

    assert changed(1.2) < changed(15)


def test_too_little_speech_teaches_nothing() -> None:
    motion, features = voice(1)
    seen = person(motion, features)
    few = replace(seen, seen=seen.seen & (np.abs(seen.times - 4) < SHORTEST / 3))
    assert manner_of(motion, features, few, 0.0) is None
    assert manner_of(replace(motion, voiced=motion.voiced * 0), features, seen, 0.0) is None


def test_a_mouth_or_a_voice_that_never_moves_is_survived() -> None:
    motion, features = voice(1)
    seen = person(motion, features)
    for mouth, sound, heard in (
        (replace(seen, values=seen.values * 0), motion, features),
        (seen, replace(motion, values=motion.values * 0), features),
        (seen, motion, features * 0),
    ):
        manner = manner_of(sound, heard, mouth, 0.0)
        assert manner is not None
        assert np.isfinite(manner.of(motion, features).values).all()


def test_moods_are_no_speech() -> None:
    times = np.arange(200) / 25
    mood = (times / 8)[:, None]
    fast = np.sin(2 * np.pi * 4 * times)[:, None]
    left = lively(mood + fast, np.ones(200, bool), 25.0)
    assert np.abs(left - fast)[15:-15].max() < 0.12
    hidden = np.arange(200) % 7 > 0
    assert (lively(mood + fast, hidden, 25.0)[~hidden] == 0).all()


def moving(values: np.ndarray) -> Subject:
    """The subject of a clip in which a drawn face makes these mouths."""
    base = np.repeat(drawn(*SIZE)[None], len(values), axis=0)
    present, cuts = np.ones(len(values), bool), np.zeros(len(values), bool)
    still = subject_of(Track(base, np.ones(len(values), np.float32), present, cuts), anatomy())
    points = base.copy()
    for number, row in enumerate(values):
        shape = still.mouth.shape(np.r_[row, 0.0])
        lips = still.apparent(number, shape.lips).reshape(-1, 2)
        points[number, ROWS.ravel()] = still.planes.to_frame(number, lips)
        points[number, CHIN] += [0, shape.drop * still.poses.scale[number]]
    return subject_of(Track(points, np.ones(len(values), np.float32), present, cuts), anatomy())


def test_gestures_are_what_the_mouth_was_told() -> None:
    times = (np.arange(60) + 0.5) / 25
    beat = np.clip(np.sin(2 * np.pi * times), 0, 1)[:, None]
    told = beat * [0.14, -0.04, 0.02, 0.10, 0.06]
    subject = moving(told)
    seen = gestures(subject, times)
    assert seen.seen.all()
    assert seen.pace == pytest.approx(25)
    assert np.abs(seen.values - told).max() < 0.02
    again = np.array([subject.mouth.shape(np.r_[row, 0.0]).lips for row in seen.values])
    wanted = np.array([subject.mouth.shape(np.r_[row, 0.0]).lips for row in told])
    assert np.abs(again - wanted).max() < 0.02


@pytest.fixture(scope="module")
def articulation() -> Articulation:
    return Articulation("cpu")


def clip(footage: Footage, sound: np.ndarray | None, count: int) -> Path:
    """A video of ``count`` frames with this sound (16 kHz) in it."""
    if sound is None:
        return footage.video("silent.mkv", count=count, size=SIZE)
    path = footage.folder / "face.mkv"
    with av.open(str(path), "w", format="matroska") as container:
        stream, track = container.add_stream("libx264", 25), container.add_stream("flac", 16000)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        track.layout = "mono"
        container.mux(track.encode(footage.samples((sound * 32767).astype(np.int16), 16000)))
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(footage.picture(number, *SIZE), "rgb24").reformat(format="yuv420p")
            container.mux(stream.encode(frame))
        container.mux([*stream.encode(), *track.encode()])
    return path


def music(seconds: float) -> np.ndarray:
    """Chords that change twice a second."""
    times = np.arange(int(seconds * 16000)) / 16000
    beat = (times * 2).astype(int)
    tones = sum(np.sin(2 * np.pi * 220 * 2 ** ((beat * step % 12) / 12) * times) for step in (3, 5, 7))
    return (0.2 * tones * (0.4 + 0.6 * np.exp(-4 * (times * 2 % 1)))).astype(np.float32)


@pytest.fixture
def speaking(articulation: Articulation, sample: Path) -> tuple[np.ndarray, np.ndarray]:
    """Six seconds of speech, and (150, 5) the mouth of somebody who says it, wide and far open."""
    samples = open_speech(sample / "hello.en.flac", Limits()).samples16k
    motion = articulation(samples)
    times = (np.arange(int(motion.seconds * 25)) + 0.5) / 25
    return samples, motion.at(times)[:, :5] * [1.4, 1.3, 1, 1.3, 1.3]


def test_a_clip_teaches_only_with_its_own_voice(
    articulation: Articulation, footage: Footage, speaking: tuple[np.ndarray, np.ndarray]
) -> None:
    samples, told = speaking
    subject = moving(told)
    lesson = Lesson(articulation, Limits(audio_s=1.0))  # the limit is one of speeches, not of faces
    options = Options()
    learnt = lesson.manner(open_face(clip(footage, samples, len(told)), options), subject)
    assert isinstance(learnt, Manner)
    motion = articulation(samples)
    theirs = learnt.of(motion, articulation.features(samples))
    assert theirs.values[:, OPEN].std() > 1.15 * motion.values[:, OPEN].std()
    assert lesson.manner(open_face(clip(footage, music(6.0), len(told)), options), subject) is None
    assert lesson.manner(open_face(clip(footage, samples * 0, len(told)), options), subject) is None
    assert lesson.manner(open_face(clip(footage, None, len(told)), options), subject) is None
    short = moving(told[:20])
    assert lesson.manner(open_face(clip(footage, samples, 20), options), short) is None


def test_sound_that_cannot_be_decoded_teaches_nothing(
    articulation: Articulation, footage: Footage, speaking: tuple[np.ndarray, np.ndarray]
) -> None:
    samples, told = speaking
    path = clip(footage, samples, len(told))
    source = replace(open_face(path, Options()), path=path.with_name("gone.mkv"))
    assert Lesson(articulation, Limits()).manner(source, moving(told)) is None


def test_a_photo_speaks_as_anybody(articulation: Articulation, footage: Footage, sample: Path) -> None:
    source = open_face(sample / "astronaut.jpg", Options())
    motion = articulation(np.zeros(16000, np.float32))
    subject = moving(np.zeros((1, 5)))
    assert Lesson(articulation, Limits()).own(motion, sample / "hello.en.flac", source, subject) is motion


def test_the_engine_uses_what_was_learnt_and_stays_the_same(
    monkeypatch: pytest.MonkeyPatch, footage: Footage, sample: Path, speaking: tuple[np.ndarray, np.ndarray]
) -> None:
    samples, told = speaking
    face = clip(footage, samples, len(told))
    subject = moving(told)
    track = Track(
        np.array([subject.planes.to_frame(k, p) for k, p in enumerate(subject.seen)], np.float32),
        np.ones(len(told), np.float32),
        np.ones(len(told), bool),
        np.zeros(len(told), bool),
    )
    monkeypatch.setattr(reshape, "load_tracker", lambda *_: ReplayTracker(track=track))
    cut = open_speech(sample / "hello.zh.flac", Limits()).samples16k[:32000]
    speech = footage.audio("new.wav", samples=(cut * 32767).astype(np.int16))
    takes = []
    for name, taught in (("a", True), ("b", True), ("c", False)):
        if not taught:
            monkeypatch.setattr(Lesson, "manner", lambda *_: None)
        studio = load(Options(device="cpu", fps=Fraction(25)))
        studio.render(Take(face, speech), face.parent / f"{name}.mp4", face.parent / f"{name}.jpg", lambda _: None)
        takes.append((face.parent / f"{name}.mp4").read_bytes())
    assert takes[0] == takes[1] != takes[2]
