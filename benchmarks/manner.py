"""What a face video's own voice teaches about its person: the row "learns the speaker".

    python -m benchmarks.manner [FOLDERS AND FILES]

Each clip is cut in two: learnt from one half, judged on the other, and the other way round, 160 ms around the cut left
out. The truth is the mouth that our own tracker sees, which has never heard a sound. Judged are only clips whose voice
is taken for their own; lag and this verdict come from the whole clip. Also judged: the other half spoken by another
throat (resampled by 15 % either way), sentences of GRID's unseen speakers (mouths measured by MediaPipe, about a
second of speech in a half), and strangers' voices under each clip, which must teach nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.clips import CLIPS, OPTIONS, chosen
from benchmarks.figures import record, table
from benchmarks.speech import DATA, unseen
from lipsync.accord import Accord, accord, sampled
from lipsync.articulation import OPEN, WIDTH, Articulation, Motion
from lipsync.errors import LipsyncError
from lipsync.gesture import MEASURED, Gestures, gestures, lively
from lipsync.lesson import middles
from lipsync.manner import manner_of
from lipsync.media import open_face, open_speech
from lipsync.speech import RATE
from lipsync.subject import anatomy, subject_of
from lipsync.take import Limits
from lipsync.tracker import Tracker, load_tracker

APART = 0.08
"""Seconds left out on either side of the cut."""
FRAMES = 25
OTHERS = 8
"""Strangers' voices tried under each clip."""
THROATS = (1.15, 1 / 1.15)
ROWS = (
    "r of the opening",
    "r of the opening, slow drift removed",
    "r of the width",
    "error of the opening, % IOD",
    "error of the width, % IOD",
    "error, mean of five parameters, % IOD",
    "spread of the opening, of the true",
    "spread of the width, of the true",
)

Series = NDArray[np.float64]


@dataclass(frozen=True)
class Spoken:
    """A sound: its samples, what it asks of a mouth, and what is heard of it."""

    samples: NDArray[np.float32]
    motion: Motion
    features: NDArray[np.float32]

    @classmethod
    def of(cls, samples: NDArray[np.float32], articulation: Articulation) -> Spoken:
        """Listen to samples at 16 kHz."""
        return cls(samples, articulation(samples), articulation.features(samples))

    def by_another(self, pace: float, articulation: Articulation) -> Spoken:
        """The same, higher and ``pace`` times as fast: another throat."""
        places = np.arange(int(len(self.samples) / pace)) * pace
        samples = np.interp(places, np.arange(len(self.samples)), self.samples).astype(np.float32)
        return Spoken.of(samples, articulation)


@dataclass(frozen=True)
class Talk:
    """A clip: its voice, its mouth, and whether they belong together."""

    name: str
    voice: Spoken
    seen: Gestures
    found: Accord | None

    @property
    def theirs(self) -> bool:
        """The voice is taken for that of the mouth."""
        return self.found is not None and self.found.theirs


def watched(path: Path, tracker: Tracker, articulation: Articulation) -> Talk | None:
    """Hear and watch a clip; None where it cannot be, or is silent."""
    try:
        source = open_face(path, OPTIONS)
        if not source.has_audio:
            return None
        voice = Spoken.of(open_speech(path, Limits()).samples16k, articulation)
        subject = subject_of(tracker.track(source.frames(), "largest", lambda number: None), anatomy())
    except LipsyncError as error:
        print(f"{path.name}: {error}", file=sys.stderr)
        return None
    seen = gestures(subject, middles(source))
    return Talk(path.stem, voice, seen, accord(voice.motion, seen))


def grid(articulation: Articulation) -> list[Talk]:
    """The clips of GRID's unseen speakers."""
    talks = []
    for clip in unseen():
        voice = Spoken.of(clip.samples, articulation)
        mouth = clip.mouth[:, :MEASURED].astype(np.float64)
        seen = Gestures(clip.times, mouth - np.median(mouth[clip.quiet], axis=0), np.ones(len(mouth), np.bool_))
        talks.append(Talk(clip.name, voice, seen, accord(voice.motion, seen)))
    return talks


