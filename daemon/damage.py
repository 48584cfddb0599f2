"""Damage: folders of jobs whose job.json cannot be read. Nothing is done with them until a person looks at them."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

from daemon.errors import JournalError
from daemon.journal import FILE_NAME, INPUTS, OURS, Journal, folders


@dataclass(frozen=True)
class Damaged:
    """Such a folder, the place in which it is ("working", "done" or "failed"), and what is wrong."""

    home: Path
    place: str
    reason: str


def damaged(journal: Journal, sound: Container[Path] = ()) -> Iterator[Damaged]:
    """Yield all of them; a folder without any job.json in done/ or failed/ is somebody's own.

    Args:
        journal: Knows where the jobs are.
        sound: Folders whose job.json was just read; they are not read once more.
    """
    for place in Journal.PLACES:
        for home in folders(journal.root / place):
            if home in sound:
                continue
            ours = home / OURS / FILE_NAME if place == "failed" else home / FILE_NAME
            if os.path.lexists(ours) or (place == "working" and (home / INPUTS).is_dir()):
                try:
                    journal.load(home)
                except JournalError as error:
                    yield Damaged(home, place, str(error))
