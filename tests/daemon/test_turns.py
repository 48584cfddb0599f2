"""Who is next: large and small folders, quick and slow ones, high and low; in simulated time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from daemon.hours import Hours
from daemon.inbox import Drop
from daemon.job import Job
from daemon.listing import Listing
from daemon.log import open_log
from daemon.order import Order
from daemon.schedule import Schedule
from daemon.turns import Turns, Waiting
from daemon.work import Work


@dataclass
class Folder:
    """A folder that arrives at some time with takes of some length."""

    name: str
    arrives: float
    takes: int
    lasts: float = 60.0
    priority: str = "normal"
    ended: float = -1.0

    @property
    def drop(self) -> Path:
        return Path("inbox", self.name)

    @property
    def home(self) -> Path:
        return Path("working", self.name)


@dataclass
class Renderer:
    """Renders in turns, as the daemon does, and notes whose takes it made."""

    folders: list[Folder]
    turns: Turns = field(default_factory=Turns)
    now: float = 0.0
    made: list[str] = field(default_factory=list)
    taken: list[Folder] = field(default_factory=list)

    def line(self) -> list[Path]:
        here = [one for one in self.folders if one.arrives <= self.now and one.takes]
        jobs = [Waiting(one.home, one.priority) for one in self.taken if one.takes]
        return self.turns.line([*jobs, *(Waiting(one.drop, one.priority) for one in here if one not in self.taken)])

    def run(self, limit: int = 10_000) -> list[str]:
        while any(one.takes for one in self.folders) and limit:
            limit -= 1
            line = self.line()
            if not line:
                self.now = min(one.arrives for one in self.folders if one.takes)
                continue
            one = next(one for one in self.folders if line[0] in (one.drop, one.home))
            if one not in self.taken:
                self.taken.append(one)
                self.turns.take(one.drop, one.home)
            self.turns.hold(one.home)
            self.render(one)
        return self.made

    def render(self, one: Folder) -> None:
        end = self.now + one.lasts
        while self.now < end - 1e-6:
            step = min(one.lasts / 3, end - self.now)
            self.now += step
            self.turns.spend(one.home, step)
            self.line()
        one.takes -= 1
        one.ended = self.now
        self.made.append(one.name[0])
        self.turns.rest(one.home)


def run(*folders: Folder) -> str:
    return "".join(Renderer(list(folders)).run())


def test_a_small_folder_dropped_later_waits_for_one_take() -> None:
    made = run(Folder("L", 0, 100), Folder("s", 30, 1))
    assert made == "Ls" + 99 * "L"


def test_two_folders_take_turns() -> None:
    assert run(Folder("a", 0, 4), Folder("b", 0, 2)) == "ababaa"


def test_many_small_ones_at_once_come_in_order_of_arrival_and_are_begun_one_by_one() -> None:
    small = [Folder(name, 10, 1) for name in "bcdefgh"]
    assert run(Folder("A", 0, 3), *small) == "AbcdefghAA"


def test_quick_takes_do_not_wait_for_as_many_slow_ones() -> None:
    slow, quick = Folder("S", 0, 5, lasts=1800), Folder("q", 1000, 20, lasts=20)
    made = run(slow, quick)
    assert made.index("q") == 1
    assert made.count("S", 0, made.rindex("q")) == 1, "all of the quick ones together take less than one slow one"


def test_small_ones_without_end_do_not_hold_up_a_large_one() -> None:
    stream = [Folder(f"s{number}", 60 * number, 1, lasts=61) for number in range(1, 150)]
    made = run(Folder("L", 0, 20), *stream)
    gaps = [len(between) for between in made.split("L")]
    assert max(gaps) < 20, "it gets a take each round, however many come after it"


def test_nobody_waits_longer_than_a_round() -> None:
    folders = [Folder(str(number), 0, 30) for number in range(8)]
    made = Renderer(folders).run()
    for start in range(0, len(made), 8):
        assert sorted(made[start : start + 8]) == [str(number) for number in range(8)]


def test_high_comes_first_and_low_last() -> None:
    low, normal = Folder("l", 0, 3, priority="low"), Folder("n", 10, 3)
    high, later = Folder("h", 100, 2, priority="high"), Folder("m", 70, 2)
    assert run(low, normal, high, later) == "lnhhmnmnll"


def test_what_high_ones_had_is_no_debt_of_others() -> None:
    high = Folder("h", 0, 50, priority="high")
    assert run(high, Folder("a", 0, 3), Folder("b", 2990, 3)) == 50 * "h" + "ababab"


def test_an_unknown_priority_is_the_usual_one() -> None:
    assert Waiting(Path("x"), "urgent").rank == Waiting(Path("x"), "normal").rank


def test_a_turn_is_held_until_its_take_is_over() -> None:
    turns = Turns()
    drops = [Waiting(Path("inbox", name), "normal") for name in "abc"]
    assert turns.line(drops)[0] == Path("inbox/a")
    turns.take(Path("inbox/a"), Path("working/a"))
    turns.hold(Path("working/a"))
    job = Waiting(Path("working/a"), "normal")
    assert turns.line([*drops[1:], job])[0] == job.folder, "its files are hashed; the others wait all the same"
    turns.spend(job.folder, 5)
    assert turns.line([*drops[1:], job])[0] == job.folder
    turns.rest(Path("working/z"))
    assert turns.line([*drops[1:], job])[0] == job.folder, "another one's end is not its end"
    turns.rest(job.folder)
    assert turns.line([job, *drops[1:]]) == [Path("inbox/b"), Path("inbox/c"), job.folder]


def test_who_cannot_be_rendered_for_a_while_earns_nothing_by_it() -> None:
    turns = Turns()
    ann, bob = Waiting(Path("ann"), "normal"), Waiting(Path("bob"), "normal")
    turns.line([ann, bob])
    turns.line([bob])
    turns.spend(bob.folder, 1000)
    assert turns.line([ann, bob]) == [ann.folder, bob.folder]
    turns.spend(ann.folder, 1)
    assert turns.line([ann, bob]) == [bob.folder, ann.folder]


def test_so_many_jobs_are_in_hand_and_no_more(tmp_path: Path) -> None:
    schedule = Schedule(Hours(), open_log(StringIO()))
    works = [
        cast("Work", SimpleNamespace(home=tmp_path / str(number), job=Job("x", "x", "", "null"), making={}))
        for number in range(32)
    ]
    drops = [
        Drop(tmp_path / name, cast("Listing", None), (), Order(priority=name)) for name in ("low", "normal", "high")
    ]
    assert [path.name for path in schedule.line(works[:31], drops)][-3:] == ["30", "normal", "low"]
    line = [path.name for path in schedule.line(works, drops)]
    assert line == ["high", *(str(number) for number in range(32))]


def test_rivals_are_those_of_the_same_or_a_higher_priority() -> None:
    turns = Turns()
    turns.line([Waiting(Path(str(number)), priority) for number, priority in enumerate(_priorities())])
    assert [turns.rivals(Path(str(number))) for number in range(4)] == [0, 2, 2, 3]
    assert turns.rivals(Path("stranger")) == 0


def _priorities() -> Iterable[str]:
    return "high", "normal", "normal", "low"
