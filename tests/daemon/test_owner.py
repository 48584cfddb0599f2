"""Who has a job in hand: seen by locks on one machine, by a count that stands still between machines."""

from __future__ import annotations

import errno
import fcntl
import os
from dataclasses import replace
from pathlib import Path

import pytest

from daemon import owner
from daemon.owner import Owners, here, read_card, write_card


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".lipsyncd").mkdir()
    return tmp_path


def test_one_at_a_time(home: Path) -> None:
    first, second = Owners(here()), Owners(here())
    hold = first.take(home)
    assert hold is not None
    assert second.take(home) is None
    hold.release()
    assert second.take(home) is not None


def test_a_folder_that_is_gone_belongs_to_nobody(tmp_path: Path) -> None:
    assert Owners(here()).take(tmp_path / "gone") is None


def test_a_folder_that_goes_while_it_is_entered_belongs_to_somebody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".lipsyncd").touch()
    with pytest.raises(FileExistsError):
        Owners(here()).take(tmp_path)
    (tmp_path / ".lipsyncd").unlink()

    def there_a_moment_ago(path: Path, **_: object) -> None:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))

    monkeypatch.setattr(Path, "mkdir", there_a_moment_ago)
    assert Owners(here()).take(tmp_path) is None


def test_a_job_of_another_machine_is_left_while_it_counts(home: Path) -> None:
    clock = Clock()
    mine = Owners(here(), lease=100, clock=clock)
    other = replace(here(), host="elsewhere", boot="other")
    write_card(home, other)
    for beat in range(5):
        assert mine.take(home) is None
        write_card(home, replace(other, beat=beat))
        clock.now += 60
    assert mine.take(home) is None
    clock.now += 99
    assert mine.take(home) is None
    clock.now += 1
    assert mine.take(home) is not None


def test_without_locks_a_dead_process_is_known(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(_handle: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    clock = Clock()
    mine = Owners(here(), lease=100, clock=clock)
    write_card(home, here())  # this very process: it lives
    assert mine.take(home) is None
    clock.now += 101
    assert mine.take(home) is not None
    write_card(home, replace(here(), pid=2**22 + 1))
    assert mine.take(home) is not None
    write_card(home, replace(here(), boot="the one before"))
    assert mine.take(home) is not None


def test_the_count_goes_up_but_not_all_the_time(home: Path) -> None:
    hold = Owners(here()).take(home)
    assert hold is not None
    hold.beat(100.0)
    hold.beat(100.1)
    first = read_card(home)
    hold.beat(106.0)
    second = read_card(home)
    assert first is not None
    assert second is not None
    assert (first.beat, second.beat) == (1, 2)


def test_a_torn_card_names_nobody(home: Path) -> None:
    (home / ".lipsyncd" / owner.CARD).write_text('{"host": ')
    assert read_card(home) is None
    assert Owners(here()).take(home) is not None


def test_a_shell_of_this_machine_is_nobodys_at_once(home: Path) -> None:
    """Killed between its mark and its card: the lock says all."""
    (home / ".lipsyncd/lock").touch()
    (home / ".lipsyncd" / here().mark()).touch()
    assert Owners(here()).idle(home)
    assert Owners(here()).take(home) is not None


def test_a_shell_of_another_machine_is_left_for_a_lease(home: Path) -> None:
    clock = Clock()
    mine, other = Owners(here(), lease=100, clock=clock), replace(here(), host="elsewhere", boot="other")
    (home / ".lipsyncd" / here().mark()).touch()
    for _ in range(3):  # the other one is killed, and comes again
        mark = home / ".lipsyncd" / other.mark()
        mark.touch()
        assert not mine.idle(home)
        clock.now += 99
        assert not mine.idle(home)
        assert mine.take(home) is None
        mark.unlink()
    mark.touch()
    assert not mine.idle(home)
    clock.now += 100
    assert mine.idle(home)
    assert mine.take(home) is not None


def test_a_lock_alone_is_left_for_a_lease(home: Path) -> None:
    """Nobody can say on which machine it was made: an older lipsyncd, or a power cut."""
    clock = Clock()
    mine = Owners(here(), lease=100, clock=clock)
    (home / ".lipsyncd/lock").touch()
    assert not mine.idle(home)
    clock.now += 100
    assert mine.idle(home)


def test_without_locks_a_mark_of_a_living_process_counts(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(_handle: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    living = home / ".lipsyncd" / here().mark()
    living.touch()
    assert Owners(here()).take(home) is None
    living.unlink()
    for dead in (replace(here(), pid=2**22 + 1), replace(here(), boot="the one before")):
        (home / ".lipsyncd" / dead.mark()).touch()
    assert Owners(here()).take(home) is not None


def test_only_an_empty_folder_is_dismantled(home: Path) -> None:
    mark = home / ".lipsyncd" / here().mark()
    mark.touch()
    assert not owner.dismantle(home)
    owner.write_card(home, here())
    (home / ".lipsyncd/lock").touch()
    owner.withdraw(home)
    assert list((home / ".lipsyncd").iterdir()) == [mark], "of somebody else"
    mark.unlink()
    assert owner.dismantle(home)
    assert not home.exists()
