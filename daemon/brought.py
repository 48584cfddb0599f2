"""Brought: which weights an engine or tracker needs from people, whether they are there, and where they are had."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from daemon.config import Settings
from daemon.doctor import Check
from lipsync import (
    Brought,
    Offer,
    WeightsError,
    engine_names,
    holdings,
    offers,
    tracker_lacks,
    tracker_names,
    wav2lip_file,
)
from publishers import address

POINTS = "face-alignment-2d"


@dataclass(frozen=True)
class Need:
    """Somebody who works only with weights that people bring.

    Attributes:
        kind: "engine" or "tracker".
        name: Its name.
        usable: Whether it has what it needs.
        why: With what, or what is missing.
        advice: What to do where it is not usable, or could be better.
        asked: Whether the settings name it.
    """

    kind: str
    name: str
    usable: bool
    why: str
    advice: str
    asked: bool


def needs(settings: Settings) -> list[Need]:
    """Say of every engine and tracker that needs brought weights whether it could work now.

    Raises:
        WeightsError: The folder of weights, or the catalogue in it, cannot be read.
    """
    known, here = offers(settings.weights), holdings(settings.weights)
    return [_engine(known, here, settings), _tracker(settings)]


def checks(settings: Settings) -> Iterator[Check]:
    """Look at the weights that the configured engine and tracker need from people."""
    try:
        found = needs(settings)
    except WeightsError as error:
        yield Check("weights brought", "fail", error.message, error.hint)
        return
    for need in found:
        if need.asked:
            state: Literal["ok", "warn", "fail"] = "fail" if not need.usable else "warn" if need.advice else "ok"
            yield Check(f"weights for {need.name}", state, need.why, need.advice)


def urls(offer: Offer, settings: Settings) -> tuple[str, ...]:
    """Give where weights are looked for: at the mirrors first, then where they are published.

    Raises:
        PublisherError: A mirror is no address.
    """
    mirrors = tuple(address(base, offer.file) for base in settings.models.mirrors)
    return mirrors + (offer.urls if settings.models.publishers else ())


def _engine(known: dict[str, Offer], here: list[Brought], settings: Settings) -> Need:
    """Look at wav2lip, which needs any one checkpoint."""
    name, asked = "wav2lip", settings.render.engine == "wav2lip"
    if name not in engine_names():
        return Need("engine", name, False, "this installation has no such engine", "Reinstall lipsyncd.", asked)
    try:
        path = wav2lip_file(settings.weights, settings.render.wav2lip.checkpoint)
    except WeightsError as error:
        first = next((offer.name for offer in known.values() if offer.serves == name), name)
        some = any(one.serves == name for one in here)
        return Need(
            "engine", name, False, error.message, error.hint if some else f"`lipsyncd models fetch {first}`.", asked
        )
    one = next((one for one in here if one.path == path), None)
    if one and one.state == "damaged":
        return Need("engine", name, False, f"{path.name} is damaged", "Fetch or import it again.", asked)
    if one and one.state == "unknown":
        hint = f"`lipsyncd models import {path}` looks into it."
        return Need("engine", name, True, f"{path.name}, which nobody vouches for", hint, asked)
    return Need("engine", name, True, one.name if one else path.name, "", asked)


def _tracker(settings: Settings) -> Need:
    """Look at face-alignment, which needs a library and the weights of its points."""
    name, asked = "face-alignment", settings.render.tracker == "face-alignment"
    if name not in tracker_names():
        return Need("tracker", name, False, "this installation has no such tracker", "Reinstall lipsyncd.", asked)
    lacks = tracker_lacks(settings.weights)
    if not lacks:
        return Need("tracker", name, True, POINTS, "", asked)
    advice = f"`lipsyncd models fetch {POINTS}`." if POINTS in lacks else "docs/models.md says how to install it."
    return Need("tracker", name, False, lacks, advice, asked)
