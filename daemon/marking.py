"""Marking: finished files say of themselves, signed, how they were made. It is done once, and last before hashing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import publishers
from daemon import durable, ownership, room
from daemon.conclusion import PREVIOUS
from daemon.errors import DiskError, LaterError
from daemon.job import JobTake, TakeState
from daemon.order import is_photo
from daemon.rendition import SUFFIXES
from daemon.work import Work
from daemon.worker import Pulse
from publishers import Beat, Claim, Credentials, PublisherError, Signer, SigningCrash, SigningError, SigningOrder

_TRIES = 3
"""How often in a row the signing process may crash over the files of one job."""

_WITHOUT = "The videos are kept; credentials.sign = false makes do without."

Sign = Callable[[Sequence[SigningOrder], Signer, Beat], tuple[Credentials, ...]]


@dataclass(frozen=True)
class Pen:
    """How results are signed.

    Attributes:
        signer: Who signs.
        version: Of lipsyncd.
        sign: False where nothing is signed.
        spare: Bytes that stay free on the disk; 0 for none.
    """

    signer: Signer
    version: str
    sign: bool = True
    spare: int = 0


class Marking:
    """Signs the videos and posters of a job: copies are signed, that is written down, then they take their places.

    A crash before it is written down leaves the files unsigned, and they are signed then; a crash after it leaves
    signed copies, and they take their places then. So nothing is signed twice, and nothing stays unsigned.
    """

    def __init__(self, pen: Pen, sign: Sign = publishers.sign) -> None:
        """Prepare; nothing is loaded yet.

        Args:
            pen: How.
            sign: What does it.
        """
        self._pen = pen
        self._sign = sign

    def mark(self, work: Work, pulse: Pulse) -> None:
        """Sign what is not signed yet; all files of a job are one effect and one save.

        Args:
            work: The job; its videos have their names.
            pulse: Called all the while; what it raises ends the signing.

        Raises:
            LaterError: Nobody can sign just now: the videos wait until somebody has mended that.
            SigningError: A file cannot be signed, for good.
            OSError: A file is not there, or cannot be moved.
        """
        place_signed(work)
        bare = [take for take in work.job.in_state(TakeState.RENDERED) if _bare(work, take)]
        if not bare or not self._pen.sign:
            return
        orders = [order for take in bare for order in self._orders(work, take)]
        room.check(work.home, self._pen.spare, sum(order.source.stat().st_size for order in orders))
        work.status.say("Signing the finished videos.")
        signed = self._signed(work, orders, pulse)
        job = work.job
        for take, credentials in zip(bare, signed[:: len(SUFFIXES)], strict=True):
            job = job.with_take(replace(take, credentials=credentials))
        work.save(job)
        work.log.info("signed", files=len(signed), signer=signed[0].issuer, certificate=signed[0].certificate)
        place_signed(work)

    def _orders(self, work: Work, take: JobTake) -> list[SigningOrder]:
        claim = Claim(self._pen.version, "photo" if is_photo(take.face) else "video", work.job.title)
        return [
            SigningOrder(work.home / f"{take.name}{suffix}", _stash(work, take, suffix), claim) for suffix in SUFFIXES
        ]

    def _signed(self, work: Work, orders: Sequence[SigningOrder], pulse: Pulse) -> tuple[Credentials, ...]:
        try:
            with work.tally.stage("sign"):
                return self._sign(orders, self._pen.signer, lambda _share: pulse(None))
        except SigningCrash as crash:
            work.log.warning("the signing process crashed", reason=crash.message, said=getattr(crash, "__notes__", []))
            if work.misses + 1 >= _TRIES:
                raise SigningError(f"{crash.message}, {_TRIES} times", _WITHOUT) from crash
            raise LaterError(crash.message, "It is tried again by itself.") from crash
        except SigningError as error:
            raise SigningError(error.message, error.hint or _WITHOUT) from error
        except PublisherError as error:  # true for every video, and mended by a person: none may be lost for it
            raise LaterError(f"the videos cannot be signed: {error.message}", error.hint or _WITHOUT) from error
        except publishers.Unreachable as error:
            where = self._pen.signer.state if room.tried(work.hidden) else None
            raise DiskError(error.message, f"{error.hint} It goes on by itself.", kind="sign", where=where) from error


def place_signed(work: Work) -> None:
    """Put signed copies where the unsigned files are, if they are not there yet.

    Raises:
        OSError: They cannot be moved.
    """
    for take in work.job.in_state(TakeState.RENDERED):
        for suffix in SUFFIXES:
            copy = _stash(work, take, suffix)
            if take.credentials is not None and copy.exists():
                target = work.home / f"{take.name}{suffix}"
                durable.rename(copy, target)
                ownership.give(target, work.inputs)


def _bare(work: Work, take: JobTake) -> bool:
    """Say whether a take is to be signed; what is published already keeps its bytes, for they are paid for."""
    files = {f"{take.name}{suffix}" for suffix in SUFFIXES}
    published = bool(files & {receipt.name for receipt in work.job.receipts})
    return take.credentials is None and take.video is None and not (published and take.stash.startswith(PREVIOUS))


def _stash(work: Work, take: JobTake, suffix: str) -> Path:
    number = [one.face for one in work.job.takes].index(take.face) + 1
    return work.hidden / f"{number}.signed{suffix}"
