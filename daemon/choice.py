"""Choice: what a drop's job.toml may choose from here, as the settings and what is installed have it."""

from __future__ import annotations

import lipsync
import publishers
from daemon.cage import PROGRAMS
from daemon.order import Choices
from daemon.settings import Settings


def choices(settings: Settings) -> Choices:
    """Say what a drop may choose from, and which engines not, and why."""
    lacking = "no program is configured for it (render.command.argv)"
    barred = {} if settings.render.command.argv else {PROGRAMS: lacking}
    return Choices(tuple(lipsync.engine_names()), tuple(publishers.names()), barred)
