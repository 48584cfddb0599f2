"""``lipsyncd demo``: the bundled sample through the real daemon, in a fresh folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from argparse import Namespace
from importlib.resources import as_file, files
from pathlib import Path

from daemon.commands.arguments import Commands, add_command, overrides
from daemon.commands.console import Console
from daemon.commands.errors import CommandError, UsageError
from daemon.config import load_settings

MARK = "# lipsyncd demo: this folder may be deleted"
"""First line of the demo's config.toml: by it a folder is known as ours."""
STATE = "state"
SAMPLE = {"hello.flac": "speech.flac", "astronaut.jpg": "photo.jpg", "astronaut.mp4": "clip.mp4"}
"""Files of the sample, and what they are called in the inbox."""


def add(commands: Commands) -> None:
    """Describe the command."""
    parser = add_command(commands, "demo", "render the bundled sample and say where it is")
    parser.add_argument("--dir", type=Path, default=Path("demo"), metavar="DIR", help="its root folder (default: demo)")
    parser.add_argument("--engine", metavar="NAME", help="who draws (default: render.engine)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), help="where (default: render.device)")
    parser.set_defaults(run=run)


def run(args: Namespace, console: Console) -> int:
    """Drop the sample into a fresh folder, run the daemon on it, and say where everything is."""
    render = load_settings(args.config, overrides(args)).render
    root = _root(args.dir)
    name = _drop(root)
    console.note(f"The daemon works on {root / 'inbox' / name}:")
    _write_config(root)
    code = _watch_once(root, render.engine, render.device)
    return _tell(root, name, code, console)


def _root(folder: Path) -> Path:
    """Make the demo's root, or take that of an earlier demo; a folder of somebody else is left alone."""
    root = folder.absolute()
    config = root / "config.toml"
    ours = config.is_file() and config.read_text(encoding="utf-8").startswith(MARK)
    if root.exists() and not ours and (not root.is_dir() or any(root.iterdir())):
        raise UsageError(f"{root} is there already and not from a demo", "Choose a new folder with --dir.")
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"{root} cannot be made ({error.strerror})", "Choose another with --dir.") from error
    return root


def _drop(root: Path) -> str:
    """Put the sample into the inbox under a name that no earlier demo has used, and give that name."""
    number = 1
    while list(root.glob(f"*/{(name := f'hello-{number}' if number > 1 else 'hello')}")):
        number += 1
    inbox = root / "inbox" / name
    inbox.mkdir(parents=True)
    for sample, dropped in SAMPLE.items():
        with as_file(files("daemon.sample") / sample) as path:
            shutil.copyfile(path, inbox / dropped)
    return name


def _write_config(root: Path) -> None:
    """Write a configuration with which every other command finds this root again."""
    table = (
        f"[paths]\nroot = {json.dumps(str(root))}\nstate = {json.dumps(str(root / STATE))}\n\n[inbox]\nsettle = 1.0\n"
    )
    (root / "config.toml").write_text(f"{MARK}\n{table}", encoding="utf-8")


def _watch_once(root: Path, engine: str, device: str) -> int:
    """Run the real daemon in a process of its own until the inbox is empty; its log goes where ours goes."""
    paths = ("--config", root / "config.toml", "--root", root, "--state", root / STATE)
    command = [sys.executable, "-m", "daemon", "watch", "--once", *map(str, paths)]
    environment = os.environ | {"LIPSYNCD_RENDER__ENGINE": engine, "LIPSYNCD_RENDER__DEVICE": device}
    return subprocess.run(command, stdout=subprocess.DEVNULL, env=environment, check=False).returncode  # noqa: S603


def _tell(root: Path, name: str, code: int, console: Console) -> int:
    done = root / "done" / name
    manifest, post = done / "manifest.json", done / "post.md"
    if code or not manifest.is_file():
        why = next(iter(root.glob(f"*/{name}/WHY.txt")), None)
        raise CommandError("the demo failed", f"The reason is in {why}." if why else "The log above says why.")
    videos = sorted(str(path) for path in done.glob("*.mp4"))
    document = {"folder": str(done), "videos": videos, "manifest": str(manifest), "post": str(post)}
    lines = [*(f"Video     {video}" for video in videos), f"Manifest  {manifest}", f"Post      {post}"]
    console.facts(document, lines)
    return 0
