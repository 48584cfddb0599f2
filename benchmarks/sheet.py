"""One sheet to compare engines by: the same take by each, the same consecutive frames under each other.

python -m benchmarks.sheet OUT.png SPEECH FACE [--weights FOLDER] [--checkpoint NAME] [--at SECONDS] [--zoom Z]

The source is the first row; engines follow, each with its name, its warnings are printed. An engine whose weights are
not there is left out and said so. Judge what no figure says: seams, blur, teeth, skin, flicker.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

import lipsync
from benchmarks.gallery import Bgr, Filmed, _stacked, consecutive, filmed, moments, square, written
from lipsync.articulation import Articulation
from lipsync.media import open_speech
from lipsync.take import Limits, Options
from lipsync.tracker import load_tracker

ENGINES = ("null", "reshape", "wav2lip")
NAMES = {"null": "source"}
EACH = 8
"""Consecutive frames in a row."""


def made(engine: str, options: Options, take: lipsync.Take, folder: Path) -> Path | None:
    """The take by one engine; None, with the reason printed, where it cannot work here."""
    try:
        studio = lipsync.load(options)
        video = folder / f"{engine}.mp4"
        render = studio.render(take, video, folder / f"{engine}.jpg", lambda progress: None)
    except lipsync.LipsyncError as error:
        print(f"{engine}: left out: {error}", file=sys.stderr)
        return None
    for warning in render.warnings:
        print(f"{engine}: {warning}", file=sys.stderr)
    return video


def row(shown: Filmed, place: Filmed, name: str, at: float, zoom: float) -> list[Bgr]:
    """Consecutive frames of one engine, cut where ``place`` has the face."""
    numbers = consecutive(shown, at, EACH)
    side = round(zoom * 1.8 * float(np.nanmedian(place.track.iod)))
    here = Filmed(shown.frames, shown.middles, place.track)
    shots = np.hstack([square(here, number, 0.9, side) for number in numbers])
    return [written(f"{name}: frames {numbers[0]} to {numbers[-1]}", shots.shape[1]), shots]


def main(words: list[str]) -> None:
    """Render and draw."""
    import cv2

    parser = argparse.ArgumentParser(prog="python -m benchmarks.sheet")
    parser.add_argument("out", type=Path)
    parser.add_argument("speech", type=Path)
    parser.add_argument("face", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--checkpoint", default="")
    parser.add_argument("--at", type=float)
    parser.add_argument("--zoom", type=float, default=1.0)
    asked = parser.parse_args(words)
    given = {"device": "cpu", "weights": asked.weights, "checkpoint": asked.checkpoint}
    motion = Articulation("cpu")(open_speech(asked.speech, Limits()).samples16k)
    when = [("asked for", asked.at)] if asked.at is not None else moments(motion)
    tracker = load_tracker("auto", "cpu")
    take = lipsync.Take(asked.face, asked.speech)
    with tempfile.TemporaryDirectory() as name:
        videos = {engine: made(engine, Options(engine=engine, **given), take, Path(name)) for engine in ENGINES}
        shown = {engine: filmed(video, tracker) for engine, video in videos.items() if video}
    rows = []
    for kind, at in when:
        for engine, film in shown.items():
            rows += row(film, shown["null"], f"{NAMES.get(engine, engine)}, {kind} at {at:.2f} s", at, asked.zoom)
    cv2.imwrite(str(asked.out), _stacked(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
