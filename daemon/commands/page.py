"""``lipsyncd page``: the page without the daemon, and its password."""

from __future__ import annotations

import getpass
import sys
from argparse import Namespace

from daemon.commands.arguments import Commands, Parser, add_command, add_common, settings_of
from daemon.commands.console import Console
from daemon.commands.errors import CommandError, UsageError
from daemon.config import Settings
from daemon.log import open_log
from daemon.page import password

DEFAULT = "127.0.0.1:7860"


def add(commands: Commands) -> None:
    """Describe the commands."""
    parser = add_command(commands, "page", "the page for the browser: set its password, or show it without the daemon")
    acts = parser.add_subparsers(title="acts", required=True, parser_class=Parser)
    passwd = acts.add_parser("passwd", help="set the password; all who are logged in must log in again")
    passwd.add_argument("--stdin", action="store_true", help="read it from standard input, one line")
    passwd.add_argument("--print", action="store_true", help="print its hash, for a systemd credential; write nothing")
    serve = acts.add_parser("serve", help="show the page until stopped; a daemon shows it by itself (page.listen)")
    for one, act in ((passwd, run_passwd), (serve, run_serve)):
        add_common(one)
        one.set_defaults(run=act)


def run_passwd(args: Namespace, console: Console) -> int:
    """Set the password.

    Raises:
        CommandError: None was given, or it was not repeated.
    """
    settings = settings_of(args)
    where = password.kept(settings)
    if where.given and not args.print:
        raise CommandError(
            "the password comes from a systemd credential",
            "Write what `lipsyncd page passwd --print` says into its file.",
        )
    stored = password.hashed(_asked(args.stdin))
    if args.print:
        console.facts({"hash": stored}, [stored])
        return 0
    password.write(where.path, stored)
    said = [f"The password is set ({where.path}). Whoever was logged in must log in again."]
    console.facts({"file": str(where.path)}, said)
    return 0


def run_serve(args: Namespace, console: Console) -> int:
    """Show the page until stopped."""
    settings = settings_of(args)
    if not settings.page.listen:
        settings = _shown(settings)
    from daemon.page import server  # not above: the other commands need no server

    server.run(settings, open_log(sys.stderr))
    return 0


def _shown(settings: Settings) -> Settings:
    page = settings.page.model_copy(update={"listen": DEFAULT})
    return settings.model_copy(update={"page": page})


def _asked(piped: bool) -> str:
    """Ask for the password, twice on a terminal."""
    if piped:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask for the password", "Add --stdin and send it as one line.")
    try:
        first = getpass.getpass("New password of the page: ")
        again = getpass.getpass("Once more: ")
    except EOFError:
        raise CommandError("no password was given") from None
    if first != again:
        raise CommandError("the two are not the same", "Nothing is changed; try again.")
    return first
