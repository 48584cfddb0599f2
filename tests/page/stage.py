"""The page's process over a share on which there is something on every screen, made by hand: no daemon, no renders."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import daemon.sample
from daemon.job import Job, State
from daemon.live import Arriving, AtWork, Device, Live, Memory, Queued, space
from daemon.page import password
from daemon.vitals import born
from publishers import Quote, QuoteLine
from tests.page.conftest import settings_at
from tests.page.shelf import cid, failed, job, partly, put
from tests.page.uploader import page

SAMPLE = Path(daemon.sample.__file__).parent
WORD = "correct horse"
EVIL = (
    "<img src=x onerror=alert(1)>",
    "'\"><script>alert(2)<",
    "\u202egnp.exe \u2067周报",
    "{{7*7}}${7*7}&lt;b&gt;",
    "javascript:alert(3)",
)


def evil(number: int, name: str) -> Job:
    """A job whose every text is not to be trusted."""
    made = job(number, name, takes=(name, "bob"))
    return replace(made, title=f"{name} title", description=f"</textarea>{name}", receipts=made.receipts[:1])


def judged(number: int, name: str) -> Job:
    """A job that waits for approval, with two offers."""
    made = job(number, name)
    lines = tuple(QuoteLine(f"{one}.mp4", f"ipfs://{cid(name + one)}", 0) for one in ("alice", "bob"))
    dear = tuple(QuoteLine(f"{one}.mp4", "", 1_234_567_890) for one in ("alice", "bob"))
    quotes = (Quote("ipfs", lines, 0), Quote("arweave", dear, 2_469_135_780, "The price is of a minute ago."))
    asked = replace(made, state=State.REVIEW, publish=("ipfs", "arweave"), review=True, quotes=quotes)
    return replace(asked, receipts=(), title=f"{name} 新年")


def furnish(folder: Path) -> Callable[[], None]:
    """Fill the share; give what says anew what a daemon would say of it."""
    root = settings_at(folder).paths.root
    for number, name in enumerate(EVIL):
        put(root, evil(number, name), folder=f"evil {number}" if "/" in name else name)
    put(root, failed(job(20, EVIL[0] + " failed")), place="failed")
    put(root, partly(job(21, "partly")))
    put(root, job(22, "weekly"))
    busy = replace(job(30, EVIL[1] + " making"), state=State.QUEUED, receipts=())
    jobs = [busy, judged(31, EVIL[0] + " judged"), judged(32, "new-year")]
    for one in jobs:
        home = put(root, one, place="working")
        (home / ".lipsyncd").mkdir(exist_ok=True)
    shutil.copy(SAMPLE / "astronaut.jpg", root / "working" / busy.name / ".lipsyncd" / "preview.jpg")
    say = partial(_say, settings_at(folder).paths.state, busy, jobs)
    say()
    return say


def _say(state: Path, busy: Job, jobs: list[Job]) -> None:
    shot = f"working/{busy.name}/.lipsyncd/preview.jpg"
    takes = (AtWork(busy.id, busy.name, EVIL[0], 1, 2, "draw", 0.43, 80.0, shot, time.time(), 200.0),)
    queue = [
        Queued("working", one.name, one.id, int(one is busy), 2 * (one is busy), one.state, "waits", title=one.title)
        for one in jobs
    ]
    queue += [Queued("working", EVIL[3], "12345678", 2, 3, "QUEUED", "waits"), Queued("inbox", EVIL[0], position=3)]
    live = Live(
        time.time(),
        os.getpid(),
        born(os.getpid()) or 0,
        space(),
        device=Device("cpu"),
        memory=Memory(90 << 20, 800 << 20),
        takes=takes,
        queue=tuple(queue),
        arriving=(Arriving(EVIL[1], f"{EVIL[0]}: still arriving"),),
    )
    (state / "live.new").write_text(json.dumps(asdict(live)), encoding="utf-8")
    (state / "live.new").rename(state / "live.json")


@contextlib.contextmanager
def alive(say: Callable[[], None]) -> Iterator[None]:
    """Say it every few seconds, as a daemon that is alive does."""
    enough = threading.Event()

    def work() -> None:
        while not enough.wait(4):
            say()

    speaker = threading.Thread(target=work, name="daemon")
    speaker.start()
    try:
        yield
    finally:
        enough.set()
        speaker.join()


@contextlib.contextmanager
def stage(folder: Path, *, locked: bool = False) -> Iterator[str]:
    """Show it; the address. With ``locked`` it wants a password first."""
    say = furnish(folder)
    if locked:
        password.write(password.kept(settings_at(folder)).path, password.hashed(WORD))
    with alive(say), page(folder) as running:
        yield f"http://127.0.0.1:{running.port}"