def judged(talk: Talk, articulation: Articulation, pace: float = 1.0) -> Series | None:
    """(2, rows) verdicts on the general map and on the learnt one, means of both halves; None if too short."""
    found, seen = talk.found, talk.seen
    new = talk.voice if pace == 1 else talk.voice.by_another(pace, articulation)
    middle = float(seen.times[0] + seen.times[-1]) / 2
    early, late = seen.times < middle - APART, seen.times > middle + APART
    verdicts = []
    for taught, asked in ((early, late), (late, early)):
        test = seen.seen & asked
        if found is None or test.sum() < FRAMES:
            continue
        manner = manner_of(talk.voice.motion, talk.voice.features, replace(seen, seen=seen.seen & taught), found.lag)
        own = manner.of(new.motion, new.features) if manner else new.motion
        times = (seen.times + found.lag) / pace
        both = [sampled(motion.values[:, :MEASURED], times) for motion in (new.motion, own)]
        verdicts.append([verdict(ours, seen, test) for ours in both])
    return np.mean(verdicts, axis=0) if verdicts else None


def verdict(ours: Series, seen: Gestures, test: NDArray[np.bool_]) -> list[float]:
    """A number for each of ``ROWS``."""
    truth, made = seen.values[test], ours[test]
    quick, quick_made = (lively(values, test, seen.pace)[test] for values in (seen.values, ours))
    error = 100 * np.abs(made - truth).mean(0)
    spread = quick_made.std(0) / np.maximum(quick.std(0), 1e-6)
    return [
        like(made[:, OPEN], truth[:, OPEN]),
        like(quick_made[:, OPEN], quick[:, OPEN]),
        like(made[:, WIDTH], truth[:, WIDTH]),
        float(error[OPEN]),
        float(error[WIDTH]),
        float(error.mean()),
        float(spread[OPEN]),
        float(spread[WIDTH]),
    ]


def like(ours: Series, truth: Series) -> float:
    """Correlation; 0 where one does not move."""
    return float(np.corrcoef(ours, truth)[0, 1]) if min(ours.std(), truth.std()) > 1e-9 else 0.0


def strangers(talks: Sequence[Talk]) -> tuple[int, int]:
    """How many voices of others are taken for a clip's own, and how many were tried."""
    taken = tried = 0
    for number, talk in enumerate(talks):
        for step in range(1, min(OTHERS, len(talks) - 1) + 1):
            found = accord(talks[(number + step) % len(talks)].voice.motion, talk.seen)
            taken += found is not None and found.theirs
            tried += 1
    return taken, tried


def compared(talks: Sequence[Talk], articulation: Articulation, pace: float = 1.0) -> tuple[Series, int] | None:
    """(2, rows) means over the clips whose voice is their own, and how many those are."""
    verdicts = [judged(talk, articulation, pace) for talk in talks if talk.theirs]
    kept = [one for one in verdicts if one is not None]
    return (np.mean(kept, axis=0), len(kept)) if kept else None


def columns(talks: Sequence[Talk], people: Sequence[Talk], articulation: Articulation) -> tuple[list[str], Series]:
    """Heads and a column of figures each."""
    heads, figures = [], []
    sets = [("clips", talks, 1.0), *(("other throats", talks, pace) for pace in THROATS), ("GRID", people, 1.0)]
    by_name: dict[str, list[tuple[Series, int]]] = {}
    for name, whose, pace in sets:
        result = compared(whose, articulation, pace)
        if result:
            by_name.setdefault(name, []).append(result)
    for name, results in by_name.items():
        heads += [f"{name} ({results[0][1]}): anybody", "learnt"]
        figures += list(np.mean([means for means, _ in results], axis=0))
    return heads, np.array(figures)


def main(words: Sequence[str] = ()) -> None:
    """Measure and record."""
    articulation, tracker = Articulation("cpu"), load_tracker("auto", OPTIONS.device)
    paths = chosen(words, [path.name for path in sorted(CLIPS.glob("*.mp4"))])
    found = [watched(path, tracker, articulation) for path in paths]
    talks = [talk for talk in found if talk is not None]
    people = grid(articulation) if DATA.exists() else []
    heads, figures = columns(talks, people, articulation)
    rows = [[name, *(f"{value:.2f}" for value in figures[:, k])] for k, name in enumerate(ROWS)] if heads else []
    told = []
    for name, whose in (("clips", talks), ("GRID", people)):
        taken, tried = strangers(whose)
        told.append(f"{name}: own voice recognised in {sum(talk.theirs for talk in whose)} of {len(whose)}")
        told.append(f"strangers' voices taken for it {taken} of {tried}")
    seconds = sum(len(talk.voice.samples) for talk in talks) / RATE
    text = f"{table(['what', *heads], rows)}\n\n{'; '.join(told)}. {seconds:.0f} s of clips altogether."
    record("manner", "Learning the speaker from their own clip", text)


if __name__ == "__main__":
    main(sys.argv[1:])
