"""STATUS.txt: how far a job is, for the person who looks into working/: "2/5 bob.mp4 43 %, about 1 min 20 s left"."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from daemon.job import Job, TakeState
from daemon.plain import put_plain, read_plain

FILE_NAME = "STATUS.txt"
_EVERY = 1.0
_LONGEST = 10_000
_MOST = 4
"""Takes at work that are named; all of them have their share in what is left."""


class Status:
    """Writes one job's STATUS.txt, once a second at most; what comes in between is left out."""

    def __init__(self, home: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._home = home
        self._clock = clock
        self._written = float("-inf")
        self.text = ""

    def say(self, text: str, *, now: bool = False) -> None:
        """Write a line if it is new and a second has passed, or in any case ``now``."""
        late = self._clock() - self._written >= _EVERY
        if text == self.text or not (late or now):
            return
        beside = self._home / f".{FILE_NAME}.part"
        with contextlib.suppress(OSError):  # a full disk stops no work; the log has it too
            put_plain(self._home / FILE_NAME, beside, f"{text}\n".encode(errors="backslashreplace"))
        self._written, self.text = self._clock(), text


def read_status(home: Path) -> str:
    """Give the line of a job's STATUS.txt, or "" where there is none."""
    try:
        return read_plain(home / FILE_NAME, _LONGEST).decode().strip()
    except (OSError, ValueError):
        return ""


class Estimate:
    """Guesses how long a job still takes, from how long its takes took so far."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._first = clock()
        self._begun: dict[str, float] = {}
        self._lasted: list[float] = []

    def begin(self, face: str) -> None:
        """A take begins."""
        self._begun[face] = self._clock()

    def end(self, face: str) -> None:
        """A take is finished."""
        self._lasted.append(self._clock() - self.begun(face))

    def begun(self, face: str) -> float:
        """Say when a take was begun last, in monotonic seconds; before that, when any other was."""
        return self._begun.get(face, max(self._begun.values(), default=self._first))

    def take_left(self, face: str, share: float) -> float | None:
        """Seconds that this take still needs, having done ``share`` (0–1) of it; None while nobody can know."""
        spent = self._clock() - self.begun(face)
        if share > 0.05:
            return spent / share * (1 - share)
        if self._lasted:
            return max(0.0, sum(self._lasted) / len(self._lasted) - spent)
        return None

    def job_left(self, shares: Mapping[str, float], after: int) -> float | None:
        """Seconds that the job still needs, if as many of its takes are made side by side as now.

        Args:
            shares: How far the takes are that are being made (0–1), by face.
            after: How many come after them.
        """
        lefts = [left for face, share in shares.items() if (left := self.take_left(face, share)) is not None]
        if not lefts or len(lefts) < len(shares):
            return None
        spent = sum(self._clock() - self.begun(face) for face in shares) + sum(lefts)
        usual = (sum(self._lasted) + spent) / (len(self._lasted) + len(lefts))
        return max(*lefts, (sum(lefts) + after * usual) / len(lefts))


def progress_line(job: Job, shares: Mapping[str, float], left: float | None, rivals: int = 0) -> str:
    """Give the one line about the takes at work.

    Args:
        job: Theirs.
        shares: How far they are (0–1), by face.
        left: Seconds that the job still needs; None where nobody can know.
        rivals: How many folders take turns with it.
    """
    numbered = [(number, take) for number, take in enumerate(job.takes, start=1) if take.face in shares]
    of = len(job.takes)
    said = [f"{number}/{of} {take.name}.mp4 {int(shares[take.face] * 100)} %" for number, take in numbered[:_MOST]]
    if len(numbered) > _MOST:
        said.append(f"{len(numbered) - _MOST} more at work")
    rest = "" if left is None else f", about {span(left)} left"
    if rest and rivals and after(job, len(shares)):
        rest += f" of its own; {folders(rivals)} {'takes' if rivals == 1 else 'take'} turns with it"
    return f"{', '.join(said)}{rest}"


def place_line(job: Job, ahead: int, shut: tuple[str, str] | None = None) -> str:
    """Give the one line about a job that waits for the renderer.

    Args:
        job: The job.
        ahead: How many folders are before it.
        shut: What is said before and after how much is made, where no video may be begun: see :func:`place_shut`.
    """
    made = len(job.in_state(TakeState.RENDERED))
    done = f"{made} of {len(job.takes)} videos are made; " if made else ""
    if shut:
        return f"{shut[0]}{done}{shut[1]}"
    said = f"{folders(ahead)} {'is' if ahead == 1 else 'are'} before this one" if ahead else "it is its turn next"
    return f"Waiting: {done}{said}."


def place_shut(paused: bool, opens: str) -> tuple[str, str] | None:
    """Say why no video may be begun: what comes before, and after, how much is made; None where one may.

    Args:
        paused: Somebody asked for it.
        opens: When the hours allow it again; "" where they allow it now.
    """
    if paused:
        return "Paused by lipsyncd pause; ", "no video is begun until `lipsyncd resume`."
    if opens:
        return f"Waiting for {opens}: ", "videos are only begun at certain hours (render.hours)."
    return None


def folders(number: int) -> str:
    """Count folders in words."""
    return f"{number} folder{'' if number == 1 else 's'}"


def after(job: Job, at_work: int = 1) -> int:
    """How many takes wait behind those at work."""
    return max(0, len(job.in_state(TakeState.WAITING)) - at_work)


def span(seconds: float) -> str:
    """Say a time the way people do: "8 s", "1 min 20 s", "2 h 5 min"."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
