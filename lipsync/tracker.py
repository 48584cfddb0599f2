"""One person through all frames of a video, or in one photo: geometry only.

A tracker is an entry point of ``lipsyncd.trackers``: a class that is given a device ("auto", "cpu" or "cuda") and,
where it takes ``weights``, the folder of the weights that people brought.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from lipsync.alignment_weights import OURS, chosen
from lipsync.errors import EngineError, NoFaceError
from lipsync.face import Track
from lipsync.media import Frame
from lipsync.plugin import BROKEN, find, first_line
from lipsync.take import Weights
from lipsync.threads import cores, side_by_side

if TYPE_CHECKING:
    from lipsync.cover import Tiles
    from lipsync.detector import Detector
    from lipsync.flow import Motion
    from lipsync.follower import Sight
    from lipsync.landmarks import Landmarks
    from lipsync.who import Likeness

Report = Callable[[int], None]
"""Told the number of frames looked at so far."""


@runtime_checkable
class Tracker(Protocol):
    """Finds the points of one person in every frame. One instance stays warm and tracks many takes, one at a time."""

    weights: tuple[Weights, ...]

    def track(self, frames: Iterable[Frame], pick: str | int, report: Report, who: Likeness | None = None) -> Track:
        """Follow one face through the frames, taken one by one and never collected.

        Args:
            frames: In order; a photo is a single frame.
            pick: "largest", "left", "right", or a number counting from the left, from 0.
            report: See :data:`Report`.
            who: Whose face it is; ``pick`` is not heeded then. A tracker that cannot tell people apart ignores it and
                has no ``meet`` (see :class:`Introducing`).

        Raises:
            NoFaceError: No frame has a usable face, never as many as ``pick`` asks for, or never that of ``who``.
        """
        ...


@runtime_checkable
class Introducing(Protocol):
    """A tracker that can be shown a photo of the person to follow."""

    def meet(self, photo: Frame) -> Likeness:
        """Look at a photo of the person whose face is to be followed, and give what ``track`` takes for ``who``.

        Raises:
            NoFaceError: There is no usable face in it, or more than one that may be meant.
        """
        ...


def load_tracker(name: str, device: str, weights: Path | None = None) -> Tracker:
    """Build a tracker.

    Args:
        name: An entry point of ``lipsyncd.trackers``, or "auto": see ``alignment_weights.chosen``.
        device: "auto", "cpu" or "cuda".
        weights: ``Options.weights``, for trackers that take ``weights``.

    Raises:
        EngineError: It is unknown or broken.
        WeightsError: Its weights are missing or damaged.
    """
    if name == "auto" and chosen(weights) != OURS:
        try:
            return _built(chosen(weights), device, weights)
        except EngineError:  # it is here but cannot start: doctor says why, and no take is lost for it
            return _built(OURS, device, weights)
    return _built(OURS if name == "auto" else name, device, weights)


def _built(name: str, device: str, weights: Path | None) -> Tracker:
    kind = find("lipsyncd.trackers", name)
    try:
        tracker = kind(device, weights=weights) if _takes_weights(kind) else kind(device)
    except BROKEN as error:
        hint = "Choose another tracker or mend the package that brings it."
        raise EngineError(f"the tracker {name!r} cannot start ({first_line(error)})", hint) from error
    if not isinstance(tracker, Tracker):
        raise EngineError(f"the tracker {name!r} does not track", "Choose another tracker.")
    return tracker


def _takes_weights(kind: Any) -> bool:
    try:
        return "weights" in inspect.signature(kind).parameters
    except (TypeError, ValueError):
        return False


class LandmarkTracker:
    """Our own networks: find once, then follow with two small networks per frame, steadied by how the pixels move."""

    def __init__(self, device: str = "auto") -> None:
        from lipsync.detector import Detector
        from lipsync.gpu import device_for
        from lipsync.landmarks import Landmarks
        from lipsync.landmarks_ahead import LandmarksAhead

        device = device_for(device)
        # a GPU takes as long for one frame as for many; a CPU does not
        self._settle(device, Detector(device), Landmarks(device) if device == "cpu" else LandmarksAhead(device))

    def _settle(self, device: str, detector: Detector, landmarks: Landmarks) -> None:
        """Put the parts in their places."""
        from lipsync.foresight import Foresight
        from lipsync.search import Search
        from lipsync.who import Recogniser

        self._landmarks = landmarks
        self._foresight = landmarks if isinstance(landmarks, Foresight) else None
        self._search = Search(detector, self._landmarks)
        self._recogniser = Recogniser(device)
        alone = cores() > 1 and self._foresight is None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="look") if alone else None
        self.weights = (*detector.weights, *self._landmarks.weights, *self._recogniser.weights)

    def meet(self, photo: Frame) -> Likeness:
        """See :meth:`Introducing.meet`."""
        from lipsync.wanted import met

        return met(photo, self._search.faces(photo, thorough=True, still=True, everyone=True), self._recogniser)

    def track(self, frames: Iterable[Frame], pick: str | int, report: Report, who: Likeness | None = None) -> Track:
        """See :meth:`Tracker.track`. A photo is read twice, mirrored, and averaged."""
        if self._foresight is None:
            return self._tracked(frames, pick, report, who)
        with closing(self._foresight.coming(frames)) as coming:
            return self._tracked(coming, pick, report, who)

    def _tracked(self, frames: Iterable[Frame], pick: str | int, report: Report, who: Likeness | None) -> Track:
        from lipsync.cover import covered, tiles
        from lipsync.flow import Flow
        from lipsync.follower import ABSENT, Follower, track_of
        from lipsync.steady import steadied
        from lipsync.wanted import Wanted

        stream = iter(frames)
        first = list(islice(stream, 2))
        wanted = Wanted(self._recogniser, who)
        follower = Follower(self._search, self._landmarks, wanted, pick, len(first) == 1, self._pool)
        flow, sights, motions, seen = Flow(), [], [], []

        def looked() -> Iterator[tuple[Frame, Sight]]:
            for number, (frame, following) in enumerate(_with_next(chain(first, stream)), start=1):
                sights.append(follower.step(frame, following))
                yield frame, sights[-1]
                report(number)

        def compared(look: tuple[Frame, Sight]) -> tuple[Motion | None, Tiles | None]:
            frame, sight = look
            around = None if sight.points is None else tiles(frame, sight.points)
            return flow.step(frame, sight.points, sight.fresh), around

        for motion, around in side_by_side(compared, looked(), workers=1):  # while the networks read the next frame
            motions.append(motion)
            seen.append(around)
        kept = wanted.kept()
        others = [number for number, sight in enumerate(sights) if sight.points is not None and sight.shot not in kept]
        for number in others:
            sights[number], motions[number], seen[number] = replace(ABSENT, fresh=sights[number].fresh), None, None
        track, strangers = track_of(sights), follower.strangers + len(others)
        if not track.present.any():
            raise wanted.nobody(len(track)) if strangers else no_face(len(track), pick, follower.most)
        remarks = wanted.remarks(len(track), strangers)
        return replace(steadied(track, motions), covered=covered(track, seen), remarks=remarks)


def _with_next(frames: Iterator[Frame]) -> Iterator[tuple[Frame, Frame | None]]:
    frame = next(frames, None)
    while frame is not None:
        following = next(frames, None)
        yield frame, following
        frame = following


def no_face(frames: int, pick: str | int, most: int) -> NoFaceError:
    """The error of a take without a usable face, with what to do about it.

    Args:
        frames: How many frames were looked at.
        pick: Which face was asked for.
        most: How many faces were seen at once, at most.
    """
    where = "the picture" if frames == 1 else f"any of the {frames} frames"
    if most:
        seen = "face was" if most == 1 else "faces were"
        return NoFaceError(
            f"pick asks for face {pick}, but only {most} {seen} seen in {where}",
            f"Faces count from the left, from 0: give a number up to {most - 1}, or largest, left or right.",
        )
    return NoFaceError(
        f"no usable face in {where}",
        "Use a picture or video in which a person looks at the camera, well lit and not too small.",
    )
