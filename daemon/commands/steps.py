"""Steps: what a command changes on this machine, each told before it is done, or told only."""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import subprocess
from pathlib import Path

from daemon.commands.console import Console
from daemon.commands.errors import CommandError


class Steps:
    """Changes the machine step by step, as root; with ``dry`` it only says so."""

    def __init__(self, console: Console, *, dry: bool) -> None:
        self._console = console
        self._dry = dry
        self._done: list[str] = []

    def note(self, text: str) -> None:
        """Tell one step."""
        self._done.append(text)
        self._console.note(f"would: {text}" if self._dry else text)

    def call(self, *words: str) -> None:
        """Run a program of the system.

        Raises:
            CommandError: It is not there, or it fails.
        """
        self.note(shlex.join(words))
        if self._dry:
            return
        try:
            ran = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - fixed programs
        except FileNotFoundError as error:
            raise CommandError(f"there is no {words[0]} on this machine", "This needs Debian 12 or newer.") from error
        if ran.returncode:
            raise CommandError(f"{shlex.join(words)}: {ran.stderr.strip() or ran.returncode}")

    def write(self, path: Path, text: str) -> None:
        """Write a file that all may read; nothing where it says that already.

        Raises:
            OSError: It cannot be written.
        """
        if path.exists() and path.read_text(encoding="utf-8", errors="replace") == text:
            return
        self.note(f"{'rewrite' if path.exists() else 'write'} {path}")
        if self._dry:
            return
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.new")
        beside.write_text(text, encoding="utf-8")
        beside.chmod(0o644)
        beside.replace(path)

    def folder(self, path: Path, mode: int, user: str) -> None:
        """Make a folder that belongs to a user.

        Raises:
            OSError: It cannot be made.
        """
        self.note(f"make {path} for {user}")
        if not self._dry:
            path.mkdir(parents=True)
            shutil.chown(path, user, pwd.getpwnam(user).pw_gid)
            path.chmod(mode)

    def remove(self, path: Path) -> None:
        """Remove a file, if it is there.

        Raises:
            OSError: It cannot be removed.
        """
        if path.exists():
            self.note(f"remove {path}")
            if not self._dry:
                path.unlink()

    def remove_folder(self, path: Path) -> None:
        """Remove an empty folder.

        Raises:
            OSError: It cannot be removed.
        """
        self.note(f"remove {path}")
        if not self._dry:
            path.rmdir()

    def may(self, right: str, path: Path, user: str) -> bool:
        """Say whether a user has a right ("-w") to a path; only root can find out about others."""
        if os.geteuid() != 0:
            return True
        words = ["runuser", "-u", user, "--", "test", right, str(path)]
        return subprocess.run(words, capture_output=True, check=False).returncode == 0  # noqa: S603

    def close(self, last: str) -> None:
        """Say that all is done, and what comes next."""
        self._console.facts({"steps": self._done, "dry_run": self._dry, "next": last}, [last])
