"""Pipeline: one step of one job's way. One effect, one save a step, and every step can be repeated."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from daemon import conclusion, remark, review
from daemon.errors import Cancelled, LaterError
from daemon.hallmark import Hallmark
from daemon.job import ENDED, State, TakeState
from daemon.journal import Journal
from daemon.marking import Marking, place_signed
from daemon.name import shown
from daemon.papers import MANIFEST, Papers
from daemon.publication import Publication
from daemon.rendition import Rendition, place_all
from daemon.room import refusal
from daemon.work import APPROVE, CANCEL, WISHES, Work
from daemon.worker import Looks, Pulse
from publishers import PublishError


class Pipeline:
    """Leads a job from QUEUED to DONE or FAILED, and out of working/."""

    def __init__(
        self,
        journal: Journal,
        rendition: Rendition,
        marking: Marking,
        publication: Publication,
        papers: Papers,
        hallmark: Hallmark,
        beat: Pulse,
    ) -> None:
        """Put the parts of the way together.

        Args:
            journal: Where jobs are written down.
            rendition: Renders.
            marking: Signs.
            publication: Publishes.
            papers: Writes what is said about the results.
            hallmark: Lets us know again what we leave in failed/.
            beat: Called while that lasts; what it raises puts it off.
        """
        self._hallmark = hallmark
        self._beat = beat
        self._journal = journal
        self._rendition = rendition
        self._marking = marking
        self._publication = publication
        self._papers = papers
        self._steps: dict[State, Callable[[Work, Pulse], None]] = {
            State.RENDERED: self._mark,
            State.MARKED: self._publish,
            State.REVIEW: self._review,
            State.PUBLISHED: self._record,
        }

    def advance(self, work: Work, pulse: Pulse) -> Looks[bool]:
        """Take the next step of a job, and say whether the job is over and out of our hands.

        The rendering of a take goes on look by look, and what is thrown in there stops it; everything else is over
        before the first look.

        Args:
            work: The job.
            pulse: Called while something else lasts; what it raises stops that.

        Raises:
            LaterError: The step cannot be taken just now.
            Stopped: The daemon is asked to end.
        """
        over = work.job.state in ENDED
        try:
            work.see_home()
            if work.unsaved:
                work.save(work.job)
                return False
            if over:
                self._conclude(work)
            else:
                yield from self._step(work, pulse)
        except OSError as error:
            raise refusal(error, work.home) from error
        return over

    def _step(self, work: Work, pulse: Pulse) -> Looks[None]:
        try:
            if cancelled(work):
                self._publication.recall(work)
                raise Cancelled
            if work.job.state is State.QUEUED:
                yield from self._render(work, pulse)
            else:
                self._steps[work.job.state](work, pulse)
        except Cancelled:
            while_doing = f" while {' and '.join(work.cut_short)}: what was sent stays there" if work.cut_short else ""
            why = f": {said}" if (said := remark.read(work.home / CANCEL)) else ""
            self._fail(work, "cancelled", f"the job was cancelled{while_doing}{why}")
        except PublishError as error:
            self._fail(work, type(error).__name__, error.message, error.hint)
        except FileNotFoundError as error:
            _look_again(work, error)
            name = shown(str(error.filename or "").rpartition("/")[2])
            self._fail(work, "gone", f"{name or 'a file'} is gone from the folder", "Put it back.")

    def _fail(self, work: Work, kind: str, error: str, hint: str = "") -> None:
        work.save(work.job.fail(error, hint))
        work.tally.job_failed(kind)

    def _render(self, work: Work, pulse: Pulse) -> Looks[None]:
        waiting = work.job.in_state(TakeState.WAITING)
        if waiting and not work.job.inputs:
            self._rendition.hash_inputs(work, pulse)
        elif waiting:
            if work.waiting is not None:
                yield from self._rendition.render(work, work.waiting, pulse)
        elif work.job.in_state(TakeState.RENDERED):
            place_all(work)
            work.save(work.job.move(State.RENDERED))
        else:
            self._fail(work, "no video", "no video could be made")

    def _mark(self, work: Work, pulse: Pulse) -> None:
        self._marking.mark(work, pulse)
        work.save(work.job.move(State.MARKED))

    def _publish(self, work: Work, _pulse: Pulse) -> None:
        """Hash, ask for prices, have a person look, publish: each is gone through to its end before the next."""
        if any(take.video is None for take in work.job.in_state(TakeState.RENDERED)):
            self._publication.identify(work)
        elif work.job.review and not work.job.approved:
            self._publication.ask(work)
            _take_away(work.home / APPROVE)  # nobody can have approved what was not there to read
            review.write(work)
            work.save(work.job.move(State.REVIEW))
            work.status.say(f"Waiting: {_unread()}", now=True)  # `watch --once` ends here
        else:
            self._publication.publish(work)
            work.save(work.job.move(State.PUBLISHED))

    def _review(self, work: Work, pulse: Pulse) -> None:
        if work.job.approved:
            self._publish(work, pulse)
        elif (work.home / APPROVE).exists():
            said = remark.read(work.home / APPROVE)
            work.save(replace(work.job, approved=True, remark=said))
            work.log.info("approved", remark=said)
        else:
            raise _unread()

    def _record(self, work: Work, _pulse: Pulse) -> None:
        self._papers.record(work)
        work.save(work.job.move(State.DONE))

    def _conclude(self, work: Work) -> None:
        """Move the job out of working/."""
        failed = [take.name for take in work.job.in_state(TakeState.FAILED)]
        listed = [receipt.address for receipt in work.job.receipts if receipt.name == MANIFEST]
        say = work.log.warning if failed or work.job.error else work.log.info
        if work.misses:  # said already; it has had to wait for the disk since
            say = work.log.debug
        say("job over", state=str(work.job.state), failed=failed, error=work.job.error, manifest=listed)
        for name in WISHES:
            _take_away(work.home / name)
        if work.job.state is State.DONE:
            target = conclusion.to_done(work.job, work.home, self._journal.done)
        else:
            place_all(work)
            place_signed(work)
            target = conclusion.to_failed(work.job, work.home, self._journal.failed, self._hallmark, self._beat)
        work.hold.release()
        work.tally.over(work.job, target)
        work.log.info("job moved", folder=f"{target.parent.name}/{target.name}")

    def close(self, works: Iterable[Work]) -> None:
        """End what is under way for these jobs, or leave it behind."""
        self._publication.close(works)


def _look_again(work: Work, error: FileNotFoundError) -> None:
    """See that a file is gone, and not the whole share for a moment.

    Raises:
        LaterError: Nobody can say that yet.
    """
    name = str(error.filename or "")
    if not work.inputs.is_dir():
        raise refusal(error, work.home) from error
    if work.missing != name:
        work.missing = name
        gone = f"{shown(Path(name).name) or 'a file'} is gone"
        raise LaterError(gone, "It is looked for once more.", wait=1.0) from error


def _take_away(wish: Path) -> None:
    """Remove what somebody asked for by a file's name; a folder of that name asked for it, too, and is theirs."""
    with contextlib.suppress(IsADirectoryError, PermissionError):
        wish.unlink(missing_ok=True)


def cancelled(work: Work) -> bool:
    """Say whether somebody asked for the job to be given up."""
    return (work.home / CANCEL).exists()


def due(work: Work, now: float) -> bool:
    """Say whether a step of a job can be taken now."""
    if work.parked:
        return False
    if work.errands:
        return work.retry_at <= now or any(errand.over for _, errand in work.errands.values())
    return work.retry_at <= now or cancelled(work)


def _unread() -> LaterError:
    hint = f"Read {review.FILE_NAME}, then put a file called {APPROVE} into this folder."
    return LaterError("it waits for approval", hint, wait=1.0)


def unapproved(work: Work) -> bool:
    """Say whether a job waits for somebody to approve it."""
    return work.job.state is State.REVIEW and not work.job.approved
