"""Content credentials put into a file and read out of it. The only owner of `c2pa`; nothing here uses the network.

Runs in the signing process only: what the native library does to a hostile file is done to nobody else.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import c2pa

from publishers.certificate import PURPOSES, Identity
from publishers.cid import media_type
from publishers.claim import Claim, definition
from publishers.disk import flush_folder
from publishers.errors import SigningError
from publishers.provenance import Provenance, Standing
from publishers.text import plain

_SETTINGS: dict[str, dict[str, object]] = {
    "core": {"allowed_network_hosts": [], "allow_redirects": False, "backing_store_memory_threshold_in_mb": 32},
    "verify": {
        "verify_after_sign": False,  # read back below, as a stranger would
        "verify_trust": True,
        "ocsp_fetch": False,
        "remote_manifest_fetch": False,
    },
    "builder": {
        "thumbnail": {"enabled": False},
        "bmff_hash_exclude_free_and_skip_boxes": False,
        "actions": {
            "auto_created_action": {"enabled": False},
            "auto_opened_action": {"enabled": False},
            "auto_placed_action": {"enabled": False},
        },
    },
}
_IN_PIECES = {"core": {**_SETTINGS["core"], "merkle_tree_chunk_size_in_kb": 4096}}
_LARGE = 32 << 20
"""Bytes from which on a video is hashed in pieces: a hash of the whole takes up to 545 MB of memory, pieces 33 MB."""
_CHANGED = ("mismatch", "missing", "multipleManifests", "inaccessible")
"""How the codes of failures end that mean: the file is not what was signed."""
_MEANINGS = {
    "assertion.bmffHash.mismatch": "its picture or sound is not what was signed",
    "assertion.dataHash.mismatch": "its content is not what was signed",
    "assertion.hashedURI.mismatch": "what is said of it is not what was signed",
    "claimSignature.mismatch": "the signature is not of what is said of it",
    "signingCredential.expired": "the signer's certificate is not valid today",
    "signingCredential.invalid": "the signer's certificate is not one for signing content",
}
_UNTRUSTED = "signingCredential.untrusted"
_LONGEST = 300


def put(source: Path, target: Path, claim: Claim, identity: Identity) -> Provenance:
    """Write a signed copy of a file: whole, on the disk and read back, or not at all.

    Args:
        source: An mp4 or a jpg.
        target: Where the copy comes; replaced if it is there. The media type is that of its name.
        claim: What is said of it.
        identity: Who says it.

    Raises:
        SigningError: The library refuses the file, or the copy is not valid.
        OSError: It cannot be read or written.
    """
    beside = target.with_name(f".{target.name}.part")
    kind = media_type(target.name)
    found = Provenance(source.name, Standing.NONE)
    try:
        for settings in _ways(source, kind):
            _write(source, beside, definition(claim, kind), identity, settings)
            found = look(beside, kind)
            if found.state in (Standing.VALID, Standing.TRUSTED):
                break
        else:
            raise SigningError(f"{source.name} was signed, and the signature does not hold ({found.reason})")
        beside.replace(target)
        flush_folder(target.parent)
    except c2pa.C2paError as error:
        raise SigningError(f"{source.name} cannot be signed ({_said(error)})") from None
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
    return replace(found, file=target.name)


def _ways(source: Path, kind: str) -> list[Mapping[str, object]]:
    """Return the settings to sign with, the best first: an odd video that does not hold in pieces is hashed whole."""
    large = kind == "video/mp4" and source.stat().st_size > _LARGE
    return [{**_SETTINGS, **_IN_PIECES}, _SETTINGS] if large else [_SETTINGS]


def _write(
    source: Path, target: Path, said: Mapping[str, object], identity: Identity, settings: Mapping[str, object]
) -> None:
    signer = c2pa.C2paSignerInfo(
        alg=identity.algorithm.encode(),
        sign_cert=identity.chain.encode(),
        private_key=identity.key.reveal().encode(),
        ta_url=None,
    )
    builder = c2pa.Builder(dict(said), c2pa.Context.from_dict(dict(settings)))
    with source.open("rb") as bare, _Paper(target, "w+") as paper, io.BufferedRandom(paper) as signed:
        try:
            builder.sign(c2pa.Signer.from_info(signer), str(said["format"]), bare, signed)
        except c2pa.C2paError as error:
            raise paper.fault or _of_the_disk(error) or error from None
        signed.flush()
        os.fsync(signed.fileno())


class _Paper(io.FileIO):
    """What is written to. The library says of its faults that something was wrong, and not what.

    Attributes:
        fault: What the disk said, or None.
    """

    fault: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            self.fault = error
            raise


def _of_the_disk(error: c2pa.C2paError) -> OSError | None:
    """Give what the disk said about a copy of the library's own, where that is what went wrong."""
    number = re.search(r"os error (\d+)", str(error))
    return OSError(int(number[1]), os.strerror(int(number[1]))) if number else None


