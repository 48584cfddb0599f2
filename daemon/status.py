"""STATUS.txt: how far a job is, for the person who looks into working/: "2/5 bob.mp4 43 %, about 1 min 20 s left"."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from daemon.job import Job, JobTake, TakeState
from daemon.plain import put_plain, read_plain

FILE_NAME = "STATUS.txt"
_EVERY = 1.0
_LONGEST = 10_000


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
        self._begun = clock()
        self._lasted: list[float] = []

    def begin(self) -> None:
        """A take begins."""
        self._begun = self._clock()

    def end(self) -> None:
        """A take is finished."""
        self._lasted.append(self._clock() - self._begun)

    def take_left(self, share: float) -> float | None:
        """Seconds that this take still needs, having done ``share`` (0–1) of it; None while nobody can know."""
        spent = self._clock() - self._begun
        if share > 0.05:
            return spent / share * (1 - share)
        if self._lasted:
            return max(0.0, sum(self._lasted) / len(self._lasted) - spent)
        return None

    def job_left(self, share: float, after: int) -> float | None:
        """Seconds that the job still needs, with ``after`` more takes after this one."""
        left = self.take_left(share)
        if left is None:
            return None
        spent = self._clock() - self._begun + left
        usual = (sum(self._lasted) + spent) / (len(self._lasted) + 1)
        return left + after * usual


def progress_line(job: Job, take: JobTake, share: float, left: float | None, rivals: int = 0) -> str:
    """Give the one line about a take at work; ``share`` is 0–1, ``rivals`` the folders that take turns with its own."""
    number = [one.face for one in job.takes].index(take.face) + 1
    rest = "" if left is None else f", about {span(left)} left"
    if rest and rivals and after(job):
        rest += f" of its own; {folders(rivals)} {'takes' if rivals == 1 else 'take'} turns with it"
    return f"{number}/{len(job.takes)} {take.name}.mp4 {int(share * 100)} %{rest}"


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


def after(job: Job) -> int:
    """How many takes wait behind the one at work."""
    return max(0, len(job.in_state(TakeState.WAITING)) - 1)


def span(seconds: float) -> str:
    """Say a time the way people do: "8 s", "1 min 20 s", "2 h 5 min"."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
