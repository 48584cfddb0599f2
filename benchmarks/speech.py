"""How well mouths follow speech: the rows "speech -> mouth" and "silence" of the table.

    python -m benchmarks.speech

Judged on ../shared/data/grid_others_tracks.npz: ten clips of nine people whom no training saw, mouths measured in their
videos; and on synthetic English and Mandarin whose phone times are known (``spoken``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import spoken
from benchmarks.figures import record, table
from lipsync.articulation import OPEN, WIDTH, Articulation, Motion
from lipsync.gates import smooth
from lipsync.media import open_speech
from lipsync.take import Limits

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data" / "grid_others_tracks.npz"
SAMPLE = ROOT / "daemon" / "sample"
NOT_UNSEEN = "grid_other_bbaf2n"
VOWELS = {"aa", "ah", "ae", "eh", "ih", "iy", "ay", "ey"}

Track = NDArray[np.float64]


@dataclass(frozen=True)
class Clip:
    """One sentence: sound, the mouth that was measured, and when which phone sounds."""

    name: str
    samples: NDArray[np.float32]
    fps: float
    mouth: NDArray[np.float32]
    phones: tuple[tuple[float, float, str], ...]

    @property
    def times(self) -> Track:
        """Middles of the video frames."""
        return (np.arange(len(self.mouth)) + 0.5) / self.fps

    @property
    def quiet(self) -> NDArray[np.bool_]:
        """Frames in which nobody speaks, with some margin for the mouth to get ready and to rest."""
        return (self.times < self.phones[0][0] - 0.25) | (self.times > self.phones[-1][1] + 0.3)

    @property
    def opening(self) -> Track:
        """What was measured, a row every 10 ms, 0 where the mouth rests."""
        gap = self.mouth[:, OPEN] - np.median(self.mouth[self.quiet, OPEN])
        return np.interp(np.arange(int(self.times[-1] * 100) + 1) / 100, self.times, gap)


@dataclass(frozen=True)
class Verdict:
    """One clip: correlations with the measured mouth, closures (seen, wanted), activity in silence, lag in seconds.

    ``steady`` is the opening's with slow drift removed from both, ``noisy`` the activity where noise takes the place of
    silence, 30 dB below the speech.
    """

    opening: float
    steady: float
    width: float
    steady_width: float
    lag: float
    closures: tuple[int, int]
    shut_vowels: tuple[int, int]
    silence: float
    noisy: float


def unseen(path: Path = DATA) -> list[Clip]:
    """The clips of people training never met."""
    data = dict(np.load(path, allow_pickle=False))
    ends = {key: np.cumsum(data[name]) for key, name in (("audio", "alen"), ("par", "plen"), ("phone", "phone_len"))}
    clips = []
    for i, name in enumerate(data["name"]):
        sound, mouth, spoken = (slice(end[i - 1] if i else 0, end[i]) for end in ends.values())
        phones = zip(data["phone_t"][spoken], data["phone"][spoken], strict=True)
        clip = Clip(
            name=str(name),
            samples=data["audio"][sound].astype(np.float32) / 32768,
            fps=float(data["fps"][i]),
            mouth=data["par"][mouth],
            phones=tuple((float(start), float(end), str(phone)) for (start, end), phone in phones),
        )
        if name != NOT_UNSEEN and len(clip.samples) > 8000:
            clips.append(clip)
    return clips


def judge(clip: Clip, motion: Motion, in_noise: Motion) -> Verdict:
    """Compare what we say the mouth did with what it did; ``in_noise`` is the same speech with noise under it."""
    ours = motion.at(clip.times).astype(np.float64)
    opening = motion.values[:, OPEN].astype(np.float64)
    loud = float(np.percentile(opening, 90))
    closures = [_low(opening, start - 0.04, end + 0.04) < 0.25 * loud for start, end, p in clip.phones if p in "pbm"]
    return Verdict(
        opening=_r(ours[:, OPEN], clip.mouth[:, OPEN]),
        steady=steady_r(clip, motion, OPEN),
        width=_r(ours[:, WIDTH], clip.mouth[:, WIDTH]),
        steady_width=steady_r(clip, motion, WIDTH),
        lag=lag(motion, clip.times, clip.mouth[:, OPEN]),
        closures=(sum(closures), len(closures)),
        shut_vowels=(shut_vowels(clip.phones, opening), sum(p in VOWELS for _, _, p in clip.phones)),
        silence=float(np.abs(ours[clip.quiet, OPEN]).mean() / loud),
        noisy=float(np.abs(in_noise.at(clip.times)[clip.quiet, OPEN]).mean() / loud),
    )


def steady_r(clip: Clip, motion: Motion, which: int) -> float:
    """Correlation at 100 Hz of what moves within a second: a Gaussian of 15 ms less one of 400 ms, of both."""
    truth = np.interp(np.arange(int(clip.times[-1] * 100) + 1) / 100, clip.times, clip.mouth[:, which])
    both = (motion.values[: len(truth), which], truth[: len(motion.values)].astype(np.float32))
    fast = [smooth(track, 1.5) - smooth(track, 40.0) for track in both]
    return _r(fast[0], fast[1])


def noise(colour: float, count: int, below: float) -> NDArray[np.float32]:
    """(count,) steady noise ``below`` dB under full scale; ``colour`` 0 is white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(np.random.default_rng(3).normal(size=count))
    sound = np.fft.irfft(spectrum / np.maximum(1, np.arange(len(spectrum))) ** (colour / 2), count)
    return np.asarray(sound / sound.std() * 10 ** (-below / 20), np.float32)


