"""The tracker that looks at nothing: plays back points that someone saved, or holds up a drawn face.

For tests, for comparing engines on the very same points, and for points that come from elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from lipsync import face
from lipsync.errors import MediaError, NoFaceError
from lipsync.face import K, Points, Track
from lipsync.media import Frame
from lipsync.take import Weights

FIELDS = ("points", "score", "present", "cuts")


def save(track: Track, path: Path) -> None:
    """Write a track as ``.npz``."""
    with path.open("wb") as file:
        np.savez_compressed(file, **{name: getattr(track, name) for name in FIELDS})


def read(path: Path) -> Track:
    """Read what :func:`save` has written.

    Raises:
        MediaError: The file is not that.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            track = Track(**{name: file[name] for name in FIELDS})
    except (OSError, ValueError, KeyError) as error:
        raise MediaError(f"{path.name} is not a saved track", "Save one with lipsync.replay.save.") from error
    if track.points.shape[1:] != (K, 2):
        raise MediaError(f"{path.name} has points of another kind", f"A track has {K} points in each frame.")
    return track


class ReplayTracker:
    """Plays back ``track``; without one it holds a drawn face in the middle of every frame."""

    weights: tuple[Weights, ...] = ()

    def __init__(self, device: str = "auto", track: Track | None = None) -> None:
        self._track = track

    def track(
        self, frames: Iterable[Frame], pick: str | int, report: Callable[[int], None], who: object = None
    ) -> Track:
        """Give the saved track, one row per frame.

        Raises:
            NoFaceError: The track holds no face, or ends before the frames do.
        """
        sizes = []
        for number, frame in enumerate(frames, start=1):
            sizes.append((frame.width, frame.height))
            report(number)
        track = self._track or _held([drawn(*size) for size in sizes])
        if len(track) < len(sizes) or not track.present[: len(sizes)].any():
            raise NoFaceError("the saved track shows no face for these frames", "Save the track of this very file.")
        return Track(**{name: getattr(track, name)[: len(sizes)] for name in FIELDS})


def _held(rows: list[Points]) -> Track:
    count = len(rows)
    points = np.array(rows, np.float32).reshape(count, K, 2)
    seen = np.ones(count, np.bool_)
    return Track(points=points, score=np.ones(count, np.float32), present=seen, cuts=np.arange(count) == 0)


def drawn(width: int, height: int) -> Points:
    """A closed-mouthed face in the middle of a picture, its IOD a fifth of the shorter side."""
    shape = np.zeros((K, 2))
    turn = np.linspace(-np.pi, np.pi, 9)[:-1]
    for eye, way in ((face.EYE_L, 1), (face.EYE_R, -1)):
        shape[eye] = np.column_stack([way * (0.16 * np.cos(turn) - 0.34), 0.05 * np.sin(turn)])
    across = np.linspace(-1, 1, 11)
    bow = 1 - across**2
    for up, low, half, thick in (
        (face.OUTER_UP, face.OUTER_LOW, 0.28, 0.09),
        (face.INNER_UP, face.INNER_LOW, 0.25, 0.0),
    ):
        shape[up] = np.column_stack([half * across, 0.85 - thick * bow])
        shape[low] = np.column_stack([half * across, 0.85 + 1.2 * thick * bow])[-2:0:-1]
    brow = np.linspace(-0.6, -0.15, 5)
    shape[face.BROWS] = np.column_stack([np.r_[brow, -brow[::-1]], np.full(10, -0.2)])
    shape[face.NOSE[:8], 1] = np.linspace(-0.05, 0.6, 8)
    shape[face.NOSE[8:]] = [[-0.1, 0.56], [0.1, 0.56], [-0.18, 0.5], [0.18, 0.5]]
    around = np.linspace(-np.pi / 2, 1.5 * np.pi, len(face.OVAL) + 1)[:-1]
    shape[face.OVAL] = np.column_stack([0.8 * np.cos(around), 0.4 + 1.05 * np.sin(around)])
    shape[face.CHIN] = [0, 1.45]
    shape[face.IRIS] = [[-0.34, 0], [0.34, 0]]
    shape[face.PHILTRUM] = [0, 0.7]
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    return (centre + (shape - [0, 0.4]) * 0.2 * min(width, height)).astype(np.float32)
