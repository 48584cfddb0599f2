"""Secrets: read from a 0600 file or a systemd credential, and never shown by accident."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from publishers.errors import PublisherError

LARGEST = 64 * 1024


@dataclass(frozen=True, repr=False)
class Secret:
    """Text that nobody may see; only ``reveal`` gives it."""

    _text: str

    def reveal(self) -> str:
        """Return the text itself, for the one call that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __str__(self) -> str:
        return "…"

    def __bool__(self) -> bool:
        return bool(self._text)


def read_secret(path: str, credential: str) -> Secret | None:
    """Return a secret, or None where there is none.

    Args:
        path: The file that the configuration names, or "".
        credential: Name of the systemd credential that is looked for where no file is named
            (``LoadCredential=`` puts it into ``$CREDENTIALS_DIRECTORY``).

    Raises:
        PublisherError: The file is missing, may be read by others than its owner, is empty, too large or no text.
    """
    if path:
        file = Path(path).expanduser()
        return Secret(_text(file, f"the file {file.name!r}", guarded=True))
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    file = Path(folder) / credential
    if not folder or not file.exists():
        return None
    return Secret(_text(file, f"the credential {credential!r}", guarded=False))


def _text(file: Path, called: str, *, guarded: bool) -> str:
    """Read the file; systemd guards its credentials itself, a file of the person's must be theirs alone."""
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            data = opened.read(LARGEST + 1)
    except OSError as error:
        raise PublisherError(f"{called} cannot be read ({error.strerror or error})", "Is its path right?") from None
    if not stat.S_ISREG(mode):
        raise PublisherError(f"{called} is not a file", "Give the path of the file itself.")
    if guarded and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise PublisherError(f"{called} may be read by others", f"Run: chmod 600 {file}")
    if len(data) > LARGEST:
        raise PublisherError(f"{called} is too large to hold a secret", "Is it the right file?")
    try:
        text = data.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise PublisherError(f"{called} is not text", "Is it the right file?") from None
    if not text:
        raise PublisherError(f"{called} is empty", "Put the secret into it.")
    return text
