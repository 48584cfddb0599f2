"""Hallmark: by what a job.json of our own is told from one that somebody forged.

A failed folder goes back to the inbox with what was made of it, and anyone may put a folder there. What is taken over
from it would be signed and published as ours: so what we leave in it carries a code that only we can make, over all
that job.json says and over what is in the videos and posters beside it.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daemon.durable import flush_folder
from daemon.errors import JournalError
from daemon.job import Job
from daemon.journal import document, job_of, raw
from daemon.name import shown
from daemon.plain import read_plain
from daemon.room import PASSING

_FILE_NAME = "hallmark.key"
_BYTES = 32
_CODE, _FILES = "hallmark", "files"
"""Keys that our documents have besides the job's own."""
_AWHILE = PASSING - {errno.ENOENT, errno.ENOTDIR}
"""What keeps a paper from being read now, and not for ever."""
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
"""What file systems answer on which a file has one name only (FAT, some shares)."""


class Hallmark:
    """Strikes our mark, and knows it again; the key is made when it is needed first."""

    def __init__(self, state: Path | None) -> None:
        """Prepare; nothing is read or made yet.

        Args:
            state: The service's own files; None knows nothing as ours.
        """
        self._state = state

    def strike(self, job: Job, files: Mapping[str, str]) -> str:
        """Give the text of a job.json that can be known again; where there can be no key, of one that cannot.

        Args:
            job: What it says.
            files: The sha256 of the videos and posters that lie beside it, by name.

        Raises:
            OSError: The key cannot be had now, and what would not be known again is published, and perhaps paid.
        """
        said = document(job) | {_FILES: dict(files)}
        try:
            key = self._key(make=True)
        except OSError:
            if job.receipts or job.sent:
                raise
            key = b""
        if key:
            said[_CODE] = _code(key, said)
        return json.dumps(said, indent=1, ensure_ascii=False) + "\n"

    def known(self, path: Path) -> tuple[Job, dict[str, str]]:
        """Read a job.json that we have struck, and what was in the files beside it, by name.

        Raises:
            JournalError: It is missing, torn, not of our schema, or not ours.
            OSError: Nobody can say that now: a disk refuses.
        """
        try:
            said = raw(path)
        except JournalError as error:
            if isinstance(reason := error.__cause__, OSError) and reason.errno in _AWHILE:
                raise reason from error
            raise
        job = job_of(said, path)
        code, files = str(said.pop(_CODE, "")), said.get(_FILES)
        key = self._key(make=False)
        try:
            known = bool(key) and hmac.compare_digest(code.encode(errors="replace"), _code(key, said).encode())
        except RecursionError:  # ours is not so deep
            known = False
        if not known or not isinstance(files, dict):
            raise JournalError(f"the job.json of {shown(path.parent.name)} was not written here")
        return job, files

    def _key(self, *, make: bool) -> bytes:
        """Give the key; b"" where there is none.

        Raises:
            OSError: It cannot be read, or made.
        """
        if self._state is None:
            return b""
        path = self._state / _FILE_NAME
        return _read(path) or (_made(path) if make else b"")


def _read(path: Path) -> bytes:
    """Give a key that is there; b"" where none is, or no whole one."""
    try:
        text = read_plain(path, 1000).decode("ascii", "replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return b""
    return bytes.fromhex(text) if re.fullmatch(rf"[0-9a-f]{{{2 * _BYTES}}}", text) else b""


def _made(path: Path) -> bytes:
    """Make the key. Of two daemons that do so at once, the first one's holds."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"{secrets.token_hex(_BYTES)}\n")
            file.flush()
            os.fsync(file.fileno())
        if path.exists() and not _read(path):
            path.unlink()  # damaged: what was struck with it is nobody's any more
        _placed(beside, path)
    except FileExistsError:
        return _read(path)
    finally:
        beside.unlink(missing_ok=True)
    flush_folder(path.parent)
    return _read(path)


def _placed(beside: Path, path: Path) -> None:
    """Give a file its name, unless there is one of that name."""
    try:
        os.link(beside, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from error
        beside.replace(path)


def _code(key: bytes, said: Mapping[str, Any]) -> str:
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
