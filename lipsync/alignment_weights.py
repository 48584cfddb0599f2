"""Whether the library face-alignment and its weights are here; asking loads neither, and fetches nothing ever."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from lipsync.errors import EngineError, WeightsError
from lipsync.shelf import Brought, brought

TRACKER = "face-alignment"
OURS = "landmarks"
POINTS = "face-alignment-2d"
LIBRARY = "face_alignment"
INSTALL = (
    '`pip install -e ".[face-alignment]"` in the clone, then `pip install --no-deps face-alignment==1.5.0` '
    "(docs/models.md says why in two steps)."
)


def installed() -> bool:
    """Whether the library is there; it is not imported."""
    return find_spec(LIBRARY) is not None


def tracker_lacks(weights: Path | None) -> str:
    """Say what the tracker lacks, in a few words; "" where it could work.

    Args:
        weights: ``Options.weights``.

    Raises:
        WeightsError: The folder of weights cannot be read.
    """
    if not installed():
        return "the library face-alignment is not installed"
    return "" if POINTS in brought(weights) else f"the weights {POINTS} are not here"


def points_file(weights: Path | None) -> Brought:
    """Give the file of the network that finds the points.

    Raises:
        EngineError: The library is not installed.
        WeightsError: The file is not here, or is not what was published.
    """
    if not installed():
        raise EngineError("the tracker face-alignment needs the library face-alignment", INSTALL)
    found = brought(weights).get(POINTS)
    if found is None:
        hint = f'`lipsyncd models fetch {POINTS}`, or tracker = "landmarks".'
        raise WeightsError(f"the tracker face-alignment needs the weights {POINTS}, which are not here", hint)
    return found


def chosen(weights: Path | None) -> str:
    """Say which tracker "auto" is: face-alignment where its library and its weights are here, else ours.

    Looking loads neither and fetches nothing.

    Args:
        weights: ``Options.weights``.
    """
    try:
        lacks = tracker_lacks(weights)
    except WeightsError:  # doctor says what is wrong with the folder; ours needs nothing of it
        return OURS
    return OURS if lacks else TRACKER
