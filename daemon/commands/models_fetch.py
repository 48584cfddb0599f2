"""``lipsyncd models fetch``: weights come from their publishers or mirrors, once their terms are accepted."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import asdict
from difflib import get_close_matches

from daemon.brought import urls
from daemon.commands.arguments import settings_of
from daemon.commands.console import Console, table
from daemon.commands.errors import CommandError, LackError, UsageError
from daemon.commands.transfer import Transfer
from daemon.config import Settings
from daemon.room import size
from lipsync import Brought, Offer, brought, holdings, models, offers, vouch
from publishers import Wanted, download, host

YES = ("y", "yes")


def run(args: Namespace, console: Console) -> int:
    """Fetch what is named; without a name, say what could be."""
    settings = settings_of(args)
    known = offers(settings.weights)
    if not args.name:
        console.facts({"offers": [asdict(offer) for offer in known.values()]}, _list(known))
        return 0
    wanted = [_offer(name, known) for name in dict.fromkeys(args.name)]
    here = brought(settings.weights)
    missing = [offer for offer in wanted if offer.name not in here]
    strange = {one.path.name for one in holdings(settings.weights) if one.state == "unknown"}
    for offer in missing:
        if offer.file in strange:
            hint = (
                f"Move it away, or take it over: `lipsyncd models import {settings.weights / offer.file} --name NAME`."
            )
            raise CommandError(f"a file of your own is called {offer.file} in {settings.weights}", hint)
        _show(offer, settings, console)
    if missing:
        _ask(args, missing)
    done = [_there(here[offer.name]) if offer not in missing else _get(offer, settings) for offer in wanted]
    lines = [f"{one['name']}: {one['state']}, {one['file']} ({size(int(str(one['bytes'])))})" for one in done]
    console.facts({"fetched": done}, lines)
    return 0


def terms(offer: Offer) -> Iterator[str]:
    """Say what weights are and what they may be used for."""
    yield f"{offer.name}: {offer.about}" if offer.about else offer.name
    yield f"  file         {offer.file}, {size(offer.bytes) if offer.bytes else 'size not published'}"
    yield f"  for          {offer.serves}"
    yield f"  licence      {offer.licence}"
    yield f"  may be used  {offer.use}"
    if offer.page:
        yield f"  published    {offer.page}"
    if offer.note:
        yield f"  note         {offer.note}"


def _list(known: dict[str, Offer]) -> Iterator[str]:
    rows = [
        (offer.name, offer.serves, size(offer.bytes) if offer.bytes else "?", offer.use) for offer in known.values()
    ]
    yield from table([("NAME", "FOR", "SIZE", "MAY BE USED FOR"), *rows])


def _offer(name: str, known: dict[str, Offer]) -> Offer:
    if name in known:
        return known[name]
    if name in {model.name for model in models()}:
        hint = "If `lipsyncd models list` calls it damaged, reinstall lipsyncd."
        raise LackError(f"there is nothing to fetch: {name} came with the package", hint)
    near = get_close_matches(name, known, 1)
    hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}."
    raise UsageError(f"no weights called {name!r} are known", hint)


def _show(offer: Offer, settings: Settings, console: Console) -> None:
    places = urls(offer, settings)
    if not places:
        where = (
            f"The publisher tells at {offer.page} how to get it" if offer.page else "Get the file from its publisher"
        )
        raise LackError(
            f"{offer.file} is nowhere that a program can fetch it from" if settings.models.publishers
            else f"there is no mirror for {offer.file}, and models.publishers is false",
            f"{where}; then `lipsyncd models import FILE`.",
        )  # fmt: skip
    for line in terms(offer):
        console.note(line)
    console.note(f"  from         {', '.join(dict.fromkeys(host(place) for place in places))}")
    sure = {0: "none is published: what comes cannot be checked", 64: offer.sha256}
    console.note(f"  sha256       {sure.get(len(offer.sha256), f'begins with {offer.sha256}')}")


def _ask(args: Namespace, missing: list[Offer]) -> None:
    """Ask once for all.

    Raises:
        UsageError: There is nobody to ask.
        CommandError: The answer is no.
    """
    if args.accept:
        return
    names = " ".join(offer.name for offer in missing)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        hint = "Read them above; where they suit you, add --accept."
        raise UsageError(f"nothing was fetched: the terms of {names} must be accepted first", hint)
    sys.stderr.write(f"Fetch {names} under these terms? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in YES:
        raise CommandError("nothing was fetched", "")


def _get(offer: Offer, settings: Settings) -> dict[str, object]:
    wanted = Wanted(offer.file, urls(offer, settings), offer.bytes, offer.sha256)
    with Transfer(offer.file) as transfer:
        try:
            got = download(wanted, settings.weights, transfer.step, transfer.note, spare=settings.limits.free_bytes)
        except KeyboardInterrupt:
            onward = "goes on from there" if offer.sha256 else "fetches it anew"
            transfer.note(f"{offer.file} is here to {transfer.share}; `lipsyncd models fetch {offer.name}` {onward}")
            raise
    vouch(got.path, offer, got.sha256, got.url)
    facts = {"name": offer.name, "file": offer.file, "bytes": got.bytes, "sha256": got.sha256}
    return facts | {"licence": offer.licence, "use": offer.use, "source": got.url, "state": "fetched"}


def _there(one: Brought) -> dict[str, object]:
    facts = {"name": one.name, "file": one.path.name, "bytes": one.bytes, "sha256": one.sha256}
    return facts | {"licence": one.licence, "use": one.use, "source": one.source, "state": "already here"}
