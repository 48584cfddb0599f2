"""A speech as the network is to hear it: its melody, with nothing in it where nobody speaks.

The network moves lips to whatever sounds: breath, music, a passing car. Our own gate (``gates.between_words``) knows
where somebody speaks; elsewhere the network is given the melody of digital silence, for which its training has closed
mouths. The gate opens 300 ms before a phrase and shuts as softly after it, so no first sound is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lipsync.articulation import Motion
from lipsync.speech import HZ as ROWS
from lipsync.wav2lip.melody import HZ, QUIET, melody, windows

EARLY = 0.06
"""Seconds by which what is heard begins before the middle of a frame.

The network was trained to draw the frame that begins a 25th of a second after its window does. The program that came
with it lets the window begin with the frame, so its mouths lead by one frame; here they do not. Counted from the middle
it holds for any rate.
"""


@dataclass(frozen=True)
class Voice:
    """What is heard.

    Attributes:
        mel: (80, L) the melody, quiet where nobody speaks.
        motion: What our own ear makes of the speech: where somebody speaks, and how open a mouth would be.
    """

    mel: NDArray[np.float32]
    motion: Motion

    def windows(self, middles: NDArray[np.float64]) -> NDArray[np.float32]:
        """Give (B, 80, 16), what each frame hears, by the middles (B,) of the frames in seconds."""
        return windows(self.mel, middles - EARLY + 0.5 / HZ)  # half a column: the nearest one, not the one before


def listener(articulation: Callable[[NDArray[np.float32]], Motion]) -> Callable[[NDArray[np.float32]], Voice]:
    """Make what listens to (n,) samples at 16 kHz."""

    def listen(samples: NDArray[np.float32]) -> Voice:
        motion, mel = articulation(samples), melody(samples)
        times = np.arange(mel.shape[1]) / HZ
        voiced = np.interp(times * ROWS, np.arange(len(motion.voiced)), motion.voiced).astype(np.float32)
        return Voice(QUIET + (mel - np.float32(QUIET)) * voiced, motion)

    return listen
