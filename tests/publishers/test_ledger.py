"""The ledger: on the disk when it says so, one at a time, and never silently new."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from publishers.book import NAME
from publishers.errors import PublisherError, Refused, Unreachable
from publishers.ledger import Ledger
from publishers.record import CONFIRMED, INTENDED, LOST, SENT, Record

ROOT = Path(__file__).parents[2]
HERE, KEY = "arweave:trial", "ab" * 32


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def record(key: str = KEY, **other: object) -> Record:
    return Record(HERE, key, **{"address": "ar://one", "parcel": "job", "owner": "me", "winston": 5, **other})  # type: ignore[arg-type]


def test_what_was_written_down_is_known_to_the_next_process(tmp_path: Path) -> None:
    written = Ledger(tmp_path, Clock()).intend(record(header=b"\x00signed", anchor="a", height=7))
    assert (written.number, written.created, written.state) == (1, 1001.0, INTENDED)
    assert Ledger(tmp_path).find(HERE, KEY) == written
    changed = Ledger(tmp_path, Clock()).update(written, state=SENT, chunk=3, block=9, gateway="https://g/one")
    assert Ledger(tmp_path).find(HERE, KEY) == changed
    assert changed.chunk == 3
    assert changed.header == b"\x00signed"


def test_places_and_keys_are_apart(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.intend(record())
    assert ledger.find("arweave:other", KEY) is None
    assert ledger.find(HERE, "cd" * 32) is None


def test_looking_makes_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "state")
    assert ledger.find(HERE, KEY) is None
    assert ledger.recall("price") is None
    assert ledger.spent(HERE, "job") == 0
    assert not (tmp_path / "state").exists()


def test_only_its_owner_may_read_it_and_a_change_outlives_a_power_cut(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.intend(record())
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with ledger._book.writing() as base:
        assert base.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert base.execute("PRAGMA journal_mode").fetchone()[0] == "truncate"


def test_a_second_record_takes_the_place_of_a_lost_one_only(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    first = ledger.intend(record())
    with pytest.raises(PublisherError, match="knows these bytes"):
        ledger.intend(record(address="ar://two"))
    lost = ledger.update(first, state=LOST)
    second = ledger.intend(record(address="ar://two"))
    assert second.number == 2
    assert ledger.find(HERE, KEY) == second
    assert ledger.lost(HERE, KEY) == (lost,)


def test_a_change_to_nothing_is_an_error(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.intend(record())
    with pytest.raises(PublisherError, match="lost its record"):
        ledger.update(record(key="cd" * 32), state=SENT)


def test_what_turned_up_after_another_took_its_place_is_known(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    first = ledger.update(ledger.intend(record()), state=LOST)
    second = ledger.intend(record(address="ar://two"))
    assert ledger.doubled(HERE) == ()
    ledger.update(first, state=CONFIRMED, block=3)
    assert ledger.doubled(HERE) == (second,)
    assert ledger.find(HERE, KEY) == second
    assert ledger.spent(HERE, "job") == 10


def test_what_a_parcel_costs_is_exact_and_without_what_was_lost(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    huge = 66_000_000 * 10**12 + 1
    ledger.intend(record(winston=huge))
    ledger.intend(record(key="cd" * 32, winston=2))
    ledger.update(ledger.intend(record(key="ef" * 32, winston=4)), state=LOST)
    ledger.intend(record(key="01" * 32, parcel="other"))
    assert ledger.spent(HERE, "job") == huge + 2
    assert [one.key[:2] for one in ledger.of(HERE, "job")] == ["ab", "cd", "ef"]


def test_the_check_sees_all_costs_and_its_no_leaves_no_trace(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    mined = ledger.intend(record())
    ledger.update(mined, state=CONFIRMED, block=12)
    ledger.intend(record(key="cd" * 32, winston=7))
    seen = []

    def check(spent: int, unmined: tuple[Record, ...]) -> None:
        seen.append((spent, [one.winston for one in unmined]))
        raise Refused("too dear")

    with pytest.raises(Refused):
        ledger.intend(record(key="ef" * 32), check)
    assert seen == [(12, [7])]
    assert ledger.find(HERE, "ef" * 32) is None


def test_threads_do_not_disturb_each_other(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    limit = 20

    def spend(number: int) -> bool:
        def check(spent: int, _unmined: tuple[Record, ...]) -> None:
            if spent + 1 > limit:
                raise Refused("over the cap")

        try:
            ledger.intend(record(key=str(number), winston=1), check)
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(spend, range(40))) == limit
    assert ledger.spent(HERE, "job") == limit


def test_prices_are_remembered_with_their_date(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, Clock())
    ledger.remember("price", "12")
    ledger.remember("price", "13")
    memory = ledger.recall("price")
    assert memory is not None
    assert (memory.value, memory.seen) == ("13", 1002.0)


def damage_empty(file: Path) -> None:
    file.write_bytes(b"")


def damage_cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 4096)


def damage_half_page(file: Path) -> None:
    os.truncate(file, 5000)


def damage_noise(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.seek(4096)
        opened.write(os.urandom(8192))


def damage_other(file: Path) -> None:
    file.write_bytes(b"not a database, but longer than a header" * 200)


def damage_foreign(file: Path) -> None:
    file.unlink()
    base = sqlite3.connect(file)
    base.execute("CREATE TABLE other (x)")
    base.commit()
    base.close()


def damage_gone(file: Path) -> None:
    file.unlink()
    file.with_name(f"{NAME}-journal").write_bytes(b"a change that was not finished")


DAMAGES = [damage_empty, damage_cut, damage_half_page, damage_noise, damage_other, damage_foreign, damage_gone]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_ledger_stops_everything_and_stays_as_it_is(tmp_path: Path, damage: object) -> None:
    old = Ledger(tmp_path)
    for number in range(50):
        old.intend(record(key=f"{number:064}", header=b"h" * 900))
    file = tmp_path / NAME
    damage(file)  # type: ignore[operator]
    left = file.read_bytes() if file.exists() else None
    ledger = Ledger(tmp_path)
    for _ in range(2):
        with pytest.raises(PublisherError, match="damaged") as caught:
            ledger.find(HERE, f"{1:064}")
        assert "Do not simply delete it" in caught.value.hint
        with pytest.raises(PublisherError, match="damaged"):
            ledger.intend(record())
    assert (file.read_bytes() if file.exists() else None) == left


def test_a_ledger_of_a_later_release_is_left_alone(tmp_path: Path) -> None:
    Ledger(tmp_path).intend(record())
    base = sqlite3.connect(tmp_path / NAME)
    base.execute("PRAGMA user_version = 99")
    base.close()
    with pytest.raises(PublisherError, match="later release"):
        Ledger(tmp_path).find(HERE, KEY)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_without_rights_is_an_error_for_people(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(Unreachable, match="cannot be used"):
            Ledger(tmp_path).intend(record())
    finally:
        tmp_path.chmod(0o700)


def test_one_at_a_time_for_the_same_bytes(tmp_path: Path) -> None:
    one, two = Ledger(tmp_path), Ledger(tmp_path)
    with one.turn(HERE, KEY):
        with pytest.raises(Unreachable, match="by somebody else") as caught, two.turn(HERE, KEY):
            pytest.fail("both have it")
        assert caught.value.wait
        with two.turn(HERE, "other bytes"):
            pass
    with two.turn(HERE, KEY):
        pass
    assert not list((tmp_path / "turns").iterdir())


HOLD = """
import sys, time
from pathlib import Path
from publishers.ledger import Ledger
with Ledger(Path(sys.argv[1])).turn(sys.argv[2], sys.argv[3]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_lock_of_a_process_that_was_killed_is_free_at_once(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path, HERE, KEY], stdout=subprocess.PIPE, cwd=ROOT)
    assert child.stdout is not None
    with child.stdout as said:
        assert said.readline() == b"held\n"
    with pytest.raises(Unreachable), Ledger(tmp_path).turn(HERE, KEY):
        pytest.fail("both have it")
    child.send_signal(signal.SIGKILL)
    child.wait()
    with Ledger(tmp_path).turn(HERE, KEY):
        pass


