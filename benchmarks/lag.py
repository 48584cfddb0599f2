"""How late the mouth is behind the voice in the finished file, measured from its own frames and its own sound.

    python -m benchmarks.lag

Everything is measured in the time in which a player shows the file: the stamps of its frames (a frame counts for the
middle of the time it is shown), and the place at which the speech is really found in its sound, by correlation with
the recording that was dropped. The mouth is what our tracker sees in the decoded frames.

- Sentences of GRID's unseen speakers, spoken by somebody else's photo: the reference is the mouth of the film that the
  sentence comes from, tracked by us likewise. Lag is where the two openings correlate best.
- The bundled speech, synthetic, whose phones are known exactly: how late lips are closed at p, b, m.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

import lipsync
from benchmarks.clips import CLIPS, OPTIONS
from benchmarks.figures import record, table
from benchmarks.material import SAMPLE
from benchmarks.puppet import Moves
from lipsync.face import Track
from lipsync.media import Frame, open_speech
from lipsync.mouth import gap
from lipsync.subject import anatomy, subject_of
from lipsync.take import Limits
from lipsync.tracker import Tracker, load_tracker

SEEN = "bbab8n"
"""A GRID film left out: its speaker was trained on."""
FINE = 0.005
"""Seconds between the rows that are correlated."""
FARTHEST = 0.3
RATE = 16000
LIPS_CLOSED = ("p", "b", "m")
AROUND = 0.14
"""Seconds around a closure's sound within which the lips' closure is looked for."""

Series = NDArray[np.float64]


@dataclass(frozen=True)
class Seen:
    """How far a mouth was open: (n,) IOD at (n,) seconds, the middles of frames."""

    times: Series
    opening: Series


@dataclass(frozen=True)
class Film:
    """A video as a player shows it: frames with their middles, samples with the time of the first; seconds."""

    frames: list[Frame]
    middles: Series
    sound: NDArray[np.float32]
    start: float


def film(path: Path) -> Film:
    """Decode a whole short file; stamps as FFmpeg gives them after the file's edit lists."""
    with av.open(str(path)) as container:
        stamped = [
            (float(one.time or 0), np.asarray(one.to_ndarray(format="rgb24"), np.uint8))
            for one in container.decode(video=0)
        ]
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("flt", "mono", RATE)
        pieces, start = [], None
        for heard in container.decode(audio=0):
            start = float(heard.time or 0) if start is None else start
            pieces += [one.to_ndarray()[0] for one in resampler.resample(heard)]
        pieces += [one.to_ndarray()[0] for one in resampler.resample(None)]
    times = np.array([time for time, _ in stamped])
    stay = float(np.median(np.diff(times)))
    return Film([Frame.from_rgb(rgb) for _, rgb in stamped], times + stay / 2, np.concatenate(pieces), start or 0.0)


def mouth(shown: Film, tracker: Tracker) -> Seen:
    """Track a film's mouth."""
    track: Track = tracker.track(shown.frames, "largest", lambda number: None)
    opening = gap(Moves.of(subject_of(track, anatomy())).lips)
    good = np.isfinite(opening)
    return Seen(shown.middles[good], opening[good])


def delay(sound: NDArray[np.float32], speech: NDArray[np.float32], most: float = 0.5) -> float:
    """Seconds by which a speech lies later in a sound than at its start; both at ``RATE``, to a sample."""
    size = 1 << int(np.ceil(np.log2(len(sound) + len(speech))))
    found = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(speech, size)), size)
    reach = round(most * RATE)
    around = np.r_[found[-reach:], found[: reach + 1]]
    return (int(np.argmax(around)) - reach) / RATE


def behind(ours: Seen, truth: Seen) -> tuple[float, float]:
    """Seconds by which ``ours`` is late, and the correlation there: the best of all shifts up to ``FARTHEST``."""
    low, high = max(ours.times[0], truth.times[0]) + FARTHEST, min(ours.times[-1], truth.times[-1]) - FARTHEST
    rows = np.arange(low, high, FINE)
    here = np.interp(rows, truth.times, truth.opening)
    steps = np.arange(-round(FARTHEST / FINE), round(FARTHEST / FINE) + 1)
    like = [np.corrcoef(np.interp(rows + step * FINE, ours.times, ours.opening), here)[0, 1] for step in steps]
    best = int(np.argmax(like))
    return float(steps[best] * FINE), float(like[best])


