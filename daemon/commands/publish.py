"""``lipsyncd publish``: finished files, outside any job."""

from __future__ import annotations

import hashlib
from argparse import Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path

from daemon import name
from daemon.commands.arguments import Commands, add_command, overrides
from daemon.commands.console import Console
from daemon.commands.errand import Errand
from daemon.commands.errors import UsageError
from daemon.commands.estimate import document, lines
from daemon.config import load_settings
from publishers import Announcer, Artifact, Parcel, Publisher, Quoter, build, identify, write_car


def add(commands: Commands) -> None:
    """Describe the command."""
    parser = add_command(commands, "publish", "publish finished files for good, outside any job")
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="what to publish")
    parser.add_argument(
        "--to", action="append", default=[], metavar="NAME", help="ipfs, arweave, folder, …; may be given again"
    )
    parser.add_argument(
        "--car", type=Path, metavar="FILE", help="write the files and their directory as an archive (CAR) for IPFS"
    )
    parser.add_argument("--title", default="", metavar="TEXT", help="what it is (default: name of the first file)")
    parser.add_argument(
        "--dry-run", action="store_true", help="only say every hash, address and price; nothing leaves this machine"
    )
    parser.set_defaults(run=run)


def run(args: Namespace, console: Console) -> int:
    """Publish every file at every place; what fails does not stop the rest, and a second run goes on with it."""
    places = list(dict.fromkeys(part.strip() for said in args.to for part in said.split(",") if part.strip()))
    settings = load_settings(args.config, overrides(args) | {"publish": {"to": places}})
    _check(args.files)
    if not places and not args.car:
        raise UsageError("it is not said where to publish", "Say --to NAME, or --car FILE.")
    if args.car and args.dry_run:
        raise UsageError("--dry-run writes no archive", "Leave one of the two out.")
    publishers = [build(place, settings.publisher(place), settings.paths.state) for place in places]
    artifacts = tuple(identify(path, profile=settings.publish.ipfs.profile) for path in args.files)
    parcel = Parcel(_id(artifacts), args.title or args.files[0].stem, artifacts)
    if args.dry_run:
        return _estimate(publishers, parcel, console)
    archive = _archive(parcel, args.car) if args.car else {}
    errand = Errand(parcel, console)
    for publisher in publishers:
        errand.run(publisher)
    told = [f"{args.car}  ipfs://{archive['cid']}"] if archive else []
    told += [f"{one.name or 'all of them'}  {one.state}  {one.gateway or one.address}" for one in errand.receipts]
    console.facts(errand.document() | ({"archive": archive} if archive else {}), told)
    return 1 if errand.failures else 0


def _archive(parcel: Parcel, target: Path) -> dict[str, str]:
    """Write the archive and give its path and the CID of the directory in it.

    Raises:
        UsageError: It cannot be written there.
    """
    try:
        return {"file": str(target), "cid": write_car(parcel.artifacts, target, parcel.artifacts[0].profile)}
    except OSError as error:
        raise UsageError(f"{target} cannot be written ({error.strerror or error})", "Nothing was published.") from error


def _check(files: Sequence[Path]) -> None:
    """Refuse what cannot be meant.

    Raises:
        UsageError: A file is not there, or two have one name.
    """
    seen: set[str] = set()
    for path in files:
        if path.is_dir():
            raise UsageError(f"{path} is a folder", "Nothing was published. Name the files in it.")
        if not path.is_file():
            raise UsageError(f"there is no file {path}", "Nothing was published.")
        if name.key(path.name) in seen:
            raise UsageError(f"two files are called {path.name}", "Nothing was published. Rename one of them.")
        seen.add(name.key(path.name))


def _id(artifacts: Iterable[Artifact]) -> str:
    """Give the same id to the same files, so that a second run goes on with the first and shares its cap."""
    content = "\0".join(sorted(f"{one.name}\0{one.sha256}" for one in artifacts))
    return f"command-{hashlib.sha256(content.encode()).hexdigest()[:32]}"


def _estimate(publishers: Iterable[Publisher | Announcer], parcel: Parcel, console: Console) -> int:
    quotes = [publisher.quote(parcel, online=False) for publisher in publishers if isinstance(publisher, Quoter)]
    console.facts(document(parcel, quotes), lines(parcel, quotes))
    return 0
