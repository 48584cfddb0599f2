"""Brought: which weights an engine or tracker needs from people, whether they are there, and where they are had."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from daemon.config import Settings
from daemon.doctor import Check
from lipsync import Brought, Offer, WeightsError, brought, engine_names, offers, tracker_names
from publishers import address

_ALL_OF = {"face-alignment": "tracker"}
"""Who needs every file that serves it, and what it is; others need one."""
_ONE_OF = {"wav2lip": "engine"}


@dataclass(frozen=True)
class Need:
    """Somebody who works only with weights that people bring.

    Attributes:
        kind: "engine" or "tracker".
        name: Its name.
        usable: Whether it has what it needs.
        why: With what, or what is missing.
        advice: What to do where it is not usable.
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
    known, there = offers(settings.weights), brought(settings.weights)
    found = [_one_of(name, known, there, settings) for name in _ONE_OF]
    return found + [_all_of(name, known, there, settings) for name in _ALL_OF]


def checks(settings: Settings) -> Iterator[Check]:
    """Look at the weights that the configured engine and tracker need from people."""
    try:
        found = needs(settings)
    except WeightsError as error:
        yield Check("weights brought", "fail", error.message, error.hint)
        return
    for need in found:
        if need.asked:
            yield Check(f"weights for {need.name}", "ok" if need.usable else "fail", need.why, need.advice)


def urls(offer: Offer, settings: Settings) -> tuple[str, ...]:
    """Give where weights are looked for: at the mirrors first, then where they are published.

    Raises:
        PublisherError: A mirror is no address.
    """
    mirrors = tuple(address(base, offer.file) for base in settings.models.mirrors)
    return mirrors + (offer.urls if settings.models.publishers else ())


def _one_of(name: str, known: dict[str, Offer], there: dict[str, Brought], settings: Settings) -> Need:
    asked, chosen = settings.render.engine == name, settings.render.wav2lip.checkpoint
    ready = [one for one in there.values() if one.serves == name]
    names = ", ".join(one.name for one in ready)
    fetch = f"lipsyncd models fetch {next((offer.name for offer in known.values() if offer.serves == name), '')}"
    if name not in engine_names():
        return Need("engine", name, False, "this installation has no such engine", "Reinstall lipsyncd.", asked)
    if chosen and Path(chosen).expanduser().is_file():
        return Need("engine", name, True, f"{Path(chosen).name} (render.wav2lip.checkpoint)", "", asked)
    if chosen:
        fits = [one for one in ready if chosen in (one.name, one.path.name, one.path.stem)]
        why = fits[0].name if fits else f"no usable weights called {chosen}" + (f", only {names}" if names else "")
        return Need("engine", name, bool(fits), why, "" if fits else "Mend render.wav2lip.checkpoint.", asked)
    if len(ready) > 1:
        return Need("engine", name, False, f"several: {names}", "Name one in render.wav2lip.checkpoint.", asked)
    return Need("engine", name, bool(ready), names or "none are there", "" if ready else f"`{fetch}`.", asked)


def _all_of(name: str, known: dict[str, Offer], there: dict[str, Brought], settings: Settings) -> Need:
    asked = settings.render.tracker == name
    wanted = [offer.name for offer in known.values() if offer.serves == name]
    missing = [one for one in wanted if one not in there]
    if name not in tracker_names():
        return Need("tracker", name, False, "this installation has no such tracker", "Reinstall lipsyncd.", asked)
    why = f"missing: {', '.join(missing)}" if missing else ", ".join(wanted)
    advice = f"`lipsyncd models fetch {' '.join(missing)}`." if missing else ""
    return Need("tracker", name, not missing, why, advice, asked)
