"""The tracker for those who have brought the weights of the library face-alignment.

Our detector finds where faces may be; its network (2DFAN-4) finds 68 points in each, many frames at once on a GPU; a
linear map makes our 99 of them; and our mouth network reads the lips more finely where these say the mouth is. Who is
who, cuts, absence, covered mouths and steadying are those of our own tracker.
"""

from __future__ import annotations

from pathlib import Path

from lipsync.tracker import LandmarkTracker


class AlignmentTracker(LandmarkTracker):
    """Stays warm; finds the points of one person in every frame."""

    def __init__(self, device: str = "auto", weights: Path | None = None) -> None:
        """Load everything; nothing is ever fetched.

        Args:
            device: "auto", "cpu" or "cuda".
            weights: The folder of the weights that were brought.

        Raises:
            EngineError: The library is not installed or broken.
            WeightsError: Its weights are not here or damaged.
        """
        from lipsync.alignment_reader import Reader
        from lipsync.alignment_search import Proposer
        from lipsync.gpu import device_for

        device = device_for(device)
        reader = Reader(device, weights)
        self._settle(device, Proposer(device, reader), reader)
