"""Audience: whether the places that are told of jobs can be; ``doctor``, ``config check`` and ``notify test`` ask."""

from __future__ import annotations

from collections.abc import Iterator

from daemon import tidings
from daemon.announcement import Announcement, Answer, Message, Outcome
from daemon.doctor import Check
from daemon.places import wanted
from daemon.settings import Settings

ADVICE = "Mend it where it is kept; https://github.com/caronc/apprise/wiki says what each service's address is like."
_UNSEEN = "Run `lipsyncd doctor` as the service's user: the page, for one, may not read it."
_PATIENCE = 30.0


def faults(settings: Settings) -> dict[str, str]:
    """Say which places cannot be told anything, and why; asks nobody but Apprise, and no network."""
    if not wanted(settings.notify.urls):
        return {}
    return _complete(Announcement(settings).run((), check=True, patience=_PATIENCE)).complaints


def checks(settings: Settings) -> Iterator[Check]:
    """Look at the places."""
    if not wanted(settings.notify.urls):
        yield Check("notices", "ok", "nobody is told (notify.urls)")
        return
    outcome = _complete(Announcement(settings).run((), check=True, patience=_PATIENCE))
    wrong = outcome.complaints
    for place, why in wrong.items():
        yield Check("notices", "warn", f"{place}: {why}", _UNSEEN if "cannot be read" in why else ADVICE)
    fine = [place for place in outcome.places or () if place not in wrong]
    if fine:
        yield Check("notices", "ok", f"{', '.join(fine)}; `lipsyncd notify test` sends one")


def trial(settings: Settings) -> tuple[Answer, ...]:
    """Tell every place that this is a test, and give what became of it."""
    said = tidings.test(settings.notify.language)
    return _complete(Announcement(settings).run([Message("", said.title, said.body)])).answers


def _complete(outcome: Outcome) -> Outcome:
    """Add an answer for each place that gave none, and put them in order."""
    why = outcome.fault or "no answer"
    given = {answer.place for answer in outcome.answers}
    lacking = ["the announcer"] if outcome.places is None else [one for one in outcome.places if one not in given]
    answers = (*outcome.answers, *(Answer(one, "", False, why) for one in lacking))
    order = {place: number for number, place in enumerate(outcome.places or ())}
    return Outcome(outcome.places, tuple(sorted(answers, key=lambda answer: order.get(answer.place, 0))))
