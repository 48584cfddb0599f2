"""What the page seldom shows, by hand as in :mod:`tests.page.stage`: nothing at all, much of all, what went wrong."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from daemon import pause, ring
from daemon.job import Job, Note, State
from daemon.live import Arriving, AtWork, Device, Live, Memory, Queued, space
from daemon.page import password
from daemon.vitals import born
from daemon.why import why
from publishers import Quote, QuoteLine
from tests.page.conftest import settings_at
from tests.page.shelf import cid, failed, job, put
from tests.page.stage import SAMPLE, WORD, alive
from tests.page.uploader import page

HAN = "二零二六年十一月全体员工大会致辞最终修订版请勿再改谢谢大家配合" * 2
LATIN = "Rindfleischetikettierungsueberwachungsaufgabenuebertragungsgesetz" * 2
TRACE = "Traceback (most recent call last):\n" + "\n".join(
    f'  File "/opt/lipsyncd/part_{n}.py", line {n}' for n in range(9)
)


@dataclass(frozen=True)
class Mood:
    """A house in one state, and where it is to be seen; ``act`` is done by the browser before one looks."""

    name: str
    paths: tuple[str, ...]
    furnish: Callable[[Path], Callable[[], None] | None]
    locked: bool = False


def _lost(made: Job, error: str, hint: str, *which: int) -> Job:
    takes = [
        replace(take.failed(error.format(take.face), hint), made=None, video=None, poster=None) if n in which else take
        for n, take in enumerate(made.takes)
    ]
    return replace(made, takes=tuple(takes), receipts=made.receipts[:1])


def whole(number: int, name: str, faces: int) -> Job:
    """A job that failed wholly, with as many faces: its WHY.txt is long."""
    hint = "Use a picture or video in which a person looks at the camera, well lit and not too small."
    takes = tuple(f"face-{n:02}" for n in range(faces))
    made = _lost(job(number, name, takes=takes), "no usable face in {}", hint, *range(faces))
    return replace(made, state=State.FAILED, error="none of the faces could be used", hint="See below.", receipts=())


def _with_letter(root: Path, one: Job, place: str) -> None:
    home = put(root, one, place=place)
    (home / "WHY.txt").write_text(why(one), encoding="utf-8")


def _over(folder: Path) -> None:
    """Jobs that are over, in every way."""
    settings = settings_at(folder)
    root = settings.paths.root
    silent = replace(failed(job(1, "silent")), takes=(), receipts=())
    _with_letter(root, silent, "failed")
    _with_letter(root, whole(2, "forty-lines", 13), "failed")
    partly = _lost(job(3, "partly", takes=("anna", "boris", "carla")), "no usable face in {}.png", "Use another.", 1)
    note = Note("ipfs", "nothing answers at 127.0.0.1:5001, where the IPFS node should be", "Start the node.")
    _with_letter(root, replace(partly, notes=(note,)), "done")
    _with_letter(root, _crowd(4), "done")
    for number, name in enumerate((HAN, LATIN), start=5):
        takes = (f"{name[:60]}-1", f"{name[:60]}-2")
        put(root, replace(job(number, name[:80], takes=takes), title=name, description=f"{name} {name}"))
    damaged = put(root, job(7, "damaged"))
    (damaged / "job.json").write_text("{", encoding="utf-8")
    home = put(root, _dear(8), place="working")
    (home / ".lipsyncd").mkdir()
    for event in _events():
        ring.Ring(settings.paths.state).append(json.dumps(event).encode() + b"\n")


def _crowd(number: int) -> Job:
    """Hundreds of faces in one job, every ninth of them of no use."""
    made = job(number, "crowd", takes=tuple(f"face {n:03}" for n in range(300)))
    return _lost(made, "no usable face in {}", "Use another picture.", *range(4, 300, 9))


def _dear(number: int) -> Job:
    """A job that waits for approval: long names, long addresses, dear."""
    made = job(number, f"{LATIN[:40]}新年", takes=(LATIN[:70], HAN[:30]))
    files = [take.name for take in made.takes]
    lines = tuple(QuoteLine(f"{one}.mp4", f"ipfs://{cid(one)}", 0) for one in files)
    dear = tuple(QuoteLine(f"{one}.mp4", "", 1_234_567_890_123) for one in files)
    quotes = (Quote("ipfs", lines, 0), Quote("arweave", dear, 2_469_135_780_246), Quote("folder", (), None))
    asked = replace(made, state=State.REVIEW, publish=("ipfs", "arweave", "folder"), review=True, quotes=quotes)
    return replace(asked, receipts=(), title=f"{LATIN} 新年致辞")


def _events() -> Iterator[dict[str, object]]:
    at = "2026-11-21T10:03:00.000Z"
    yield {"timestamp": at, "level": "info", "event": "watching", "root": "/srv/lipsyncd"}
    yield {
        "timestamp": at,
        "level": "warning",
        "event": "take failed",
        "job": "00000001",
        "error": f"{LATIN}.png: " * 6,
    }
    yield {"timestamp": at, "level": "error", "event": "fault", "job": "00000002", "exception": TRACE}
    yield {"timestamp": at, "level": "info", "event": f"job taken: {HAN}", "job": "00000008"}


def _live(folder: Path, **more: object) -> Callable[[], None]:
    state = settings_at(folder).paths.state
    usual = {"device": Device("cuda", 3 << 30, 9 << 30, 24 << 30), "memory": Memory(90 << 20, 2 << 30)}

    def say() -> None:
        here = os.getpid(), born(os.getpid()) or 0, space()
        live = Live(time.time(), *here, **usual | more)  # type: ignore[arg-type]
        (state / "live.new").write_text(json.dumps(asdict(live)), encoding="utf-8")
        (state / "live.new").rename(state / "live.json")

    say()
    return say


def _busy(folder: Path) -> Callable[[], None]:
    """Several at once, names that end nowhere, a queue longer than a screen, things that arrive."""
    root = settings_at(folder).paths.root
    making = [replace(job(n, f"{name[:70]}{n}"), state=State.QUEUED, receipts=()) for n, name in ((1, HAN), (2, LATIN))]
    for one in making:
        (put(root, one, place="working") / ".lipsyncd").mkdir(exist_ok=True)
    shutil.copy(SAMPLE / "astronaut.jpg", root / "working" / making[0].name / ".lipsyncd" / "preview.jpg")
    shot = f"working/{making[0].name}/.lipsyncd/preview.jpg"
    takes = (
        AtWork(making[0].id, making[0].name, HAN[:40], 3, 300, "draw", 0.43, 8000.0, shot, time.time(), 200.0),
        AtWork(making[1].id, making[1].name, LATIN[:80], 1, 2, "look", 0.0),
    )
    queue = [
        Queued("working", one.name, one.id, n, 2, "QUEUED", "", title=one.title) for n, one in enumerate(making, 1)
    ]
    states = ("QUEUED", "RENDERED", "MARKED", "PUBLISHED", "QUEUED")
    said = "Waiting: it is its turn next."
    queue += [Queued("working", f"{LATIN[:50]}{n}", f"0000010{n}", n + 3, n, s, said) for n, s in enumerate(states)]
    queue += [Queued("inbox", f"周报 {n}", position=n + 8, priority="high" if n % 2 else "normal") for n in range(3)]
    arriving = (
        Arriving(HAN, f"{LATIN}.wav is still being copied"),
        Arriving("notes.txt", "notes.txt is a file; drop folders"),
    )
    return _live(folder, takes=takes, queue=tuple(queue), arriving=arriving, unlisted=4123)


def _paused(folder: Path) -> Callable[[], None]:
    pause.pause(settings_at(folder).paths.root)
    return _live(folder, paused=True, queue=(Queued("inbox", "周报 47", position=1),))


def _trouble(folder: Path) -> Callable[[], None]:
    said = "the root /srv/lipsyncd is not there: mount the share; work goes on by itself once it is back"
    return _live(folder, trouble=said)


def _nothing(_folder: Path) -> None:
    """No job, no daemon."""


def _locked(folder: Path) -> None:
    settings = settings_at(folder)
    password.write(password.kept(settings).path, password.hashed(WORD))


_AREAS = ("/", "/drop", "/jobs", "/review", "/log", "/doctor")
MOODS = (
    Mood("nothing", _AREAS, _nothing),
    Mood("idle", ("/",), _live),
    Mood("busy", ("/",), _busy),
    Mood("paused", ("/",), _paused),
    Mood("trouble", ("/",), _trouble),
    Mood("over", ("/jobs", "/review", "/log", "/jobs?q=no-such", "/nowhere"), _over),
    Mood("locked", ("/login",), _locked, locked=True),
)
STATES = {
    "delete": "/jobs/00000006/delete",
    "cancel": "/jobs/00000008/cancel",
    "review": "/review/00000008",
    "log of a job": "/jobs/00000008/log",
}
"""Further pages of the mood "over"."""
JOBS = {
    "silent": "00000001",
    "forty": "00000002",
    "partly": "00000003",
    "crowd": "00000004",
    "han": "00000005",
    "latin": "00000006",
}
"""Jobs of the mood "over", by what they show."""


@contextlib.contextmanager
def mood(one: Mood, folder: Path) -> Iterator[str]:
    """Show a house in this state; the address."""
    settings_at(folder)
    say = one.furnish(folder)
    with alive(say) if say else contextlib.nullcontext(), page(folder) as running:
        yield f"http://127.0.0.1:{running.port}"
