"""The path manifest: one address for many files, ``ar://ID/alice.mp4``.

Follows the schema ``arweave/paths`` (ar-io/specs, PATH-MANIFEST-SCHEMA) in its version 0.1.0, which every gateway
knows. 0.2.0 adds a file to show in place of one that is not there, and nobody is helped by another file than the one
that was asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import quote

MEDIA_TYPE = "application/x.arweave-manifest+json"


def path_manifest(files: Mapping[str, str], index: str = "") -> bytes:
    """Return the manifest of files, the same bytes for the same files in whatever order.

    A name that a browser must escape is listed twice, as it is and escaped: some gateways look up what the browser
    sent, some what it meant.

    Args:
        files: Id of the transaction by name in the result.
        index: Name of the file that the bare address shows, or "" for the first.

    Raises:
        ValueError: There are no files, or the index is not among them.
    """
    first = index or min(files, default="")
    if first not in files:
        raise ValueError(f"there is no file {first!r} in the path manifest")
    escaped = {quote(name, safe="/"): identity for name, identity in files.items()}
    document = {
        "manifest": "arweave/paths",
        "version": "0.1.0",
        "index": {"path": first},
        "paths": {name: {"id": identity} for name, identity in sorted({**escaped, **files}.items())},
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
