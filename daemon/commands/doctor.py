"""``lipsyncd doctor``: what works here and what does not, each with what to do."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import asdict

from daemon import audience, brought, doctor, hardware
from daemon.commands.arguments import Commands, add_command, settings_of
from daemon.commands.console import Console
from daemon.config import Settings
from daemon.doctor import Check
from daemon.page import checkup
from daemon.program import program
from daemon.walls import walls


def add(commands: Commands) -> None:
    """Describe the command."""
    parser = add_command(commands, "doctor", "say what works here and what does not; 3 where something is missing")
    parser.set_defaults(run=run)


def run(args: Namespace, console: Console) -> int:
    """Look at everything, print each finding, and say by the exit code whether anything needed is missing."""
    found = list(checks(settings_of(args)))
    failed = any(check.state == "fail" for check in found)
    console.facts({"ok": not failed, "checks": [asdict(check) for check in found]}, _lines(found))
    return 3 if failed else 0


def checks(settings: Settings) -> Iterator[Check]:
    """Yield all findings: first what is quick."""
    yield from doctor.libraries()
    yield from doctor.weights()
    yield from brought.checks(settings)
    yield from doctor.root(settings)
    yield from doctor.pause(settings)
    yield from doctor.state(settings)
    yield from doctor.service()
    yield from doctor.label(settings)
    yield from doctor.credentials(settings)
    yield from doctor.publishing(settings)
    yield from walls(settings)
    yield from program(settings)
    yield from checkup.checks(settings)
    yield from audience.checks(settings)
    yield from hardware.hardware(settings)


def _lines(found: list[Check]) -> Iterator[str]:
    width = max(len(check.name) for check in found)
    for check in found:
        yield f"{check.state:4}  {check.name.ljust(width)}  {check.found}"
        if check.advice:
            yield f"      {' ' * width}  {check.advice}"