WRITE = """
import sys
from pathlib import Path
from publishers.ledger import Ledger
from publishers.record import Record
ledger = Ledger(Path(sys.argv[1]))
for number in range(10**6):
    ledger.update(ledger.intend(Record("here", str(number), "", header=b"h" * 3000)), state="sent")
    print(number, flush=True)
"""


@pytest.mark.parametrize("count", [1, 2, 17, 40])
def test_killed_while_it_writes_it_keeps_every_word(tmp_path: Path, count: int) -> None:
    child = subprocess.Popen([sys.executable, "-c", WRITE, tmp_path], stdout=subprocess.PIPE, cwd=ROOT)
    assert child.stdout is not None
    with child.stdout as said:
        for _ in range(count):
            said.readline()
        child.send_signal(signal.SIGKILL)
        last = int([b"0", *said.read().split()][-1])
    child.wait()
    ledger = Ledger(tmp_path)
    for number in range(max(count, last)):
        found = ledger.find("here", str(number))
        assert found is not None
        assert found.state == SENT
    ledger.intend(record())


def test_many_at_once_never_two_at_it(tmp_path: Path) -> None:
    ledger, inside, worst = Ledger(tmp_path), [], []

    def go(number: int) -> int:
        took = 0
        for _ in range(200):
            try:
                with ledger.turn(HERE, KEY):
                    inside.append(number)
                    worst.append(len(inside))
                    inside.remove(number)
                    took += 1
            except Unreachable:
                pass
        return took

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(go, range(8))) == len(worst)
    assert set(worst) == {1}
