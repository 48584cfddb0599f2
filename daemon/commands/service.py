"""``lipsyncd install-service`` and ``uninstall-service``: the unit, the user, the folders and the configuration."""

from __future__ import annotations

import filecmp
import grp
import os
import pwd
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from daemon.commands.arguments import Commands, add_command, settings_of
from daemon.commands.console import Console
from daemon.commands.errors import CommandError, LackError, UsageError
from daemon.commands.steps import Steps
from daemon.config import SYSTEM_FILE, ConfigError, Settings
from daemon.fields import state_folder
from daemon.installation import (
    DEFAULT_ROOT,
    DEFAULT_USER,
    DROP_INS,
    EXTRAS,
    OURS,
    STATE,
    UNIT,
    UNITS,
    Installation,
    shipped,
)

_RUNNING = Path("/run/systemd/system")
"""There while systemd is the one that runs this machine."""


def add(commands: Commands) -> None:
    """Describe the commands."""
    install = add_command(commands, "install-service", "have systemd run lipsyncd from here on; again to upgrade")
    install.add_argument("--user", metavar="NAME", default=DEFAULT_USER, help="who it runs as; made where not there")
    install.add_argument(
        "--with",
        dest="extras",
        action="append",
        choices=EXTRAS,
        default=[],
        help="put this drop-in beside the unit, to be edited there; may be given more than once",
    )
    uninstall = add_command(commands, "uninstall-service", "take the unit away; folders and settings stay")
    for parser, run_ in ((install, run), (uninstall, undo)):
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
        parser.set_defaults(run=run_)


def run(args: Namespace, console: Console) -> int:
    """Install the service, or bring it up to date.

    Raises:
        CommandError: Something is missing, or systemd could not start it.
    """
    source = _checked(args)
    place, extras = _installation(args)
    steps = Steps(console, dry=args.dry_run)
    _make_user(steps, place)
    if not place.root.exists():
        steps.folder(place.root, 0o2770, place.user)
    elif _known(place.user) and not steps.may("-w", place.root, place.user):
        raise LackError(
            f"the user {place.user} may not write to {place.root}",
            f"`chgrp {place.user} {place.root} && chmod g+rwxs {place.root}` lets it; or name the owner with --user.",
        )
    if not SYSTEM_FILE.exists():
        steps.write(SYSTEM_FILE, place.config())
    _check_readable(steps, place)
    steps.write(UNITS / UNIT, (source / UNIT).read_text(encoding="utf-8"))
    steps.write(OURS, place.drop_in())
    for name in dict.fromkeys(extras):
        if not (DROP_INS / f"{name}.conf").exists():
            steps.write(DROP_INS / f"{name}.conf", (source / f"{name}.conf").read_text(encoding="utf-8"))
    _start(steps)
    steps.close(f"Drop folders into {place.root}/inbox. `journalctl -u lipsyncd` says what it does.")
    return 0


def undo(args: Namespace, console: Console) -> int:
    """Take the service away; what people own stays, and is named.

    Raises:
        CommandError: Something is missing, or systemd refuses.
    """
    source = _checked(args)
    steps = Steps(console, dry=args.dry_run)
    if (UNITS / UNIT).exists():
        steps.call("systemctl", "disable", *(["--now"] if _RUNNING.exists() else []), UNIT)
    unchanged = [DROP_INS / f"{name}.conf" for name in EXTRAS if _same(DROP_INS / f"{name}.conf", source)]
    for path in (UNITS / UNIT, OURS, *unchanged):
        steps.remove(path)
    if DROP_INS.is_dir() and not any(DROP_INS.iterdir()):
        steps.remove_folder(DROP_INS)
    if _RUNNING.exists():
        steps.call("systemctl", "daemon-reload")
    try:
        root = settings_of(args).paths.root
    except ConfigError:
        root = DEFAULT_ROOT
    left = [path for path in (root, STATE, SYSTEM_FILE.parent, DROP_INS) if path.exists()]
    steps.close(f"Left as they are, yours to keep or delete: {', '.join(map(str, left)) or 'nothing'}.")
    return 0


