"""WHY.txt: what went wrong, with which file, and what to do about it, in words for people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from daemon.job import Job, State, TakeState
from daemon.name import shown

FILE_NAME = "WHY.txt"
_WRONG = "  What was wrong: "
_LONGEST = 1024 * 1024


def why(job: Job) -> str:
    """Give the text of WHY.txt for a job that failed, wholly or in part."""
    parts = [_whole(job)] if job.error else []
    parts += [
        _paragraph(shown(take.face), take.error, take.hint) for take in job.takes if take.state is TakeState.FAILED
    ]
    parts += [_paragraph(note.publisher, note.error, note.hint) for note in job.notes]
    if job.state is State.FAILED and (job.receipts or job.sent):
        parts.append("\n".join(_permanent(job)) + "\n")
    return "\n".join([*parts, _advice(job)])


def written_by_us(path: Path) -> bool:
    """Say whether a file of that name is one of ours, left from before, and not somebody's own."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _LONGEST:
        return False
    return f"\n{_WRONG}" in path.read_text(encoding="utf-8", errors="replace")


def _whole(job: Job) -> str:
    return _paragraph(shown(job.name), job.error, job.hint)


def _paragraph(title: str, error: str, hint: str) -> str:
    lines = [title, f"{_WRONG}{_sentence(shown(error).removeprefix(f'{title}: '))}"]
    if hint:
        lines.append(f"  What to do: {_sentence(shown(hint))}")
    return "\n".join(lines) + "\n"


def _permanent(job: Job) -> Iterator[str]:
    """Yield what cannot be taken back any more."""
    yield "Published already, and it stays there; nothing of it is sent or paid again:"
    for receipt in (*job.receipts, *(one.receipt for one in job.gathered)):
        yield f"  {shown(receipt.name) or 'all files'}: {shown(receipt.address)} ({receipt.publisher})"
    for receipt in job.sent:
        yield f"  {shown(receipt.name) or 'all files'}: {shown(receipt.address)} ({receipt.publisher}, {receipt.state})"


def _advice(job: Job) -> str:
    made = [f"{take.name}.mp4" for take in job.takes if take.state is TakeState.RENDERED]
    kept = f" What is made already ({', '.join(made)}) is kept and not made again." if made else ""
    if job.state is State.DONE or job.state is State.PUBLISHED:
        if not job.in_state(TakeState.FAILED):
            return f"The videos are made, and published. To have only this tried again, run: lipsyncd retry {job.id}\n"
        said = "The other files are made. To have the rest made too, drop better files and the audio as a new folder.\n"
        if any(take.speech for take in job.in_state(TakeState.FAILED)):
            said += f"Or put them into inputs/ under the same names and run: lipsyncd retry {job.id}\n"
        return said
    mend = "Mend it, then move" if job.hint or job.in_state(TakeState.FAILED) else "To have it made after all, move"
    return f"{mend} this folder back to inbox/.{kept}\n"


def _sentence(text: str) -> str:
    text = text.strip()
    text = text[:1].upper() + text[1:] if text[:1].islower() and " " in text and "." not in text.split()[0] else text
    return text if text.endswith((".", "!", "?")) else f"{text}."
