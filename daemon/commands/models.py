"""``lipsyncd models``: the weights, where they come from and what they may be used for."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from daemon.brought import Need, needs
from daemon.commands import models_fetch, models_import
from daemon.commands.arguments import Commands, Parser, add_command, add_common, settings_of
from daemon.commands.console import Console, table
from daemon.room import size
from lipsync import Brought, Model, Offer, holdings, models, offers

_NO = {True: "yes", False: "no", None: "nobody says"}


def add(commands: Commands) -> None:
    """Describe the commands."""
    parser = add_command(
        commands, "models", "weights: which are here, which could be had, and what they may be used for"
    )
    acts = parser.add_subparsers(title="acts", required=True, parser_class=Parser)
    listed = acts.add_parser("list", help="those in the package, those you brought, those that could be had")
    listed.add_argument("--verify", action="store_true", help="hash every file again, also those that seem unchanged")
    fetched = acts.add_parser("fetch", help="get weights that are not in the package, after showing their terms")
    fetched.add_argument("name", metavar="NAME", nargs="*", help="which; without a name: what could be had")
    fetched.add_argument("--accept", action="store_true", help="accept the terms without being asked, for scripts")
    imported = acts.add_parser("import", help="take over weights from a file")
    imported.add_argument("file", type=Path, metavar="FILE", help="a checkpoint")
    imported.add_argument("--name", metavar="NAME", default="", help="what weights of your own are to be called")
    for act, command in ((listed, run), (fetched, models_fetch.run), (imported, models_import.run)):
        add_common(act)
        act.set_defaults(run=command)


def run(args: Namespace, console: Console) -> int:
    """List the weights; 3 where some of the package's are missing or damaged."""
    settings = settings_of(args)
    found = models()
    here = holdings(settings.weights, verify=args.verify, remember=True)
    usable = {one.name for one in here if one.state == "usable"}
    others = [offer for offer in offers(settings.weights).values() if offer.name not in usable]
    takers = needs(settings)
    document = {
        "models": [asdict(model) for model in found],
        "folder": str(settings.weights),
        "brought": [asdict(one) | {"path": str(one.path)} for one in here],
        "offers": [asdict(offer) for offer in others],
        "needs": [asdict(need) for need in takers],
    }
    console.facts(document, _lines(found, here, others, takers, settings.weights))
    return 0 if all(model.state == "usable" for model in found) else 3


def _lines(
    found: list[Model], here: list[Brought], others: list[Offer], takers: list[Need], folder: Path
) -> Iterator[str]:
    rows = [(m.name, m.state, size(m.bytes), m.licence, m.sha256) for m in found]
    yield "In the package:"
    yield from _indented([("NAME", "STATE", "SIZE", "LICENCE", "SHA256"), *rows] if rows else [])
    yield f"Brought by you, in {folder}:"
    rows = [(b.name, b.state, size(b.bytes), b.serves or "-", b.sha256 or "-") for b in here]
    yield from _indented([("NAME", "STATE", "SIZE", "FOR", "SHA256"), *rows] if rows else [])
    yield from (f"  {one.name}: {word}" for one in here if (word := _word(one)))
    yield "Could be had (`lipsyncd models fetch NAME` shows the terms first):"
    rows = [(o.name, o.serves, size(o.bytes) if o.bytes else "?", _NO[o.commercial], o.file) for o in others]
    yield from _indented([("NAME", "FOR", "SIZE", "COMMERCIAL USE", "FILE"), *rows] if rows else [])
    yield "Who needs them:"
    for need in takers:
        yield f"  {need.kind} {need.name}: {'usable now' if need.usable else 'not usable'} ({need.why})"


def _indented(rows: list[tuple[str, ...]]) -> list[str]:
    return [f"  {line}" for line in table(rows)] if rows else ["  none"]


def _word(one: Brought) -> str:
    """Say what a person should know of a file."""
    if one.state == "usable":
        return f"may be used for: {one.use}"
    if one.state == "partial":
        return "its fetch was broken off; `lipsyncd models fetch` goes on with it"
    if one.state == "damaged":
        return "other bytes than it should have; it is not used. Fetch or import it again"
    return "nobody knows what it is; `lipsyncd models import` looks into it"
