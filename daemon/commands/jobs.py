"""``lipsyncd jobs``, ``retry``, ``approve``, ``cancel`` and ``trash``: what there is, and what shall become of it."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemon import control, trash
from daemon.commands.arguments import Commands, add_command, settings_of
from daemon.commands.console import Console, table
from daemon.conclusion import RETRY
from daemon.damage import damaged
from daemon.job import State, TakeState
from daemon.journal import OURS, Filed, Journal
from daemon.listing import LOOSE, lying
from daemon.name import shown
from daemon.order import PRIORITIES
from daemon.papers import MANIFEST
from daemon.pause import paused
from daemon.retention import Terms, old
from daemon.status import read_status

_NAMED = 10
"""Folders and files in the inbox that are named at most."""
Act = Callable[..., Filed]

ACTS: dict[str, tuple[Act, str, str]] = {
    "retry": (control.retry, "make what failed once more", "will be made once more"),
    "approve": (control.approve, "let a job that waits for approval go on", "is approved"),
    "cancel": (control.cancel, "give up a job; what is made of it is kept in failed/", "will be given up"),
}


def add(commands: Commands) -> None:
    """Describe the commands."""
    parser = add_command(commands, "jobs", "list all jobs: working, done and failed")
    parser.add_argument("--old", action="store_true", help="only those of which done.keep_days removes something")
    parser.set_defaults(run=run)
    for name, (act, summary, answer) in ACTS.items():
        parser = add_command(commands, name, summary)
        parser.add_argument("job", metavar="JOB", help="its id, or the name of its folder")
        if name != "retry":
            parser.add_argument("--note", metavar="TEXT", default="", help="why; it is kept with the job")
        parser.set_defaults(run=_runner(act, answer))
    parser = add_command(commands, "trash", "move the folder of a job that is over to trash/, from where you delete it")
    parser.add_argument("job", metavar="JOB", help="its id, the name of its folder, or done/NAME")
    parser.set_defaults(run=run_trash)
    parser = add_command(commands, "priority", "have a job rendered before others, or after them")
    parser.add_argument("job", metavar="JOB", help="its id, or the name of its folder")
    parser.add_argument("priority", metavar="WHICH", choices=PRIORITIES, help=", ".join(PRIORITIES))
    parser.set_defaults(run=run_priority)


def run(args: Namespace, console: Console) -> int:
    """List all jobs under the root."""
    settings = settings_of(args)
    root = settings.paths.root
    if not root.is_dir():
        console.note(f"The root {root} is not there yet: `lipsyncd watch` makes it.")
    filed = Journal(root).filed()
    sound = {one.home for one in filed}
    if args.old:
        terms, now = Terms(settings.done.keep_days, settings.done.keep_inputs), datetime.now(UTC)
        filed = [one for one in filed if one.place == "done" and old(one.home, terms, now)]
    lines = _lines(filed) if filed else [f"There are no {'old ' if args.old else ''}jobs in {root}."]
    lines += [] if args.old else _waiting(Journal(root).inbox)
    if halted := paused(root):
        lines.append("Paused: no video is begun until `lipsyncd resume`.")
    torn = [] if args.old else list(damaged(Journal(root), sound))
    lines += [f"{one.place}/{shown(one.home.name)} is left alone: {one.reason}." for one in torn]
    said = [{"place": one.place, "folder": str(one.home), "reason": one.reason} for one in torn]
    documents = [_document(one) for one in filed] if console.json else []
    console.facts({"root": str(root), "paused": halted, "jobs": documents, "damaged": said}, lines)
    return 0


def run_priority(args: Namespace, console: Console) -> int:
    """Ask for another priority; a running daemon sees it between two videos."""
    filed = control.prefer(settings_of(args).paths.root, args.job, args.priority)
    answer = f"{filed.home.name} ({filed.job.id}) has {args.priority} priority from the next video on."
    console.facts({"job": _document(filed), "priority": args.priority}, [answer])
    return 0


def run_trash(args: Namespace, console: Console) -> int:
    """Move a job that is over out of the way."""
    gone = trash.discard(settings_of(args).paths.root, args.job)
    lines = [f"{gone.place}/{shown(gone.folder)} is {trash.FOLDER}/{shown(gone.target.name)} now."]
    lines.append(f"Nothing empties {trash.FOLDER}/ but you; moved back to {gone.place}/, the folder is what it was.")
    console.facts({"place": gone.place, "folder": gone.folder, "id": gone.id, "moved_to": str(gone.target)}, lines)
    return 0


def _lines(filed: list[Filed]) -> list[str]:
    """Give the table; its last column is there where a job has something to say."""
    rows = [[one.job.id, one.place, _state(one), _made(one), one.home.name] for one in filed]
    head = ["ID", "IN", "STATE", "MADE", "FOLDER"]
    said = [_status(one) for one in filed]
    if any(said):
        head, rows = [*head, "STATUS"], [[*row, text] for row, text in zip(rows, said, strict=True)]
    return table([head, *rows])


def _waiting(inbox: Path) -> Iterator[str]:
    """Say what lies in the inbox; a file that is in no folder would wait for ever without a word."""
    try:
        waiting, others = lying(inbox)
    except OSError:  # not there, or not ours to look into
        return
    loose = [name for name, why in others if why == LOOSE]
    for said, names in (("not taken yet", waiting), ("left alone because in no folder", loose)):
        if names:
            more = f" and {len(names) - _NAMED} more." if len(names) > _NAMED else "."
            yield f"In the inbox, {said}: {', '.join(map(shown, names[:_NAMED]))}{more}"


def _runner(act: Act, answer: str) -> Callable[[Namespace, Console], int]:
    def run_act(args: Namespace, console: Console) -> int:
        """Ask it of the job; a running daemon sees it within a second, another at its start."""
        said = (args.note,) if getattr(args, "note", "") else ()
        filed = act(settings_of(args).paths.root, args.job, *said)
        console.facts({"job": _document(filed)}, [f"{filed.home.name} ({filed.job.id}) {answer}."])
        return 0

    return run_act


def _state(filed: Filed) -> str:
    """Give the state of a job; one that is to be made again, and that no daemon has looked at yet, is queued."""
    again = filed.place == "working" and (filed.home / OURS / RETRY).exists()
    return str(State.QUEUED if again else filed.job.state)


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
        "state": _state(filed),
        "created": job.created,
        "priority": job.priority,
        "status": read_status(filed.home) if filed.place == "working" else "",
        "error": job.error,
        "hint": job.hint,
        "remark": job.remark,
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
