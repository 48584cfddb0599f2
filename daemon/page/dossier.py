"""Dossier: all about one job, as its page shows it: its takes with their files, its papers, where it is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from starlette.exceptions import HTTPException

from daemon.errors import JournalError
from daemon.job import Job, JobTake, TakeState
from daemon.journal import OURS, Filed
from daemon.page.asking import Round
from daemon.page.card import Card
from daemon.page.holdings import INPUT, PAPER, RESULT, Held, holdings
from daemon.page.house import House
from daemon.page.media import kind
from daemon.status import read_status
from publishers import Receipt

_LARGEST = 256 * 1024
"""Bytes of a paper that are shown; the whole of it can be downloaded."""
_SCHEMES = ("ipfs://", "ar://")


@dataclass(frozen=True)
class Place:
    """Where something is kept for good.

    Attributes:
        text: The address for people.
        href: The permanent address, where a browser may know what to do with it, or "".
        link: What every browser can open, or "".
        found: "" while nobody has asked, "asking", "right", "wrong", "silent" (nobody could tell), or "draft".
        problem: What was found to be wrong.
    """

    receipt: Receipt
    text: str
    href: str
    link: str
    found: str
    problem: str


@dataclass(frozen=True)
class Scene:
    """One take, and the files of it that are there.

    Attributes:
        face: The dropped picture or video.
        moving: It is a video.
        coverage: Share of the frames in which the mouth was driven.
    """

    take: JobTake
    video: Held | None
    poster: Held | None
    face: Held | None
    moving: bool
    coverage: float
    places: tuple[Place, ...]


@dataclass(frozen=True)
class Paper:
    """A text that belongs to the job; ``whole`` where all of it is shown."""

    held: Held
    text: str
    whole: bool


@dataclass(frozen=True)
class Dossier:
    """All about one job.

    Attributes:
        status: What its STATUS.txt says, or "".
        again: Something of it can be made once more.
        places: Where papers, and all files together, are.
        round: The last inquiry about it, if there was one.
    """

    card: Card
    job: Job
    status: str
    again: bool
    scenes: tuple[Scene, ...]
    held: tuple[Held, ...]
    letter: Paper | None
    papers: tuple[Paper, ...]
    places: tuple[Place, ...]
    round: Round | None


def find(house: House, key: str) -> tuple[Card, Filed | None]:
    """Find a job by what a link says; its folder is looked at, whatever the index knows.

    Returns:
        Its card, and the job; None where its job.json cannot be read.

    Raises:
        HTTPException: 404: there is none.
    """
    card = find_card(house, key)
    home = house.root / card.place / card.folder  # names from a listing, never from a link
    try:
        return card, Filed(house.journal.load(home), home, card.place)
    except JournalError:
        return card, None


def find_card(house: House, key: str) -> Card:
    """Find what the list knows of a job, as its folder is now.

    Raises:
        HTTPException: 404: there is none.
    """
    cards = house.census.index.lookup(key)
    if not cards or house.census.confirm(cards):
        coverage = house.census.look()
        cards = house.census.index.lookup(key)
        if not cards and coverage.left:
            house.census.look(whole=True)
            cards = house.census.index.lookup(key)
    if not cards:
        raise HTTPException(404)
    return cards[0]


def dossier(house: House, card: Card, filed: Filed) -> Dossier:
    """Put together all about a job."""
    job, held = filed.job, holdings(filed)
    asked = house.asking.known(job.id)
    papers = {one.name: one for one in held if one.part == PAPER}
    letters = [_paper(house, filed, one) for name, one in papers.items() if name.startswith("WHY")]
    shown = [_paper(house, filed, papers[name]) for name in ("post.md", "manifest.json") if name in papers]
    of_takes = {f"{take.name}{suffix}" for take in job.takes for suffix in (".mp4", ".jpg")}
    rest = [one for one in _receipts(job) if one.name not in of_takes]
    return Dossier(
        card=card,
        job=job,
        status=read_status(filed.home) if filed.place == "working" else "",
        again=_again(filed),
        scenes=tuple(_scene(take, held, job, asked) for take in job.takes),
        held=held,
        letter=next((one for one in letters if one), None),
        papers=tuple(one for one in shown if one),
        places=tuple(_places(rest, asked)),
        round=asked,
    )


def receipts(job: Job) -> list[Receipt]:
    """Give everything of a job that publishers have, each once."""
    return list(dict.fromkeys(_receipts(job)))


def _receipts(job: Job) -> Iterator[Receipt]:
    yield from job.receipts
    yield from (one.receipt for one in job.gathered)
    yield from job.sent


def _again(filed: Filed) -> bool:
    if filed.place == "failed":
        return True
    job = filed.job
    return filed.place == "done" and bool(job.notes or any(one.speech for one in job.in_state(TakeState.FAILED)))


def _scene(take: JobTake, held: tuple[Held, ...], job: Job, asked: Round | None) -> Scene:
    results = {one.name: one for one in held if one.part == RESULT}
    inputs = {one.name: one for one in held if one.part == INPUT and one.folder != OURS}
    face = inputs.get(take.face)
    names = (f"{take.name}.mp4", f"{take.name}.jpg")
    made = take.made
    return Scene(
        take=take,
        video=results.get(names[0]),
        poster=results.get(names[1]),
        face=face if kind(take.face) else None,
        moving=kind(take.face).startswith("video/"),
        coverage=made.driven / made.frames if made and made.frames else 0.0,
        places=tuple(_places((one for one in _receipts(job) if one.name in names), asked)),
    )


def _places(found: Iterable[Receipt], asked: Round | None) -> Iterator[Place]:
    for receipt in dict.fromkeys(found):
        href = receipt.address if receipt.address.startswith(_SCHEMES) else ""
        link = receipt.gateway if receipt.gateway.startswith(("https://", "http://")) else ""
        text = receipt.address if href else unquote(receipt.address)
        yield Place(receipt, text, href, link, *_found(receipt, asked))


def _found(receipt: Receipt, asked: Round | None) -> tuple[str, str]:
    if asked is None or receipt not in asked.receipts:
        return "", ""
    answer = asked.answers.get(receipt)
    if answer is None:
        return ("silent", "") if asked.over else ("asking", "")
    if not answer.asked:
        return "draft", ""
    return ("wrong" if answer.wrong else "silent" if answer.problem else "right"), answer.problem


def _paper(house: House, filed: Filed, held: Held) -> Paper | None:
    try:
        with house.file(filed, held.name, held.folder).file as file:
            text = file.read(_LARGEST)
    except HTTPException:  # it went away this very moment
        return None
    return Paper(held, text.decode("utf-8", "replace"), held.bytes <= _LARGEST)