def _checked(args: Namespace) -> Path:
    """Make sure that this can be done here, and give the folder of the unit.

    Raises:
        CommandError: It cannot.
    """
    if args.config is not None:
        raise UsageError(f"the service reads {SYSTEM_FILE}", "Put the settings there and leave --config out.")
    source = shipped()
    if source is None:
        raise LackError(
            f"{UNIT} did not come with this installation", "Install from the source, as docs/operations.md says."
        )
    if os.geteuid() != 0 and not args.dry_run:
        raise LackError(
            "only root can do this", "Put sudo before the command, or add --dry-run to see what it would do."
        )
    return source


def _installation(args: Namespace) -> tuple[Installation, list[str]]:
    """Put together what is asked for and what the configuration says; and which drop-ins that needs.

    Raises:
        CommandError: The two disagree.
    """
    asked, args.root = args.root, None
    settings = settings_of(args)
    written = settings.paths.root if SYSTEM_FILE.exists() else None
    root = asked.expanduser().resolve() if asked else written or DEFAULT_ROOT
    if written is not None and root != written:
        raise UsageError(
            f"{SYSTEM_FILE} says that the root is {written}", "Change paths.root there, and leave --root out."
        )
    return Installation(args.user, root, tuple(_writes(settings))), [*args.extras, *_needed(settings)]


def _needed(settings: Settings) -> Iterator[str]:
    """Yield the drop-ins without which the settings cannot work."""
    if set(settings.publish.to) - {"folder"}:
        yield "publish"
    if settings.metrics.listen:
        yield "metrics"
    if settings.page.listen:
        yield "page"
    if settings.notify.urls:
        yield "notify"


def _writes(settings: Settings) -> list[Path]:
    """Give the folders beside the root that the settings want to have written."""
    state = settings.paths.state
    own = [state] if state not in (state_folder(), STATE) else []
    copies = settings.publish.folder.path if "folder" in settings.publish.to else None
    return [*own, copies] if copies else own


def _known(user: str) -> bool:
    return any(entry.pw_name == user for entry in pwd.getpwall())


def _make_user(steps: Steps, place: Installation) -> None:
    """Make the service's user, in a group of the same name, which may be there already for the share."""
    if _known(place.user):
        return
    there = any(entry.gr_name == place.user for entry in grp.getgrall())
    words = ["--gid", place.user] if there else ["--user-group"]
    words += ["--no-create-home", "--home-dir", str(place.root), "--shell", "/usr/sbin/nologin"]
    steps.call("useradd", "--system", *words, place.user)


def _check_readable(steps: Steps, place: Installation) -> None:
    """Make sure that the service's user can run the program; one in a home is shown to it by the drop-in.

    Raises:
        LackError: It cannot.
    """
    if place.at_home or not _known(place.user):
        return
    for path in place.reads:
        if not steps.may("-x", path, place.user):
            raise LackError(
                f"the user {place.user} may not read {path}, where lipsyncd is",
                "Let others enter it and the folders above it (chmod o+rx), or install lipsyncd into /opt/lipsyncd.",
            )


def _start(steps: Steps) -> None:
    """Have systemd take the unit up, now and at every start of the machine."""
    steps.call("systemctl", "enable", "--quiet", UNIT)
    if not _RUNNING.exists():
        steps.note("systemd does not run here: the service starts with the machine")
        return
    steps.call("systemctl", "daemon-reload")
    try:
        steps.call("systemctl", "restart", UNIT)
    except CommandError as error:
        raise CommandError("the service does not start", "`journalctl -u lipsyncd -n 20` says why.") from error


def _same(path: Path, source: Path) -> bool:
    return path.is_file() and filecmp.cmp(path, source / path.name, shallow=False)
