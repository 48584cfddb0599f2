"""``lipsyncd jobs``, ``retry``, ``approve`` and ``cancel``: what there is, and what shall become of it."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from daemon import control
from daemon.commands.arguments import Commands, add_command, settings_of
from daemon.commands.console import Console, table
from daemon.job import TakeState
from daemon.journal import Filed, Journal
from daemon.papers import MANIFEST
from daemon.status import read_status

Act = Callable[[Path, str], Filed]

ACTS: dict[str, tuple[Act, str, str]] = {
    "retry": (control.retry, "make what failed once more", "will be made once more"),
    "approve": (control.approve, "let a job that waits for approval go on", "is approved"),
    "cancel": (control.cancel, "give up a job; what is made of it is kept in failed/", "will be given up"),
}


def add(commands: Commands) -> None:
    """Describe the commands."""
    add_command(commands, "jobs", "list all jobs: working, done and failed").set_defaults(run=run)
    for name, (act, summary, answer) in ACTS.items():
        parser = add_command(commands, name, summary)
        parser.add_argument("job", metavar="JOB", help="its id, or the name of its folder")
        parser.set_defaults(run=_runner(act, answer))


def run(args: Namespace, console: Console) -> int:
    """List all jobs under the root."""
    root = settings_of(args).paths.root
    if not root.is_dir():
        console.note(f"The root {root} is not there yet: `lipsyncd watch` makes it.")
    filed = Journal(root).filed()
    lines = _lines(filed) if filed else [f"There are no jobs in {root}."]
    console.facts({"root": str(root), "jobs": [_document(one) for one in filed]}, lines)
    return 0


def _lines(filed: list[Filed]) -> list[str]:
    """Give the table; its last column is there where a job has something to say."""
    rows = [[one.job.id, one.place, str(one.job.state), _made(one), one.home.name] for one in filed]
    head = ["ID", "IN", "STATE", "MADE", "FOLDER"]
    said = [_status(one) for one in filed]
    if any(said):
        head, rows = [*head, "STATUS"], [[*row, text] for row, text in zip(rows, said, strict=True)]
    return table([head, *rows])


def _runner(act: Act, answer: str) -> Callable[[Namespace, Console], int]:
    def run_act(args: Namespace, console: Console) -> int:
        """Ask it of the job; a running daemon sees it within a second, another at its start."""
        filed = act(settings_of(args).paths.root, args.job)
        console.facts({"job": _document(filed)}, [f"{filed.home.name} ({filed.job.id}) {answer}."])
        return 0

    return run_act


def _made(filed: Filed) -> str:
    return f"{len(filed.job.in_state(TakeState.RENDERED))}/{len(filed.job.takes)}"


def _status(filed: Filed) -> str:
    """Give what a job in hand says it is at, or where the manifest of a finished one is."""
    if filed.place == "working":
        return read_status(filed.home)
    return next((receipt.address for receipt in filed.job.receipts if receipt.name == MANIFEST), "")


def _document(filed: Filed) -> dict[str, Any]:
    job = filed.job
    return {
        "id": job.id,
        "name": job.name,
        "place": filed.place,
        "folder": str(filed.home),
        "state": str(job.state),
        "created": job.created,
        "status": read_status(filed.home) if filed.place == "working" else "",
        "error": job.error,
        "hint": job.hint,
        "manifest": [asdict(receipt) for receipt in job.receipts if receipt.name == MANIFEST],
        "receipts": [asdict(receipt) for receipt in job.receipts],
        "sent": [asdict(receipt) for receipt in job.sent],
        "directories": [asdict(one.receipt) for one in job.gathered],
        "quotes": [asdict(quote) for quote in job.quotes],
        "notes": [asdict(note) for note in job.notes],
        "takes": [
            {
                "face": take.face,
                "speech": take.speech,
                "video": f"{take.name}.mp4" if take.state is TakeState.RENDERED else "",
                "state": str(take.state),
                "attempts": take.attempts,
                "error": take.error,
                "hint": take.hint,
            }
            for take in job.takes
        ],
    }
