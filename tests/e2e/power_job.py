"""One small job on a bench, or what is left of one, worked to its end: ``python -m tests.e2e.power_job PLACE``."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.daemon.bench import Bench

if __name__ == "__main__":
    place = Path(sys.argv[1])
    archive = place / "archive"
    settings = {"publish": {"to": ["folder"], "folder": {"path": archive}}, "render": {"attempts": 1}}
    sys.exit(Bench(place).once(**settings))