def look(path: Path, kind: str, anchors: str = "", expected: Sequence[str] = ()) -> Provenance:
    """Read and check the content credentials of a file.

    Args:
        path: The file.
        kind: Its media type.
        anchors: Certificates that are trusted to vouch for signers, PEM.
        expected: sha256 (hex) of certificates; ``Provenance.expected`` says whether one of them signed.

    Raises:
        OSError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            found = _read(file, kind, {"trust_anchors": anchors} if anchors else {})
        if found is None:
            return Provenance(path.name, Standing.NONE)
        if expected and found.state in (Standing.VALID, Standing.TRUSTED):
            allowed = "\n".join(base64.b64encode(bytes.fromhex(one)).decode() for one in expected)
            with path.open("rb") as file:
                known = _read(file, kind, {"allowed_list": allowed})
            found = replace(found, expected=known is not None and known.state is Standing.TRUSTED)
    except c2pa.C2paError as error:
        return Provenance(path.name, Standing.INVALID, reason=_said(error))
    return replace(found, file=path.name)


def _read(file: Any, kind: str, trust: Mapping[str, str]) -> Provenance | None:
    purposes = {"trust_config": "\n".join(PURPOSES)}
    anchors = [{"trust_kind": "manifest", "trust_anchors": "", **purposes, **trust}]
    settings = {**_SETTINGS, "trust": {**purposes, "anchors": anchors}}
    reader = c2pa.Reader.try_create(kind, file, context=c2pa.Context.from_dict(settings))
    if reader is None:
        return None
    with reader:
        return _provenance(json.loads(reader.json()))


def _provenance(document: Mapping[str, Any]) -> Provenance:
    manifest = document["manifests"][document["active_manifest"]]
    failures = [
        failure
        for failure in document.get("validation_results", {}).get("activeManifest", {}).get("failure", [])
        if failure["code"] != _UNTRUSTED
    ]
    state = {"Valid": Standing.VALID, "Trusted": Standing.TRUSTED}.get(
        document.get("validation_state", ""), Standing.INVALID
    )
    changed = [failure for failure in failures if failure["code"].endswith(_CHANGED)]
    if state is Standing.INVALID and changed:
        state = Standing.TAMPERED
    said: Mapping[str, Any] = next(iter(changed or failures), {})
    signature = manifest.get("signature_info", {})
    actions = [
        action
        for assertion in manifest.get("assertions", [])
        if assertion["label"].startswith("c2pa.actions")
        for action in assertion["data"].get("actions", [])
    ]
    sources = [str(action.get("digitalSourceType", "")) for action in actions]
    tool: Mapping[str, Any] = next(iter(manifest.get("claim_generator_info", [])), {})
    return Provenance(
        file="",
        state=state,
        issuer=_line(signature.get("issuer") or signature.get("common_name")),
        serial=_line(signature.get("cert_serial_number")),
        actions=tuple(_line(action.get("action")) for action in actions),
        source=_line(next((source.rpartition("/")[2] for source in sources if source), "")),
        tool=_line(f"{tool.get('name', '')} {tool.get('version', '')}"),
        title=_line(manifest.get("title")),
        reason=_reason(str(said.get("code", "")), str(said.get("explanation", ""))) if said else "",
    )


def _reason(code: str, explanation: str) -> str:
    """Return what a code of the specification (section "Validation states") means, for people."""
    return f"{_MEANINGS[code]} ({code})" if code in _MEANINGS else _line(f"{explanation} ({code})")


def _said(error: c2pa.C2paError) -> str:
    return _line(str(error)) or "it gives no reason"


def _line(text: object) -> str:
    """Return what a stranger's file says, or a library, as one short line."""
    return plain(str(text or ""))[:_LONGEST]
