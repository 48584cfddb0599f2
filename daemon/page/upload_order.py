"""Order: what a person chooses on the form, as the job.toml that it becomes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from daemon.order import Choices
from daemon.settings import Settings

_TITLE = 500


@dataclass(frozen=True)
class Offered:
    """What the form offers.

    Attributes:
        engines: Names of those that can be used, the usual one first.
        publishers: Where results go if nothing is said.
        review: Whether they wait for approval if nothing is said.
    """

    engines: tuple[str, ...]
    publishers: tuple[str, ...]
    review: bool


def offered(settings: Settings, choices: Choices) -> Offered:
    """Say what there is to choose."""
    usual = settings.render.engine
    others = sorted(name for name in choices.engines if name != usual and name not in choices.lacking)
    return Offered((usual, *others), settings.publish.to, settings.publish.review)


def job_toml(form: Mapping[str, str], offer: Offered) -> str:
    """Give the text of a job.toml; "" where everything is left to the settings.

    Args:
        form: What the form says: title, engine, publish, review.
        offer: What it offers; of other things nothing is written.
    """
    lines = []
    if title := " ".join(form.get("title", "").split())[:_TITLE]:
        lines.append(f"title = {_quoted(title)}")
    if (engine := form.get("engine", "")) in offer.engines[1:]:
        lines.append(f"engine = {_quoted(engine)}")
    if form.get("publish") == "no" and offer.publishers:
        lines.append("publish = []")
    if (review := form.get("review", "")) in ("yes", "no") and offer.publishers:
        lines.append(f"review = {'true' if review == 'yes' else 'false'}")
    return "".join(f"{line}\n" for line in lines)


def _quoted(text: str) -> str:
    """Write text as TOML does; as JSON does, but for one letter."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
