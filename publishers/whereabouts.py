"""Whether a receipt leads where the hashes say: an address is checked against them as far as that goes offline.

An ``ipfs://`` address is a hash itself. An ``ar://`` address is that of a signature: only its form can be checked here.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from publishers import unixfs
from publishers.address import ARWEAVE, IPFS
from publishers.base import Receipt
from publishers.entry import Paper, Poster, Video
from publishers.folder import SCHEME as FOLDER
from publishers.manifest import Directory

_TRANSACTION = re.compile(r"[A-Za-z0-9_-]{43}")


def astray(receipt: Receipt, file: Video | Poster | Paper, directory: Directory) -> str:
    """Return what is wrong with a receipt of a file, or ""."""
    if receipt.sha256 != file.sha256:
        return f"is for other bytes ({receipt.sha256})"
    if receipt.name != file.file:
        return f"is for {receipt.name!r}"
    cid, name = _split(receipt.address)
    if receipt.address.startswith(IPFS):
        whole = not isinstance(file, Paper) and cid == directory.cid and name == file.file
        if not whole and (cid, name) != (file.cid, ""):
            return f"leads to {receipt.address}, which is not the file's CID"
    if receipt.address.startswith(ARWEAVE) and (not _TRANSACTION.fullmatch(cid) or name not in ("", file.file)):
        return f"leads to {receipt.address}, which is no address of that file"
    if receipt.address.startswith(FOLDER):
        path = unquote(receipt.address.removeprefix(FOLDER))
        if path not in (file.file, f"{file.cid}/{file.file}"):
            return f"leads to {receipt.address}, which is another file"
    return _link_astray(receipt, cid)


def directory_astray(receipt: Receipt, directory: Directory) -> str:
    """Return what is wrong with a receipt of all files together, or ""."""
    if receipt.name:
        return f"is for {receipt.name!r}"
    cid, name = _split(receipt.address)
    if receipt.address.startswith(IPFS):
        if (cid, name) != (directory.cid, ""):
            return f"leads to {receipt.address}, which is not the directory's CID"
        if receipt.sha256 != unixfs.binary(directory.cid)[4:].hex():
            return f"is for another directory ({receipt.sha256})"
    if receipt.address.startswith(ARWEAVE) and (name or not _TRANSACTION.fullmatch(cid)):
        return f"leads to {receipt.address}, which is no address of a transaction"
    return _link_astray(receipt, cid)


def _split(address: str) -> tuple[str, str]:
    """Return the CID or the transaction that an address names, and the name of the file under it."""
    first, _, rest = address.partition("://")[2].partition("/")
    return first, unquote(rest)


def _link_astray(receipt: Receipt, identity: str) -> str:
    """Say where a link for browsers does not lead to what the address names."""
    if receipt.gateway and receipt.address.startswith((IPFS, ARWEAVE)) and identity not in receipt.gateway:
        return f"has a link that leads elsewhere: {receipt.gateway}"
    return ""
