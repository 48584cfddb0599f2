"""Does what we draw flicker: the mean second difference over time of the mouth's region, ours against the source's.

    python -m benchmarks.flicker [FOLDER or CLIP …]

Each clip speaks its own words: the whole engine hears its sound and draws, and the same frames are compared with what
was filmed, both cut out with the same geometry (see ``likeness``) and neither encoded again. A second table row, with
the shapes tracked instead of heard, is in ``heldout``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.clips import OPTIONS, chosen, watch
from benchmarks.figures import record, table
from benchmarks.likeness import Aligner, flicker
from benchmarks.uncoded import HeldSource, Uncoded
from lipsync.errors import LipsyncError
from lipsync.subject import anatomy, subject_of
from lipsync.threads import settle_threads
from lipsync.tracker import load_tracker

SECONDS = 6


def measure(path: Path, engine: Uncoded) -> tuple[float, float]:
    """Flicker of the source and of what is drawn, in grey levels.

    Raises:
        LipsyncError: The clip or its sound cannot be used.
    """
    clip = watch(path, load_tracker("auto", OPTIONS.device), SECONDS)
    align = Aligner(clip.track.points, subject_of(clip.track, anatomy()).seen)
    drawn = engine.draw(HeldSource.of(clip.source, clip.frames), path)
    count = min(len(clip.frames), int(np.argmax(~clip.track.present)) or len(clip.frames))
    pairs = [(drawn.frames[k], number) for k, number in enumerate(drawn.numbers[:count])]
    ours = flicker([align.crop(frame, number) for frame, number in pairs])
    return flicker([align.crop(clip.frames[number], number) for _, number in pairs]), ours


def main(words: Sequence[str] = ()) -> None:
    """Measure and record."""
    settle_threads()
    engine = Uncoded(OPTIONS)
    rows, ratios = [], []
    for path in chosen(words):
        try:
            filmed, ours = measure(path, engine)
        except LipsyncError as error:
            print(f"{path.name} is left out: {error.message}", file=sys.stderr)
            continue
        ratios.append(ours / filmed)
        rows.append([path.stem, f"{filmed:.1f}", f"{ours:.1f}", f"{ratios[-1]:.2f}×"])
    if not rows:
        print("nothing to judge by: ../shared/data/clips is not here and no folder was named")
        return
    text = table(("clip speaking its own words", "source", "drawn", "ratio"), rows)
    record("flicker", "Flicker", f"{text}\n\nMedian {np.median(ratios):.2f}×, largest {max(ratios):.2f}×.")


if __name__ == "__main__":
    main(sys.argv[1:])
