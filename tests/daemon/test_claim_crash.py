"""Killed or disturbed between any two calls to the system while a folder is taken, given back, or comes to its end."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daemon import claim, conclusion
from daemon.claim import Claimed, Terms
from daemon.hallmark import Hallmark
from daemon.inbox import Drop, Inbox
from daemon.job import Job, State
from daemon.journal import Journal, folders
from daemon.order import Choices
from daemon.owner import Owner, Owners, here, read_card

FILES = {"voice.wav": "some words", "ann.png": "face"}
Act = Callable[[Journal, Drop, Owner], object]
Other = Callable[[Owner], Callable[[Journal, Drop], list[Claimed]]]
CALLS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.scandir", "os.listdir", "fcntl.flock")


def house(place: Path) -> tuple[Journal, Drop]:
    """Make a root with one folder in the inbox, settled."""
    journal, now = Journal(place), 0.0
    journal.prepare()
    folder = journal.inbox / "talk"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    inbox = Inbox(journal.inbox, 2.0, Choices(), clock=lambda: now)
    inbox.look()
    now = 1000.0
    return journal, inbox.look().drops[0]


def taken(journal: Journal, drop: Drop, me: Owner) -> Claimed | None:
    job = claim.new_job(drop, Terms("null"), datetime.now(UTC))
    return claim.claim(drop, job, journal, Owners(me))


def given_back(journal: Journal, drop: Drop, me: Owner) -> None:
    """Take a drop that has changed since."""
    assert taken(journal, replace(drop, listing=replace(drop.listing, entries=drop.listing.entries[:1])), me) is None


def over(job: Job) -> Job:
    return replace(job, state=State.FAILED, error="it failed", hint="")


def to_failed(journal: Journal, drop: Drop, me: Owner) -> None:
    if (mine := taken(journal, drop, me)) is not None:
        conclusion.to_failed(over(mine.job), mine.home, journal.failed, Hallmark(None), lambda _: None)


def to_done(journal: Journal, drop: Drop, me: Owner) -> None:
    if (mine := taken(journal, drop, me)) is not None:
        conclusion.to_done(mine.job, mine.home, journal.done)


def disturbed(
    number: int, disturb: Callable[[], None], act: Callable[[], object], error: Path, check: Callable[[], None]
) -> int:
    """Do something in a process of its own, with a disturbance before one of its calls; its end, 3 if it made fewer."""
    if pid := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    calls, code = 0, 1

    def look(event: str, _arguments: tuple[object, ...]) -> None:
        nonlocal calls
        if calls < number and event in CALLS:
            calls += 1
            if calls == number:
                disturb()

    try:
        os.fsync = lambda _: None
        sys.addaudithook(look)
        act()
        made, calls = calls, number
        check()
        code = 0 if made == number else 3
    except BaseException:  # noqa: BLE001 - whatever it is, the test shall see it
        calls = number
        error.write_text(traceback.format_exc())
    finally:
        os._exit(code)


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def held(journal: Journal, owners: Owners) -> list[Claimed]:
    """Look once at what there is in working/, as each turn of a daemon does."""
    return [mine for home in folders(journal.working) if (mine := claim.adopt(home, journal, owners)) is not None]


def whole(folder: Path) -> bool:
    return all((folder / name).read_text() == text for name, text in FILES.items())


@pytest.mark.parametrize(("act", "calls"), [(taken, 15), (given_back, 30), (to_failed, 45), (to_done, 35)])
def test_killed_between_any_two_calls(tmp_path: Path, act: Act, calls: int) -> None:
    """The next daemon has the job in hand at once, or the folder is in the inbox or at its end; no shell is left."""
    number, code = 0, -signal.SIGKILL
    while code == -signal.SIGKILL:
        number += 1
        journal, drop = house(tmp_path / str(number))
        code = disturbed(number, kill, lambda: act(journal, drop, here()), tmp_path / "error", lambda: None)  # noqa: B023 - it is called here
        left = {path.relative_to(journal.working).as_posix() for path in journal.working.rglob("*")}
        mine = held(journal, Owners(here()))
        conclusion.sweep(journal.done)
        assert len(mine) == len(folders(journal.working)), f"left by call {number}: {left}"
        for one in mine:
            assert whole(one.home / "inputs")
            if act is to_done:
                conclusion.to_done(one.job, one.home, journal.done)
            else:
                conclusion.to_failed(over(one.job), one.home, journal.failed, Hallmark(None), lambda _: None)
        assert not folders(journal.working)
        (home,) = (home for place in ("inbox", "done", "failed") for home in folders(journal.root / place))
        assert whole(home / "inputs" if home.parent == journal.done else home)
        assert home.parent == journal.failed or not list(home.glob(".*"))
    assert code == 3, (tmp_path / "error").read_text()
    assert number > calls


@contextmanager
def unseen(elsewhere: bool) -> Iterator[None]:
    """What happens now happens on a machine that sees none of our locks."""
    there = fcntl.flock
    if elsewhere:
        fcntl.flock = lambda _handle, _how: None  # type: ignore[assignment]
    try:
        yield
    finally:
        fcntl.flock = there  # type: ignore[assignment]


NEIGHBOUR = replace(here(), token="neighbour")
STRANGER = replace(here(), host="elsewhere", boot="another", token="stranger")


def looks(who: Owner) -> Callable[[Journal, Drop], list[Claimed]]:
    owners = Owners(who)
    return lambda journal, _: held(journal, owners)


def takes(who: Owner) -> Callable[[Journal, Drop], list[Claimed]]:
    return lambda journal, drop: [mine for mine in [taken(journal, drop, who)] if mine is not None]


def check_one(journal: Journal, hands: list[tuple[Claimed, Owner]]) -> None:
    """The files are in one place and whole; if that is working/, one daemon has the job and says so."""
    places = [home for place in ("inbox", "working", "done", "failed") for home in folders(journal.root / place)]
    assert len(places) == 1, sorted(path.relative_to(journal.root).as_posix() for path in journal.root.rglob("*"))
    (place,) = places
    if place.parent == journal.inbox:
        assert whole(place)
        assert not hands
    elif place.parent == journal.working:
        ((mine, who),) = hands
        assert mine.home == place
        assert whole(place / "inputs")
        assert journal.load(place) == mine.job
        card = read_card(place)
        assert card is not None
        assert (card.host, card.token) == (who.host, who.token)
        assert os.fstat(mine.hold._handle).st_ino == (place / ".lipsyncd/lock").stat().st_ino
        with unseen(elsewhere=True):
            assert not held(journal, Owners(replace(STRANGER, host="a third")))
    else:
        assert whole(place / "inputs" if place.parent == journal.done else place)


@pytest.mark.parametrize("who", [NEIGHBOUR, STRANGER], ids=["neighbour", "stranger"])
@pytest.mark.parametrize("other", [looks, takes])
@pytest.mark.parametrize("act", [taken, given_back, to_failed, to_done])
def test_another_daemon_comes_between_any_two_calls(tmp_path: Path, act: Act, other: Other, who: Owner) -> None:
    """One on this machine, or one on another that sees none of our locks: nobody takes what somebody has."""
    number, code = 0, 0
    while code == 0:
        number += 1
        journal, drop = house(tmp_path / str(number))
        me = here()
        hands: list[tuple[Claimed, Owner]] = []

        def go() -> None:
            mine = act(journal, drop, me)  # noqa: B023 - it is called here
            if isinstance(mine, Claimed):
                hands.append((mine, me))  # noqa: B023

        def check() -> None:
            held(journal, Owners(replace(me, token="later")))  # noqa: B023 - removes a shell that both have left
            check_one(journal, hands)  # noqa: B023

        def come() -> None:
            with unseen(elsewhere=who is STRANGER):
                hands.extend((mine, who) for mine in other(who)(journal, drop))  # noqa: B023

        code = disturbed(number, come, go, tmp_path / "error", check)
    assert code == 3, f"at call {number}: {(tmp_path / 'error').read_text()}"
    assert number > 15
