"""The signing process: one request on standard input, one answer on standard output, and it is gone.

::

    {"task": "sign", "orders": [{"source", "target", "claim": {…}}], "signer": {"state", "certificate", "key"}}
        → {"signed": [{"state", "issuer", "trusted", "source", "certificate"}]}
    {"task": "look", "files": […], "anchors": PEM, "expected": [sha256]}    → {"found": [{"file", "state", …}]}
    {"task": "examine", "signer": {…}}                                      → {"found": "…"}
    any                                                → {"fault": {"kind": "setup"|"file"|"disk", "message", "hint"}}

An error that is none of these ends this process: that is the sign that it crashed. It dies with its parent.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from publishers import certificate, seal, selfmade
from publishers.certificate import Identity
from publishers.cid import media_type
from publishers.claim import Claim
from publishers.entry import Credentials
from publishers.errors import PublisherError, SigningError

_PR_SET_PDEATHSIG = 1
_MEMORY = 4 << 30
"""Bytes of address space: far more than is needed, and an end for a file made to take all there is."""


def sign(request: Mapping[str, Any]) -> dict[str, object]:
    """Sign files, one after the other.

    Raises:
        PublisherError: Nobody can sign.
        SigningError: A file cannot be signed.
        OSError: A file cannot be read or written.
    """
    identity = _identity(request["signer"])
    signed = []
    for order in request["orders"]:
        source, target = Path(order["source"]), Path(order["target"])
        os.environ["TMPDIR"] = str(target.parent)  # the library's own copies of a large video; /tmp may be memory
        found = seal.put(source, target, Claim(**order["claim"]), identity)
        signed.append(asdict(Credentials(found.state, identity.issuer, False, found.source, identity.fingerprint)))
    return {"signed": signed}


def look(request: Mapping[str, Any]) -> dict[str, object]:
    """Look at files.

    Raises:
        OSError: A file cannot be read.
    """
    paths = [Path(file) for file in request["files"]]
    anchors, expected = request["anchors"], request["expected"]
    return {"found": [asdict(seal.look(path, media_type(path.name), anchors, expected)) for path in paths]}


def examine(request: Mapping[str, Any]) -> dict[str, object]:
    """Say who signs.

    Raises:
        PublisherError: Nobody can.
    """
    given = request["signer"]
    if not given["certificate"] and not given["key"] and not (Path(given["state"]) / selfmade.FOLDER).exists():
        return {"found": "a certificate is made with the first video; strangers do not know its signer"}
    identity = _identity(given)
    known = "strangers do not know this signer; " if identity.self_made else ""
    return {"found": f"{identity.issuer}; {known}valid until {identity.ends:%Y-%m-%d}; sha256 {identity.fingerprint}"}


def _identity(given: Mapping[str, str]) -> Identity:
    if given["certificate"]:
        return certificate.brought(given["certificate"], given["key"])
    if given["key"]:
        raise PublisherError("there is a key and no certificate for it", "Set credentials.certificate, or neither.")
    return selfmade.own(Path(given["state"]))


def answered(request: Mapping[str, Any]) -> dict[str, object]:
    """Do what is asked, and give the answer or the fault."""
    tasks = {"sign": sign, "look": look, "examine": examine}
    try:
        return tasks[request["task"]](request)
    except PublisherError as error:
        return _fault("setup", error.message, error.hint)
    except SigningError as error:
        return _fault("file", error.message, error.hint)
    except OSError as error:
        name = Path(str(error.filename or "a file")).name
        return _fault("disk", f"{name} cannot be read or written ({error.strerror or error})", "Check disk and rights.")


def main() -> int:
    """Answer one request. The one argument is the process id of the parent."""
    _die_with(int(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the key must not lie about in a dump
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = _MEMORY if hard == resource.RLIM_INFINITY else min(_MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    channel = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # whatever a library prints is no answer
    channel.write(json.dumps(answered(json.load(sys.stdin))))
    channel.close()
    return 0


def _fault(kind: str, message: str, hint: str) -> dict[str, object]:
    return {"fault": {"kind": kind, "message": message, "hint": hint}}


def _die_with(parent: int) -> None:
    """Have the kernel end this process with its parent: two must never write one file. Signals are for the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
