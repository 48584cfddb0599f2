"""``lipsyncd render``: one video per face, here and now, without the daemon."""

from __future__ import annotations

import logging
import signal
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.commands.arguments import Commands, add_command, settings_of
from daemon.commands.console import Console
from daemon.commands.errors import CommandError, LackError, UsageError
from daemon.commands.paper import Paper
from daemon.commands.progress import Progression
from daemon.commands.signature import signed
from daemon.commands.target import Target, targets
from daemon.config import Settings
from daemon.name import shown, valid
from lipsync import AUDIO_SUFFIXES, PHOTO_SUFFIXES, LipsyncError, Options, Render, Take, load
from publishers import Credentials, Manifest, write_manifest, write_post

if TYPE_CHECKING:  # asking for it at run time would load the media libraries for every command
    from lipsync import Studio

TERMINATED = 143


def add(commands: Commands) -> None:
    """Describe the command."""
    parser = add_command(commands, "render", "make one video per face, without the daemon")
    parser.add_argument("audio", type=Path, metavar="AUDIO", help="the speech")
    parser.add_argument("faces", type=Path, nargs="+", metavar="FACE", help="photos and videos")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="DIR", help="where the results go")
    parser.add_argument("--engine", metavar="NAME", help="who draws (default: render.engine)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), help="where (default: render.device)")
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument(
        "--pick", default="largest", metavar="WHICH", help="which face: largest, left, right or a number from the left"
    )
    chosen.add_argument("--who", type=Path, metavar="PHOTO", help="a photo of the person who shall speak")
    parser.set_defaults(run=run)


def run(args: Namespace, console: Console) -> int:
    """Render every face and write the papers; a face that fails does not stop the others."""
    settings = settings_of(args)
    pick = _pick(args.pick)
    _check_speech(args.audio, args.faces)
    _check_who(args.who)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    studio = _studio(replace(settings.options(), preview=False))
    out = _folder(args.out)
    paper = Paper(args.audio, settings.publish.ipfs.profile)
    made: list[tuple[Target, Take, Render]] = []
    with _tidy_end():
        with Progression(len(args.faces)) as progression:
            for target in targets(args.faces, out, (args.audio, *([args.who] if args.who else []))):
                take = Take(target.face, args.audio, pick, args.who)
                if render := _take(studio, take, target, paper, progression):
                    made.append((target, take, render))
        fault = _enter(made, studio, paper, settings)
    manifest = paper.manifest()
    if manifest and settings.publish.manifest:
        write_manifest(manifest, out)
        write_post(manifest, out)
    _tell(paper, manifest, out, console)
    if fault is not None:
        raise fault
    return 1 if paper.failures else 0


def _take(studio: Studio, take: Take, target: Target, paper: Paper, progression: Progression) -> Render | None:
    if not valid(take.face.name):
        paper.miss(take.face, "the file's name is not text in UTF-8", "Rename the file.")
        return None
    with progression.take(take.face.name) as report:
        try:
            render = studio.render(take, target.video, target.poster, report)
        except LipsyncError as error:
            paper.miss(take.face, error.message, error.hint)
            progression.note(_named(take.face.name, str(error)))
        else:
            for warning in render.warnings:
                progression.note(f"{take.face.name}: {warning}")
            return render
    return None


def _enter(
    made: Sequence[tuple[Target, Take, Render]], studio: Studio, paper: Paper, settings: Settings
) -> CommandError | None:
    """Sign what is made and enter it; give what went wrong where it could not be signed: it is kept as it is."""
    fault = None
    told: list[Credentials | None] = [None] * len(made)
    try:
        told = signed([target for target, _, _ in made], settings)
    except CommandError as error:
        fault = error
    for (target, take, render), credentials in zip(made, told, strict=True):
        paper.add(take, render, target.poster, studio.seconds(take.speech), credentials)
    return fault


@contextmanager
def _tidy_end() -> Iterator[None]:
    """Turn SIGTERM into an exception, so that torn files are removed on the way out."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _pick(text: str) -> str | int:
    if text in ("largest", "left", "right"):
        return text
    if text.isascii() and text.isdigit():
        return int(text)
    raise UsageError(f"--pick is {text!r}", "Say largest, left, right, or a number counting from the left, from 0.")


def _check_speech(audio: Path, faces: list[Path]) -> None:
    if not audio.is_file():
        raise UsageError(f"there is no file {audio}", "Name the speech first, then the faces.")
    suffix = audio.suffix.lower()
    if suffix in PHOTO_SUFFIXES or any(face.suffix.lower() in AUDIO_SUFFIXES for face in faces):
        raise UsageError("a speech is where a face should be, or the other way round", "Name the speech first.")


def _check_who(who: Path | None) -> None:
    if who is None:
        return
    if not who.is_file():
        raise UsageError(f"there is no file {who}", "--who is followed by a photo of the person who shall speak.")
    if who.suffix.lower() not in PHOTO_SUFFIXES or not valid(who.name):
        raise UsageError(f"--who is {shown(who.name)}", "Give a photo: jpg, png, webp or bmp.")


def _studio(options: Options) -> Studio:
    """Load the engine; what it lacks is missing here, whatever the faces are."""
    try:
        return load(options)
    except LipsyncError as error:
        raise LackError(error.message, error.hint or "`lipsyncd doctor` says what works here.") from error


def _folder(out: Path) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"{out} cannot be made ({error.strerror})", "Choose another folder with -o.") from error
    return out


def _named(face: str, error: str) -> str:
    """Say of which face an error speaks, unless it does so itself."""
    return error if face in error else f"{face}: {error}"


def _tell(paper: Paper, manifest: Manifest | None, out: Path, console: Console) -> None:
    lines = [f"{out / video.file}" for video in manifest.videos] if manifest else []
    lines += [_named(failure.face, failure.error) for failure in paper.failures]
    console.facts({"folder": str(out.absolute()), **paper.document(manifest)}, lines)
