"""Catalogue: which folders of done/ and failed/ hold a video of a key, so that thousands need not be read each time.

It only narrows the search: whoever asks reads the job.json of what it names. It is built when first asked for, and each
folder is read again only when it has changed.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Collection
from pathlib import Path

from daemon.plain import read_plain

_KEY = re.compile(rb'"key": "([^"]+)"')
_BEAT_EVERY = 50

Entry = tuple[tuple[int, int], tuple[int, ...]]
"""The inode of a folder and when something in it changed last; and the hashes of its keys, which are small."""


class Catalogue:
    """What is known of the folders of each place."""

    def __init__(self) -> None:
        self._known: dict[Path, dict[str, Entry]] = {}

    def having(
        self, place: Path, paper: str, keys: Collection[str], largest: int, beat: Callable[[], None]
    ) -> list[Path]:
        """Give the folders in a place that may have one of these keys, by name.

        Args:
            place: The folder of the folders; those that are links are left out.
            paper: Where the job.json is in each.
            keys: What is looked for.
            largest: Bytes that are read of one job.json at most.
            beat: Called now and then; what it raises is passed on.
        """
        before, now = self._known.get(place, {}), dict[str, Entry]()
        wanted = {hash(key) for key in keys}
        found = []
        for number, (name, stamp) in enumerate(_stamps(place)):
            if number % _BEAT_EVERY == 0:
                beat()
            entry = before.get(name)
            if entry is None or entry[0] != stamp:
                entry = (stamp, _keys(place / name / paper, largest))
            now[name] = entry
            if not wanted.isdisjoint(entry[1]):
                found.append(place / name)
        self._known[place] = now
        return sorted(found)


def _stamps(place: Path) -> list[tuple[str, tuple[int, int]]]:
    stamps = []
    with contextlib.suppress(FileNotFoundError), os.scandir(place) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):  # it was just moved away
                if entry.is_dir(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    stamps.append((entry.name, (status.st_ino, status.st_mtime_ns)))
    return stamps


def _keys(path: Path, largest: int) -> tuple[int, ...]:
    try:
        text = read_plain(path, largest)
    except OSError:
        return ()
    return tuple({hash(key.decode("ascii", "replace")) for key in _KEY.findall(text)})
