"""Where a stranger finds a file of a result: its permanent addresses, and the links that a browser follows."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote, urlsplit

from publishers.entry import Paper, Poster, Video
from publishers.manifest import Directory

IPFS = "ipfs://"
ARWEAVE = "ar://"

_HERE = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104 — names to recognise, not to listen on


def permanent(directory: Directory, file: Video | Poster | Paper) -> tuple[str, ...]:
    """Return the addresses at which the file stays, the best one first; none where nothing permanent has it.

    In IPFS that is ``ipfs://ROOT/NAME`` once the directory is kept, which tells players and people the name, else
    ``ipfs://CID``; then follow the file's own ``ar://`` addresses. They are URIs: names in them are percent-encoded.
    """
    own = [receipt.address for receipt in file.receipts]
    found = []
    root = f"{IPFS}{directory.cid}"
    if not isinstance(file, Paper) and any(receipt.address == root for receipt in directory.receipts):
        found.append(f"{root}/{quote(file.file, safe='')}")
    elif any(address.startswith(IPFS) for address in own):
        found.append(f"{IPFS}{file.cid}")
    found += [address for address in own if address.startswith(ARWEAVE)]
    return tuple(dict.fromkeys(found))


def links(directory: Directory, file: Video | Poster | Paper) -> tuple[str, ...]:
    """Return what a browser can open, the best one first: a gateway that only this machine reaches comes last."""
    found = dict.fromkeys(link for link in _links(directory, file) if link.startswith(("https://", "http://")))
    return tuple(sorted(found, key=is_local))


def is_local(link: str) -> bool:
    """Say whether an address of the web leads to the machine that it is opened on."""
    try:
        return (urlsplit(link).hostname or "") in _HERE
    except ValueError:
        return False


def _links(directory: Directory, file: Video | Poster | Paper) -> Iterator[str]:
    roots = {receipt.publisher: receipt for receipt in directory.receipts if receipt.address.startswith(IPFS)}
    for receipt in file.receipts:
        root = None if isinstance(file, Paper) else roots.get(receipt.publisher)
        if root and root.gateway:
            yield f"{root.gateway.rstrip('/')}/{quote(file.file, safe='')}"
        else:
            yield receipt.gateway
