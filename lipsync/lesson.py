"""A face video that speaks is its own teacher: hear it, watch it, and let its person speak the new words their way."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np

from lipsync.accord import FARTHEST, accord
from lipsync.articulation import Articulation, Motion
from lipsync.errors import LipsyncError
from lipsync.gesture import gestures
from lipsync.head import Array
from lipsync.manner import Manner, manner_of
from lipsync.media import Source, open_speech
from lipsync.subject import Subject
from lipsync.take import Limits

log = logging.getLogger(__name__)
LONGEST = 90.0
"""Seconds of a clip that are heard and watched; more would teach little that is new."""


class Lesson:
    """What a face video teaches about its person; nothing, where it is silent or another's voice is heard in it."""

    def __init__(self, articulation: Articulation, limits: Limits) -> None:
        """Get ready.

        Args:
            articulation: What knows how mouths move to speech.
            limits: What is too long or too large a speech.
        """
        self._articulation = articulation
        self._limits = limits

    def own(self, motion: Motion, speech: Path, source: Source, subject: Subject) -> Motion:
        """Let the person of a clip speak the way they do.

        Args:
            motion: What ``speech`` asks of any mouth.
            speech: The audio file.
            source: The face.
            subject: Who is in it.

        Returns:
            Theirs; or ``motion`` itself, where the face is a photo, or says nothing, or too little that is surely
            their own.

        Raises:
            MediaError: ``speech`` cannot be read any more.
        """
        manner = self.manner(source, subject)
        if manner is None:
            return motion
        return manner.of(motion, self._articulation.features(open_speech(speech, self._limits).samples16k))

    def manner(self, source: Source, subject: Subject) -> Manner | None:
        """Learn from the clip's own sound and picture; None where there is nothing to learn, the log says why."""
        name = source.path.name
        if source.kind != "video" or not source.has_audio:
            return None
        times = middles(source)[: len(subject.poses)]
        try:
            limits = replace(self._limits, audio_s=0.0)
            samples = open_speech(source.path, limits, float(times[-1]) + FARTHEST).samples16k
        except LipsyncError as error:
            log.info("%s: its own sound teaches nothing: %s", name, error.message)
            return None
        own = self._articulation(samples)
        seen = gestures(subject, times)
        found = accord(own, seen)
        if found is None or not found.theirs:
            log.info("%s: the voice in it may not be its own: nothing learnt", name)
            return None
        manner = manner_of(own, self._articulation.features(samples), seen, found.lag)
        if manner is None:
            log.info("%s: too little speech to learn from", name)
        else:
            text = "%s: learnt from %.1f s of its own speech (agreement %.2f, sound %+.0f ms)"
            log.info(text, name, manner.seconds, found.agreement, found.lag * 1000)
        return manner


def middles(source: Source) -> Array:
    """Seconds of the middle of each frame of a video, up to ``LONGEST``."""
    starts = np.array([float(time) for time in source.times])
    ends = np.r_[starts[1:], float(source.duration)]
    return np.asarray((starts + ends)[starts < LONGEST] / 2, np.float64)
