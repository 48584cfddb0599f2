"""When a face is left alone although it could be driven: nobody speaks, and its own lips are closed.

Two mouths may be shown in a silence: the network's, and the person's own. Their own is sharper and surely theirs, but
in a video it may be talking; so it is shown where it is closed, and comes and goes softly between two closed mouths.
Elsewhere the network draws what it draws for silence.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lipsync.articulation import Motion
from lipsync.media import Timeline
from lipsync.mouth import gap, rows
from lipsync.subject import Subject

CLOSED = 0.035
"""Gap between the lips, IOD, up to which a mouth counts as closed."""
HOLD, EASE = 0.1, 0.2
"""Seconds after the last sound for which the network still draws, and in which the person's own mouth comes back."""


def wakeful(subject: Subject, motion: Motion, line: Timeline) -> NDArray[np.float64]:
    """Give (T,) 0–1 for the frames of an output: 1 where the network draws, 0 where the face is left as it is."""
    middles = line.mid_times
    voiced = np.interp(middles * 100, np.arange(len(motion.voiced)), motion.voiced, left=0, right=0) > 0
    with np.errstate(invalid="ignore"):
        parted = ~(np.asarray(gap(rows(subject.seen))) < CLOSED)
    awake = np.flatnonzero(voiced | parted[line.indices])
    if not len(awake):
        return np.zeros(len(middles))
    when = middles[awake]
    after = np.searchsorted(when, middles)
    away = np.minimum(
        np.abs(when[np.clip(after, 0, len(when) - 1)] - middles), np.abs(middles - when[np.clip(after - 1, 0, None)])
    )
    share = np.clip(1 - (away - HOLD) / EASE, 0, 1)
    eased: NDArray[np.float64] = share * share * (3 - 2 * share)
    return eased