def closure(seen: Seen, at: float) -> float | None:
    """When lips are closed around ``at``: the middle of the time in which they are within 15 % of their narrowest.

    None where they do not close: the narrowest is no less than half as wide as what lies around.
    """
    rows = np.arange(at - AROUND, at + AROUND, FINE)
    open_by = np.interp(rows, seen.times, seen.opening)
    low, high = float(open_by.min()), float(open_by.max())
    if high - low < 0.02 or low > high / 2:
        return None
    near = open_by <= low + 0.15 * (high - low)
    middle = int(np.argmin(np.abs(np.where(open_by <= low + 1e-6, rows, np.inf) - at)))
    first, last = middle, middle
    while first > 0 and near[first - 1]:
        first -= 1
    while last < len(rows) - 1 and near[last + 1]:
        last += 1
    return None if first == 0 or last == len(rows) - 1 else float(rows[first] + rows[last]) / 2


class Stage:
    """Renders and looks at what came out.

    Attributes:
        starts: When the speech began in each finished file, seconds.
    """

    def __init__(self, folder: Path) -> None:
        self._studio = lipsync.load(OPTIONS)
        self._tracker = load_tracker("auto", OPTIONS.device)
        self._folder = folder
        self.starts: list[float] = []

    def spoken(self, face: Path, speech: Path) -> tuple[Seen, float]:
        """Give the mouth of the finished file in its own time, and when the speech begins there."""
        video = self._folder / "video.mp4"
        self._studio.render(lipsync.Take(face, speech), video, self._folder / "poster.jpg", lambda progress: None)
        shown = film(video)
        start = shown.start + delay(shown.sound, open_speech(speech, Limits()).samples16k)
        self.starts.append(start)
        return mouth(shown, self._tracker), start

    def sentence(self, path: Path, face: Path) -> tuple[float, float]:
        """Give lag and correlation of a photo that speaks the sentence of a film."""
        true = film(path)
        speech = self._folder / "speech.wav"
        soundfile.write(speech, true.sound, RATE)
        known = mouth(true, self._tracker)
        ours, start = self.spoken(face, speech)
        return behind(Seen(ours.times - start, ours.opening), Seen(known.times - true.start, known.opening))

    def closures(self, speech: Path, face: Path) -> Iterator[float | None]:
        """Give for each closure of a known speech how late the lips are closed, None where they are not."""
        phones = json.loads((SAMPLE / "hello.phones.json").read_text(encoding="utf-8"))[speech.name]
        ours, start = self.spoken(face, speech)
        for begin, end, name in phones:
            if str(name).startswith(LIPS_CLOSED):
                middle = (begin + end) / 2 + start
                found = closure(ours, middle)
                yield None if found is None else found - middle


def main(words: Sequence[str] = ()) -> None:
    """Measure and record."""
    face = Path(words[0]) if words else SAMPLE / "astronaut.jpg"
    films = sorted((CLIPS / "grid").glob("*.mpg")) if CLIPS.exists() else []
    with tempfile.TemporaryDirectory() as name:
        stage = Stage(Path(name))
        lags = {one.stem: stage.sentence(one, face) for one in films if one.stem != SEEN}
        late = [one for name in ("hello.en.flac", "hello.zh.flac") for one in stage.closures(SAMPLE / name, face)]
    starts = np.array(stage.starts) * 1000
    closed = np.array([one for one in late if one is not None]) * 1000
    rows = []
    if lags:
        each = np.array([lag for lag, _ in lags.values()]) * 1000
        said = f"{np.median(each):+.0f} ms ({each.min():+.0f} … {each.max():+.0f})"
        rows.append([f"{len(lags)} GRID sentences, against the speaker's own mouth", said])
    else:
        print("../shared/data/clips/grid is not here: sentences with a known mouth are left out", file=sys.stderr)
    spread = (
        f"{np.median(closed):+.0f} ms (middle half {np.percentile(closed, 25):+.0f} … {np.percentile(closed, 75):+.0f})"
    )
    rows.append([f"{len(closed)} of {len(late)} p, b, m of the bundled speech, against their exact times", spread])
    rows.append(["the sound itself behind the start of the file", f"{starts.min():+.2f} … {starts.max():+.2f} ms"])
    text = table(("mouth behind voice in the finished mp4", "median"), rows)
    if lags:
        detail = ", ".join(f"{name} {lag * 1000:+.0f} (r {r:.2f})" for name, (lag, r) in lags.items())
        text += f"\n\nEach sentence, ms: {detail}."
    record("lag", "Mouth and voice in the finished file", text)


if __name__ == "__main__":
    main(sys.argv[1:])
