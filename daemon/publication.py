"""Publication: the finished files of a job get their hashes and their permanent addresses.

Only the order is decided here: first every publisher is asked what it would come to, then each gets file after file,
then, where it can, all of them under one address. ``daemon/rounds`` makes the calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import publishers
from daemon import calls
from daemon.job import TakeState
from daemon.parcel import artifacts, digest, parcel
from daemon.rounds import Rounds
from daemon.task import HOME, Task
from daemon.work import Work
from publishers import Announcer, Artifact, Gatherer, Quoter


@dataclass(frozen=True)
class Press:
    """With what is published.

    Attributes:
        version: Of lipsyncd, for the manifest.
        manifest: Write manifest.json and post.md.
        profile: Rules of the CIDs.
    """

    version: str
    manifest: bool = True
    profile: str = publishers.MODERN


class Publication:
    """Hashes and publishes the finished takes of a job, one effect and one save at a time."""

    def __init__(self, press: Press, rounds: Rounds) -> None:
        self._press = press
        self._rounds = rounds

    def identify(self, work: Work) -> None:
        """Hash the files of all finished takes; return when all are hashed.

        Raises:
            LaterError: It lasts.
            OSError: They cannot be read.
        """
        self._rounds.drive(work, self._unhashed)

    def ask(self, work: Work) -> None:
        """Ask every publisher what it would come to; return when each was asked, whether it answered or not.

        Raises:
            LaterError: It lasts.
            PublishError: It is too dear, or a publisher cannot be used: nothing was sent to anybody.
        """
        self._rounds.drive(work, lambda work: _unheard(work, asked(work, self._rounds)))

    def publish(self, work: Work) -> None:
        """Publish all files at all publishers; return when each has everything and it was read back.

        Raises:
            LaterError: It lasts, or publishers did not answer.
            PublishError: A publisher refused for good, or a file is not the one that was approved.
        """
        self._rounds.drive(work, self._unpublished)

    def recall(self, work: Work) -> None:
        """End what is under way for a job; return when nothing is.

        Raises:
            Underway: A little time is left for it.
        """
        self._rounds.recall(work)

    def close(self, works: Iterable[Work]) -> None:
        """End what is under way for these jobs, in a few seconds, or leave it behind."""
        self._rounds.close(works)

    def _unhashed(self, work: Work) -> list[Task]:
        bare = [take for take in work.job.in_state(TakeState.RENDERED) if take.video is None]
        return [
            Task(HOME, f"{take.name}.mp4", f"hashing {take.name}.mp4", calls.hashing(work.home, take, self._profile))
            for take in bare
        ]

    @property
    def _profile(self) -> str:
        return self._press.profile

    def _unpublished(self, work: Work) -> list[Task]:
        """Give what is left, publisher by publisher; no file leaves before every publisher was asked for its price."""
        files = artifacts(work)
        if work.job.review and (changed := _unchecked(work, files)):
            return changed
        open_questions = asked(work, self._rounds)
        if unheard := _unheard(work, open_questions):
            return unheard
        silent = {task.place for task in open_questions}
        places = [place for place in keepers(work, self._rounds) if place not in silent]
        return open_questions + [task for place in places for task in self._at(work, place, files)]

    def _at(self, work: Work, place: str, files: tuple[Artifact, ...]) -> list[Task]:
        """Give what is left at one publisher: the files, and after them the one address for all."""
        left = unpublished(work, place, files)
        gathered = [one for one in work.job.gathered if one.receipt.publisher == place and one.files == digest(files)]
        if left or gathered or not isinstance(self._rounds.office(place), Gatherer):
            return left
        published = work.job.published(place)
        receipts = [published[file.name, file.sha256] for file in files]
        call = calls.gathering(place, parcel(work), receipts)
        return [Task(place, "", f"giving all files one address at {place}", call)]


def asked(work: Work, rounds: Rounds) -> list[Task]:
    """Give the questions that are still open: publishers that are not built yet, or did not say what it comes to."""
    quoted = {quote.publisher for quote in work.job.quotes}
    tasks = []
    for place in work.job.publish:
        office = rounds.office(place)
        if office is None or (isinstance(office, Quoter) and place not in quoted):
            call = calls.asking(place, parcel(work), place in quoted)
            tasks.append(Task(place, "", f"asking {place} what it comes to", call))
    return tasks


def keepers(work: Work, rounds: Rounds) -> list[str]:
    """Give the publishers of a job that are known to keep files."""
    offices = {place: rounds.office(place) for place in work.job.publish}
    return [place for place, office in offices.items() if office is not None and not isinstance(office, Announcer)]


def unpublished(work: Work, place: str, files: Sequence[Artifact]) -> list[Task]:
    """Give the tasks that publish those files at one publisher that it has not got yet."""
    published, whole = work.job.published(place), parcel(work)
    return [
        Task(place, file.name, f"publishing {file.name} to {place}", calls.publishing(place, file, whole))
        for file in files
        if (file.name, file.sha256) not in published
    ]


def _unheard(work: Work, tasks: Sequence[Task]) -> list[Task]:
    """Give the questions that were never asked, or are just being asked for the first time."""
    return [task for task in tasks if task.doing not in work.unanswered]


def _unchecked(work: Work, files: Sequence[Artifact]) -> list[Task]:
    tasks = [
        Task(HOME, file.name, f"comparing {file.name} with what was approved", calls.checking(file)) for file in files
    ]
    return [task for task in tasks if task.doing not in work.finished]
