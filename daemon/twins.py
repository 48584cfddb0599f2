"""Twins: takes that become equal videos are matched one by one, those of the same file first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from daemon.job import JobTake


def matched(wanted: Iterable[JobTake], made: Iterable[JobTake]) -> Iterator[tuple[JobTake, JobTake]]:
    """Yield takes that are wanted, each with one of the same key that is made; none is given twice.

    Two faces may be copies of one picture. Their videos show the same and are not the same bytes, for they are signed
    one by one, and each may be published under its own name: so each goes to the file that it was made of.
    """
    open_, left = list(wanted), list(made)
    for same_file in (True, False):
        for take in list(open_):
            twins = [old for old in left if old.key == take.key and (old.face == take.face or not same_file)]
            if twins:
                open_.remove(take)
                left.remove(twins[0])
                yield take, twins[0]
