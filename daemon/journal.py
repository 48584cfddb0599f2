"""Journal: what is known about every job, as ``job.json`` in the job's folder. The folders are the index.

::

    working/NAME/job.json              a job in hand
    done/NAME/job.json                 finished
    failed/NAME/.lipsyncd/job.json     failed; everything else in there is the person's
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from daemon import durable
from daemon.catalogue import Catalogue
from daemon.errors import JobError, JournalError
from daemon.job import Job
from daemon.name import shown, valid
from daemon.plain import read_plain

SCHEMA = "lipsyncd.job/1"
FILE_NAME = "job.json"
OURS = ".lipsyncd"
"""Hidden folder in a job's folder: what concerns nobody but us."""
INPUTS = "inputs"
_LARGEST = 16 * 1024 * 1024
_MOST = 1e24
"""Beyond any number in a job.json; all the winston there are do not come to it."""


@dataclass(frozen=True)
class Filed:
    """A job and where it is: ``place`` is "working", "done" or "failed", ``home`` its folder there."""

    job: Job
    home: Path
    place: str


class Journal:
    """Reads and writes the job.json of every job under one root."""

    PLACES = ("working", "done", "failed")

    def __init__(self, root: Path) -> None:
        self.root = root
        self.inbox = root / "inbox"
        self.working = root / "working"
        self.done = root / "done"
        self.failed = root / "failed"
        self._catalogue = Catalogue()

    def prepare(self) -> None:
        """Make the four folders, where they are not there yet.

        Raises:
            OSError: The root is not there or may not be written.
        """
        for folder in (self.inbox, self.working, self.done, self.failed):
            folder.mkdir(parents=True, exist_ok=True)

    def save(self, home: Path, job: Job) -> None:
        """Write down a job in hand, so that it lasts a power cut.

        Raises:
            OSError: It cannot be written; what was written before still holds.
        """
        durable.replace(home / FILE_NAME, dumps(job))

    def load(self, home: Path) -> Job:
        """Read the job whose folder this is, in whichever of the three places.

        Raises:
            JournalError: Its job.json is missing, torn or not of our schema.
        """
        return read(self._paper(home))

    def filed(self) -> list[Filed]:
        """All jobs, in order of their creation; folders that hold no readable job.json are left out."""
        found = [filed for place in self.PLACES for filed in self._in(place)]
        return sorted(found, key=lambda filed: filed.job.created)

    def jobs(self) -> list[Job]:
        """All jobs, in order of their creation."""
        return [filed.job for filed in self.filed()]

    def find(self, text: str, first: str = "", *, named: bool = True) -> Filed:
        """Find a job by its id or the name of its folder; of thousands only those are read that may be it.

        Args:
            text: The id or the name; anybody can name a folder like a job's id, so the id counts first.
            first: Where it is looked for first, and if it is there nowhere else; "" for all places alike.
            named: Names count; else it is an id.

        Raises:
            JobError: There is none, or more than one.
        """
        found = self._called(text, (first,), named) if first else []
        found = found or self._called(text, self.PLACES, named)
        if not found:
            raise JobError(f"there is no job {shown(text)}", "`lipsyncd jobs` lists them all.")
        if len(found) > 1:
            said = ", ".join(f"{filed.place}/{shown(filed.home.name)} is {filed.job.id}" for filed in found)
            raise JobError(f"more than one job is called {shown(text)}: {said}", "Name it by its id.")
        return found[0]

    def with_keys(self, place: str, keys: Collection[str], beat: Callable[[], None]) -> list[Path]:
        """Give the folders in done/ or failed/ whose job.json may name one of these takes' keys; quick the second time.

        Args:
            place: "done" or "failed".
            keys: Of takes.
            beat: Called now and then; what it raises is passed on.
        """
        paper = f"{OURS}/{FILE_NAME}" if place == self.failed.name else FILE_NAME
        return self._catalogue.having(self.root / place, paper, keys, _LARGEST, beat)

    def _paper(self, home: Path) -> Path:
        return home / OURS / FILE_NAME if home.parent.name == self.failed.name else home / FILE_NAME

    def _in(self, place: str) -> Iterator[Filed]:
        for home in folders(self.root / place):
            if filed := self._filed(home):
                yield filed

    def _called(self, text: str, places: Iterable[str], named: bool) -> list[Filed]:
        found = [filed for place in places for filed in self._like(text, place)]
        exact = [filed for filed in found if filed.job.id == text]
        return exact or (found if named else [])

    def _like(self, text: str, place: str) -> Iterator[Filed]:
        """Yield the jobs in a place that have this id, or whose folder has this name."""
        for home in folders(self.root / place):
            if home.name == text or _mentions(self._paper(home), text):
                filed = self._filed(home)
                if filed and text in (filed.job.id, home.name):
                    yield filed

    def _filed(self, home: Path) -> Filed | None:
        try:
            return Filed(self.load(home), home, home.parent.name)
        except JournalError:
            return None


def folders(place: Path) -> list[Path]:
    """Folders in a place, by name; none where the place is not there. Links are not followed."""
    try:
        with os.scandir(place) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []
    return [place / name for name in names]


def _mentions(path: Path, text: str) -> bool:
    """Say whether a file has this text somewhere; much quicker than to read a job from it."""
    try:
        return os.fsencode(text) in read_plain(path, _LARGEST)
    except OSError:
        return False


def read(path: Path) -> Job:
    """Read one job.json.

    Raises:
        JournalError: It is missing, torn or not of our schema.
    """
    return job_of(raw(path), path)


def raw(path: Path) -> dict[str, Any]:
    """Read what one job.json says, whatever that is.

    Raises:
        JournalError: It is missing, torn or not of our schema.
    """
    try:
        said = json.loads(read_plain(path, _LARGEST), parse_constant=_number, parse_float=_number, parse_int=_whole)
    except (OSError, ValueError, RecursionError) as error:
        raise JournalError(f"the job.json of {shown(path.parent.name)} cannot be read ({error})") from error
    if not isinstance(said, dict) or said.get("schema") != SCHEMA:
        raise JournalError(f"the job.json of {shown(path.parent.name)} is not of the schema {SCHEMA}")
    return said


def job_of(said: dict[str, Any], path: Path) -> Job:
    """Give the job that a job.json describes.

    Raises:
        JournalError: It describes none.
    """
    try:
        job = _adapter().validate_python(said)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise JournalError(
            f"the job.json of {shown(path.parent.name)} is damaged at {where}: {fault['msg']}"
        ) from error
    if not valid(job.id):
        raise JournalError(f"the job.json of {shown(path.parent.name)} is damaged at id: that is no text")
    return job


def dumps(job: Job) -> str:
    """Give the text of a job.json."""
    return json.dumps(document(job), indent=1, ensure_ascii=False) + "\n"


def document(job: Job) -> dict[str, Any]:
    """Give what a job.json says."""
    return {"schema": SCHEMA, **asdict(job)}


def _number(text: str) -> float:
    """Read a number with which can be reckoned: where one is none, or beyond all bounds, nobody could list the job."""
    if not abs(number := float(text)) < _MOST:
        raise ValueError(f"{text[:20]} is no number of ours")
    return number


def _whole(text: str) -> int:
    _number(text)
    return int(text)


@cache
def _adapter() -> TypeAdapter[Job]:
    return TypeAdapter(Job)
