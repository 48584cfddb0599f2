"""A house to be photographed: a real daemon and real nodes; jobs done, failed, judged, being made and waiting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.material import SAMPLE, clip, speech
from daemon.live import read
from tests.e2e.press import Press, places, purse
from tests.nodes.arlocal import arlocal
from tests.nodes.ipfs import ipfs_node

Picture = NDArray[np.uint8]
PATIENCE = 900
"""Seconds for the renders of the jobs that are done: a slow machine that others use, too."""
LONG = 1700.0
"""Seconds of the speech of the job that is being made: it shall last longer than the photographer."""


@dataclass(frozen=True)
class Drop:
    """A folder: its name, what becomes of it, what is said, by which faces, and its job.toml."""

    name: str
    speech: str
    faces: tuple[str, ...]
    order: str = ""


DONE = (
    Drop("museum-guide-03", "hello.en.flac", ("wide", "warm"), 'title = "Museum guide, room 3"\n'),
    Drop("周报 47", "hello.zh.flac", ("studio",), 'title = "周报 · 第 47 周"\ndescription = "给全体同事的一分钟。"\n'),
    Drop(
        "weekly-47",
        "hello.en.flac",
        ("portrait", "moving"),
        'title = "Weekly report, week 47"\ndescription = "One minute for everybody."\n'
        'publish = ["folder", "ipfs", "arweave"]\n',
    ),
)
FAILED = Drop("holiday-photos", "hello.en.flac", ("landscape",), 'title = "Greetings from the coast"\n')
PARTLY = Drop("elternabend", "hello.en.flac", ("mono", "landscape"), 'title = "Elternabend im November"\n')
JUDGED = Drop(
    "new-year",
    "hello.flac",
    ("studio", "wide"),
    'title = "New year’s greeting · 新年致辞"\ndescription = "To be seen by everybody, for good."\n'
    'publish = ["ipfs", "arweave"]\nreview = true\n',
)
RUNNING = Drop("lecture-tides", "long", ("wide", "warm"), 'title = "Lecture 3: how tides work"\npriority = "high"\n')
WAITING = (
    Drop("rapport-de-la-semaine", "hello.en.flac", ("portrait",), 'title = "Rapport de la semaine"\n'),
    Drop("отчёт-ноябрь", "hello.en.flac", ("wide", "mono", "warm"), 'title = "Отчёт за ноябрь"\npriority = "low"\n'),
)
ARRIVING = "interview-lena"


def paint(kind: str) -> Picture:
    """Give the bundled portrait in one of several settings, or a landscape without anybody in it."""
    face = cv2.imread(str(SAMPLE / "astronaut.jpg"))
    if kind == "landscape":
        return landscape()
    if kind == "warm":
        return np.clip(face * np.array([0.82, 0.97, 1.08]), 0, 255).astype(np.uint8)[:430, 40:400]
    if kind == "mono":
        grey = cv2.cvtColor(face, cv2.COLOR_BGR2GRAY)
        return np.clip(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR) * np.array([0.94, 1, 1.05]), 0, 255).astype(np.uint8)
    if kind == "portrait":
        return cv2.resize(face[:, 30:450], None, fx=1.6, fy=1.6, interpolation=cv2.INTER_CUBIC)
    back = cv2.GaussianBlur(cv2.resize(face, (1280, 1280)), (0, 0), 40)[300:1020] // 2
    if kind == "studio":
        slope = np.linspace(0.75, 1.1, 1280)[None, :, None]
        back = np.clip(np.full((720, 1280, 3), (104, 92, 60)) * slope, 0, 255).astype(np.uint8)
    return _before(cv2.resize(face, (720, 720), interpolation=cv2.INTER_CUBIC), back, flip=kind == "studio")


def _before(face: Picture, back: Picture, *, flip: bool) -> Picture:
    """Put the portrait before a wall, with soft sides."""
    side = (back.shape[1] - face.shape[1]) // 2
    edge = np.minimum(np.arange(720), np.arange(720)[::-1])
    soft = np.clip(edge / 90, 0, 1)[None, :, None]
    whole = back.astype(np.float64)
    whole[:, side : side + 720] = face * soft + whole[:, side : side + 720] * (1 - soft)
    whole = whole[:, ::-1] if flip else whole
    return whole.astype(np.uint8)


def landscape() -> Picture:
    """An evening at the sea, in which nobody is."""
    rows, sea = np.linspace(0, 1, 720)[:, None, None], 430
    sky = np.array([150, 96, 60]) * (1 - rows) + np.array([120, 170, 250]) * rows
    picture = np.broadcast_to(sky, (720, 1280, 3)).copy()
    cv2.circle(picture, (820, 410), 58, (170, 215, 255), -1, cv2.LINE_AA)
    waves = np.random.default_rng(3).normal(0, 9, (720 - sea, 1, 1)) + np.zeros((1, 1280, 1))
    picture[sea:] = np.array([110, 84, 52]) + waves
    return np.clip(picture, 0, 255).astype(np.uint8)


def put(house: Press, drop: Drop) -> None:
    """Drop a folder whole."""
    folder = house.place / "upload"
    folder.mkdir()
    for kind in drop.faces:
        if kind == "moving":
            clip(folder / "clip.mp4", 7)
        else:
            cv2.imwrite(str(folder / f"{kind}.jpg"), paint(kind), [cv2.IMWRITE_JPEG_QUALITY, 92])
    if drop.speech == "long":
        speech(folder / "speech.wav", LONG)
    else:
        sound, rate = soundfile.read(SAMPLE / drop.speech)
        soundfile.write(folder / "speech.flac", sound, rate)
    if drop.order:
        (folder / "job.toml").write_text(drop.order, encoding="utf-8")
    folder.rename(house.root / "inbox" / drop.name)


def _wait_for(house: Press, place: str, *drops: Drop) -> None:
    house.wait(lambda: all((house.root / place / drop.name).exists() for drop in drops), PATIENCE)


@contextmanager
def furnished(place: Path) -> Iterator[Press]:
    """Give the house while its daemon runs and makes the long job; the page's address is in its log."""
    with ExitStack() as end:
        node, gateway = end.enter_context(ipfs_node()), end.enter_context(arlocal())
        (place / "public").mkdir()
        text = places(
            ["folder", "ipfs"],
            folder={"path": place / "public", "url": "https://media.example.org/talks"},
            ipfs={"api": node.api, "gateway": node.gateway},
            arweave={"gateway": gateway.url, "wallet": purse(place, gateway).path, "confirmations": 1},
        )
        house = Press(place, engine="reshape", more=f'{text}[page]\nlisten = "127.0.0.1:0"\n')
        end.enter_context(gateway.mining(1))
        end.enter_context(house.watching())
        for drop in (FAILED, PARTLY, *DONE):
            put(house, drop)
            _wait_for(house, "failed" if drop is FAILED else "done", drop)
        put(house, JUDGED)
        house.wait(lambda: "approval" in house.status() or "REVIEW" in _states(house), PATIENCE)
        put(house, RUNNING)
        house.wait(lambda: any((house.root / "working" / RUNNING.name / ".lipsyncd").glob("*.jpg")), PATIENCE)
        for drop in WAITING:
            put(house, drop)
        late = house.root / "inbox" / ARRIVING
        late.mkdir()
        (late / "answers.flac.part").write_bytes((SAMPLE / "hello.en.flac").read_bytes()[:50_000])
        house.wait(lambda: {drop.name for drop in WAITING} <= _queued(house), PATIENCE)
        yield house


def _queued(house: Press) -> set[str]:
    live = read(house.place / "state")
    return {one.folder for one in live.queue} if live else set()


def _states(house: Press) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in house.root.glob("working/*/job.json"))
