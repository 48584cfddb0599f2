"""Card: what the history shows of a job without opening its folder again, and the words by which it is found."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from pathlib import Path

from daemon.conclusion import RETRY
from daemon.errors import JournalError
from daemon.job import Job, State, TakeState
from daemon.journal import FILE_NAME, INPUTS, OURS, read
from daemon.name import shown

_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_MARK = re.compile(r"[0-9a-z_-]{6,}")
"""Shorter ones would be found by chance in nearly all jobs."""
LATEST = 253_402_300_799
"""The last second that a date can name, since 1970; a file may say that it is from after that."""
_LONGEST = 300
"""Characters of a sentence that is shown in a list."""
_MOST_WORDS, _MOST_MARKS = 200_000, 20_000
"""Characters, and marks, by which one job is found: a job.json may hold millions, and many are in memory at once."""


class Standing(StrEnum):
    """How a job stands, in the terms of a person who looks for it."""

    WORKING = "working"
    REVIEW = "review"
    DONE = "done"
    PARTLY = "partly"
    FAILED = "failed"
    DAMAGED = "damaged"


@dataclass(frozen=True)
class Card:
    """A job in a list.

    Attributes:
        place: "working", "done" or "failed".
        folder: Its name as the file system has it; bytes that are no text are kept as surrogates.
        tag: Names this folder in this place, whatever is in it.
        id: Of the job, or "" where its job.json cannot be read.
        at: When it was taken, microseconds since 1970.
        title: What its job.toml says, or "".
        state: Of the job, or "".
        takes: How many there are, of which ``made`` have become videos of ``seconds`` in all.
        poster: File name of the poster of the first video, or "".
        said: What went wrong first, or "".
        shared: Another folder says that it holds this very job: somebody has copied one.
    """

    place: str
    folder: str
    tag: str
    id: str
    at: int
    standing: Standing
    title: str = ""
    state: str = ""
    takes: int = 0
    made: int = 0
    seconds: float = 0.0
    poster: str = ""
    said: str = ""
    shared: bool = False

    @property
    def key(self) -> str:
        """What a link to it says: the job's id, which stays when the folder moves, or else the tag."""
        return self.id if _ID.fullmatch(self.id) and not self.shared else self.tag

    @property
    def name(self) -> str:
        """The folder's name for people."""
        return shown(self.folder)

    @property
    def taken(self) -> datetime:
        """When it was taken, UTC."""
        return datetime.fromtimestamp(self.at / 1_000_000, UTC)


def tag_of(place: str, folder: str) -> str:
    """Give the short name of a folder in a place that may stand in a link."""
    return hashlib.sha256(os.fsencode(f"{place}/{folder}")).hexdigest()[:16]


def paper_of(home: Path) -> Path:
    """Give where the job.json of a job's folder is."""
    return home / OURS / FILE_NAME if home.parent.name == "failed" else home / FILE_NAME


def folded(text: str) -> str:
    """Give a text in the form in which texts are compared: large and small, full and half width are the same."""
    return unicodedata.normalize("NFKC", _clean(text)).casefold()


@dataclass(frozen=True)
class Terms:
    """By what a job is found: ``words`` of people, and ``marks`` of programs: ids, and what hashes addresses hold."""

    words: str
    marks: frozenset[str]


def marks_in(text: str) -> list[str]:
    """Give what in a text may be an id, a hash or the heart of an address, the longest first."""
    return sorted(_MARK.findall(folded(text)), key=len, reverse=True)


def card_of(home: Path) -> tuple[Card, Terms] | None:
    """Read a job's folder: its card and its terms; None for a folder that is no job's.

    A job.json that cannot be read makes a card, too: it says so.
    """
    place, folder = home.parent.name, home.name
    try:
        job = read(paper_of(home))
    except JournalError as error:
        if not os.path.lexists(paper_of(home)) and not (place == "working" and (home / INPUTS).is_dir()):
            return None
        card = Card(place, folder, tag_of(place, folder), "", _changed(home), Standing.DAMAGED, said=_short(str(error)))
        return card, Terms(folded(shown(folder)), frozenset())
    made = job.in_state(TakeState.RENDERED)
    again = place == "working" and (home / OURS / RETRY).exists()
    card = Card(
        place=place,
        folder=folder,
        tag=tag_of(place, folder),
        id=_clean(job.id),
        at=_moment(job.created) or _changed(home),
        standing=_standing(place, job, again),
        title=_short(job.title),
        state=str(State.QUEUED if again else job.state),
        takes=len(job.takes),
        made=len(made),
        seconds=sum(take.made.seconds for take in made if take.made),
        poster=next((_clean(f"{take.name}.jpg") for take in made), ""),
        said=_short(next(_faults(job), "") or job.error),
    )
    return card, Terms(
        folded("\n".join(dict.fromkeys(word for word in (shown(folder), *_words(job)) if word))[:_MOST_WORDS]),
        frozenset(islice((mark for text in _marks(job) for mark in marks_in(text)), _MOST_MARKS)),
    )


def _standing(place: str, job: Job, again: bool) -> Standing:
    if place == "failed":
        return Standing.FAILED
    if place == "working":
        return Standing.REVIEW if job.state is State.REVIEW and not again else Standing.WORKING
    return Standing.PARTLY if next(_faults(job), "") else Standing.DONE


def _faults(job: Job) -> Iterator[str]:
    for take in job.in_state(TakeState.FAILED):
        yield take.error if take.face in take.error else f"{take.face}: {take.error}"
    yield from (f"{note.publisher}: {note.error}" for note in job.notes)


def _words(job: Job) -> Iterator[str]:
    """Yield all by which a person may look for a job."""
    yield from (job.name, job.title, job.description)
    for take in job.takes:
        yield from (take.name, take.face, take.speech)
    yield from (one.name for one in job.inputs)


def _marks(job: Job) -> Iterator[str]:
    """Yield all by which somebody who found a video somewhere may look for its job."""
    yield job.id
    for take in job.takes:
        for kept in (take.video, take.poster):
            if kept:
                yield from (kept.sha256, kept.cid)
    yield from (one.sha256 for one in job.inputs)
    for receipt in (*job.receipts, *job.sent, *(one.receipt for one in job.gathered)):
        yield from (receipt.address, receipt.sha256)


def _moment(text: str) -> int:
    """Give microseconds since 1970; 0 where a text is no time."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return _bounded(int(moment.timestamp() * 1_000_000))
    except (ValueError, OverflowError):
        return 0


def _changed(home: Path) -> int:
    try:
        return _bounded(home.lstat().st_mtime_ns // 1000)
    except OSError:
        return 0


def _bounded(moment: int) -> int:
    return min(max(0, moment), LATEST * 1_000_000)


def _short(text: str) -> str:
    text = shown(_clean(text))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _clean(text: str) -> str:
    """Give text that every store takes: halves of characters become question marks."""
    return text.encode("utf-8", "replace").decode()
