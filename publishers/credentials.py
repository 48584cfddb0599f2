"""Content credentials (C2PA): files are signed, and looked at, by a short-lived process of its own.

The native library and the key stay in there: a crash costs one try, and the key is never in a long-lived memory.
Nothing here loads a foreign library.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from publishers.base import Beat, Examination, quietly
from publishers.claim import Claim
from publishers.entry import Credentials
from publishers.errors import PublisherError, SigningCrash, SigningError, Unreachable
from publishers.provenance import Provenance, Standing

COMMAND = (sys.executable, "-m", "publishers.signing_process")
FAULTS = {"setup": PublisherError, "file": SigningError, "disk": Unreachable}
"""What the process reports instead of an answer, and as which error it comes out here."""

_TURN = 0.25
_LAST_WORDS = 2000
_START = 60.0
"""Seconds that the process is given besides those for the bytes; a machine under load starts slowly."""
_SPEED = 4e6
"""Bytes a second that the slowest disk reads and writes."""


@dataclass(frozen=True)
class Signer:
    """Where the certificate and the key are; the key itself is read by the signing process alone.

    Attributes:
        state: The service's directory: our own certificate is made in there, the first time one is needed.
        certificate: Path of the person's own chain (PEM, leaf first); "" for the self-made one.
        key: Path of its key (PEM, 0600); "" for the systemd credential ``c2pa-key``.
    """

    state: Path
    certificate: str = ""
    key: str = ""


@dataclass(frozen=True)
class SigningOrder:
    """One file to be signed.

    Attributes:
        source: The file as it is; it is only read.
        target: Where its signed copy comes. Its suffix tells the media type.
        claim: What is said of it.
    """

    source: Path
    target: Path
    claim: Claim


def sign(
    orders: Sequence[SigningOrder], signer: Signer, beat: Beat = quietly, *, command: Sequence[str] = COMMAND
) -> tuple[Credentials, ...]:
    """Make signed copies of files, each on the disk and read back; all in one process.

    Args:
        orders: What to sign. A copy that is there already is replaced.
        signer: Who signs.
        beat: Called several times a second; what it raises ends the process.
        command: The program of the process.

    Returns:
        What the manifest says of each, in order.

    Raises:
        PublisherError: The certificate or its key are not right: true for every file until somebody mends it.
        SigningError: A file cannot be signed; SigningCrash where that may be chance, with the last words of the
            process as a note. Copies made by then remain.
        Unreachable: The disk is full or failing.
        OSError: A source is not there.
    """
    size = sum(order.source.stat().st_size for order in orders)
    given = [{**asdict(order), "source": str(order.source), "target": str(order.target)} for order in orders]
    request = {"task": "sign", "orders": given, "signer": _where(signer)}
    answer = _ask(request, _START + size / _SPEED, beat, command)
    return tuple(Credentials(**one) for one in answer["signed"])


def credentials_of(
    files: Sequence[Path],
    anchors: str = "",
    expected: Sequence[str] = (),
    beat: Beat = quietly,
    *,
    command: Sequence[str] = COMMAND,
) -> tuple[Provenance, ...]:
    """Look at the content credentials of files; one process for all of them, and no network.

    Args:
        files: Videos and pictures.
        anchors: Certificates (PEM) that are trusted to vouch for signers. Without any, every signer is unknown.
        expected: sha256 (hex) of certificates that may have signed, such as those that a manifest names.
        beat: Called several times a second; what it raises ends the process.
        command: The program of the process.

    Returns:
        One for each file, in order.

    Raises:
        SigningCrash: The process crashed or hung over one of the files.
        Unreachable: A file cannot be read.
        OSError: A file is not there.
    """
    size = sum(file.stat().st_size for file in files)
    request = {"task": "look", "files": [str(f) for f in files], "anchors": anchors, "expected": list(expected)}
    answer = _ask(request, _START + 2 * size / _SPEED, beat, command)
    return tuple(
        Provenance(**{**one, "state": Standing(one["state"]), "actions": tuple(one["actions"])})
        for one in answer["found"]
    )


def examine_signer(signer: Signer, *, command: Sequence[str] = COMMAND) -> Examination:
    """Say for ``lipsyncd doctor`` who signs, or why nobody can; nothing is made for that."""
    name = "content credentials"
    try:
        answer = _ask({"task": "examine", "signer": _where(signer)}, _START, quietly, command)
    except (PublisherError, SigningError, Unreachable) as error:
        return Examination(name, "fail", error.message, error.hint)
    return Examination(name, "ok", str(answer["found"]))


def _where(signer: Signer) -> dict[str, str]:
    return {"state": str(signer.state), "certificate": signer.certificate, "key": signer.key}


def _ask(request: Mapping[str, object], seconds: float, beat: Beat, command: Sequence[str]) -> Mapping[str, Any]:
    """Have the process do something, and give its answer."""
    with os.fdopen(
        os.memfd_create("request"), "w+b"
    ) as asked:  # whole from the start: it may be more than a pipe holds
        asked.write(json.dumps(request).encode())
        asked.seek(0)
        process = subprocess.Popen(  # noqa: S603 - a fixed program, no shell
            (*command, str(os.getpid())),
            stdin=asked,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C on the terminal is for us alone
        )
    try:
        said, cried = _listen(process, seconds, beat)
    except BaseException:
        process.kill()
        process.communicate()
        raise
    answer = _parsed(said) if process.returncode == 0 else None
    if answer is None:
        error = SigningCrash(f"the signing process {_end(process.returncode)}")
        error.add_note(cried[-_LAST_WORDS:].decode("utf-8", "backslashreplace"))
        raise error
    if fault := answer.get("fault"):
        raise FAULTS[fault["kind"]](fault["message"], fault["hint"])
    return answer


def _listen(process: subprocess.Popen[bytes], seconds: float, beat: Beat) -> tuple[bytes, bytes]:
    """Give the answer, and what was said besides; call the beat meanwhile."""
    begin = time.monotonic()
    while True:
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=_TURN)
        passed = time.monotonic() - begin
        if passed > seconds:
            raise SigningCrash(f"the signing process was not finished after {seconds:.0f} s")
        beat(min(passed / seconds, 1.0))


def _parsed(said: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(said)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _end(code: int) -> str:
    if code == 0:
        return "talked nonsense"
    if code == -signal.SIGKILL:
        return "was killed, as happens when the machine runs out of memory"
    return f"ended unexpectedly ({f'signal {-code}' if code < 0 else f'exit code {code}'})"
