"""What a speech says to the mouth, worked out once for all faces that speak it."""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from lipsync.errors import MediaError
from lipsync.media import open_speech
from lipsync.take import Limits

Motion = TypeVar("Motion", covariant=True)
log = logging.getLogger(__name__)
REMEMBERED = 32
"""Speeches kept: one drop has one, or a few, and so many drops take turns. Half an hour takes less than 10 MB."""


@dataclass(frozen=True)
class Heard(Generic[Motion]):
    """A speech after listening.

    Attributes:
        seconds: How long it lasts, exactly.
        motion: What the listener made of it.
    """

    seconds: Fraction
    motion: Motion


class Ear(Generic[Motion]):
    """Listens to speeches and remembers the last few by their content, not by their name."""

    def __init__(
        self, limits: Limits, articulate: Callable[[NDArray[np.float32]], Motion], remembered: int = REMEMBERED
    ) -> None:
        """Start with an empty memory.

        Args:
            limits: What is too long or too large.
            articulate: Makes the mouth's motion of (n,) samples at 16 kHz.
            remembered: Speeches kept.
        """
        self.heard = 0
        """How many speeches were really listened to (the others were remembered)."""
        self._limits = limits
        self._articulate = articulate
        self._remembered = remembered
        self._memory: OrderedDict[str, Heard[Motion]] = OrderedDict()

    def hear(self, speech: Path) -> Heard[Motion]:
        """Give length and mouth motion of an audio file.

        Raises:
            MediaError: The file cannot be heard: missing, empty, without sound, too long.
        """
        digest = _digest(speech)
        if digest in self._memory:
            self._memory.move_to_end(digest)
            return self._memory[digest]
        heard = self._listen(speech)
        self._memory[digest] = heard
        while len(self._memory) > self._remembered:
            self._memory.popitem(last=False)
        return heard

    def _listen(self, speech: Path) -> Heard[Motion]:
        audio = open_speech(speech, self._limits)
        motion = self._articulate(audio.samples16k)
        self.heard += 1
        log.info("heard %s: %.2f s, speeches heard so far %d", speech.name, float(audio.seconds), self.heard)
        return Heard(seconds=audio.seconds, motion=motion)


def deaf(samples: NDArray[np.float32]) -> None:
    """Make nothing of a speech, for those who only need to know how long it is."""


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise MediaError(f"{path.name} cannot be read", "Check that the file is still there.") from error