def under(samples: NDArray[np.float32], below: float = 30.0) -> NDArray[np.float32]:
    """A speech with pink noise that much quieter than its loud parts."""
    loud = float(np.percentile(np.abs(samples), 95)) / np.sqrt(2)
    return samples + noise(1, len(samples), below) * np.float32(loud)


def only_noise(articulation: Articulation, loud: float) -> float:
    """Activity in ten seconds each of white, pink and brown noise, -30 dB of full scale; ``loud`` is a wide opening."""
    motions = [articulation(noise(colour, 160_000, 30.0)) for colour in (0, 1, 2)]
    return float(np.mean([np.abs(motion.values[:, OPEN]).mean() for motion in motions]) / loud)


def shut_vowels(phones: tuple[tuple[float, float, str], ...], opening: Track) -> int:
    """Vowels in whose middle the mouth opens less than a quarter of its wide opening; some people do that."""
    narrow = opening < 0.25 * np.percentile(opening, 90)
    return sum(bool(narrow[round((start + end) * 50)]) for start, end, name in phones if name in VOWELS)


def lag(motion: Motion, times: Track, truth: NDArray[np.float32]) -> float:
    """Seconds by which our mouth is late (+) or early (-): where the correlation is best, within 300 ms."""
    shifts = np.arange(-0.3, 0.31, 0.01)
    return float(shifts[int(np.argmax([_r(motion.at(times + shift)[:, OPEN], truth) for shift in shifts]))])


def closures(motion: Motion, phones: list[list[float | str]]) -> tuple[int, int]:
    """How many of the sounds of closed lips in an exactly known speech find the lips closed, and how many there are."""
    opening = motion.values[:, OPEN].astype(np.float64)
    loud = float(np.percentile(opening[motion.voiced > 0.9], 90))
    spans = [(float(s), float(e)) for s, e, name in phones if str(name)[:1] in ("p", "b", "m")]
    return sum(_low(opening, start - 0.02, end + 0.02) < 0.15 * loud for start, end in spans), len(spans)


def _low(track: Track, start: float, end: float) -> float:
    return float(track[max(0, round(start * 100)) : max(1, round(end * 100))].min())


def _r(ours: NDArray[np.floating], truth: NDArray[np.floating]) -> float:
    return float(np.corrcoef(ours, truth)[0, 1]) if ours.std() > 0 else 0.0


def people(articulation: Articulation) -> list[list[str]]:
    """Rows about clips of people training never met."""
    clips = unseen()
    motions = [articulation(clip.samples) for clip in clips]
    pairs = zip(clips, motions, strict=True)
    verdicts = [judge(clip, motion, articulation(under(clip.samples))) for clip, motion in pairs]
    loud = float(np.mean([np.percentile(motion.values[:, OPEN], 90) for motion in motions]))
    closed, wanted = (sum(v.closures[k] for v in verdicts) for k in (0, 1))
    shut, vowels = (sum(v.shut_vowels[k] for v in verdicts) for k in (0, 1))
    really = sum(shut_vowels(clip.phones, clip.opening) for clip in clips)
    mean = {
        name: np.mean([getattr(v, name) for v in verdicts])
        for name in ("opening", "steady", "width", "steady_width", "silence", "noisy")
    }
    return [
        [f"r of the opening, {len(verdicts)} clips of GRID speakers never met", f"{mean['opening']:.2f}"],
        ["the same, slow drift removed", f"{mean['steady']:.2f}"],
        ["r of the width; slow drift removed", f"{mean['width']:.2f}; {mean['steady_width']:.2f}"],
        ["mouth behind voice, median", f"{np.median([v.lag for v in verdicts]) * 1000:+.0f} ms"],
        ["/p b m/ that close", f"{closed} of {wanted}"],
        ["vowels nearly shut", f"{shut} of {vowels} (in the videos themselves {really})"],
        ["activity in silence, share of a wide opening", f"{mean['silence']:.3f}"],
        ["the same with pink noise 30 dB below the speech", f"{mean['noisy']:.3f}"],
        ["activity in nothing but noise, white, pink and brown, -30 dB", f"{only_noise(articulation, loud):.3f}"],
    ]


def sample(articulation: Articulation) -> list[list[str]]:
    """Rows about the bundled speech, whose phones are known exactly."""
    phones = json.loads((SAMPLE / "hello.phones.json").read_text(encoding="utf-8"))
    rows = []
    for name, language in (("hello.en.flac", "English"), ("hello.zh.flac", "Mandarin")):
        motion = articulation(open_speech(SAMPLE / name, Limits()).samples16k)
        closed, wanted = closures(motion, phones[name])
        rows.append([f"/p b m/ that close, bundled sample, {language}", f"{closed} of {wanted}"])
    return rows


def main() -> None:
    """Measure and record; people are left out where the recordings of them are not at hand."""
    articulation = Articulation("cpu")
    rows = people(articulation) if DATA.exists() else []
    text = table(["what", "measured"], rows + sample(articulation))
    record("speech", "Speech to mouth", text + "\n\n" + table(spoken.HEAD, spoken.rows(articulation)))


if __name__ == "__main__":
    main()
