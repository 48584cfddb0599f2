"""How a stranger checks what a post tells of: the hashes, where all files are together, and what to do with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from publishers import text
from publishers.address import IPFS
from publishers.base import Receipt
from publishers.manifest import FILE_NAME, Manifest


def section(manifest: Manifest, receipts: tuple[Receipt, ...]) -> Iterator[str]:
    """Yield the blocks of the post's last section.

    Args:
        manifest: With at least one video.
        receipts: Of the manifest's own file.
    """
    root = manifest.directory.cid
    kept = any(receipt.address == IPFS + root for receipt in manifest.directory.receipts)
    yield "## Check it yourself"
    yield _table(manifest)
    yield (
        "Fetch a file from wherever you like: `sha256sum FILE` must print the first hash that stands here. "
        f"The second is its CID under the profile {text.code(manifest.directory.profile)}."
    )
    yield "\n".join(f"- {line}" for line in _whole(manifest, receipts, kept))


def _table(manifest: Manifest) -> str:
    files = [file for video in manifest.videos for file in (video, video.poster)]
    rows = [
        f"| {text.escaped(file.file)} | {file.bytes} | {text.code(file.sha256)} {text.code(file.cid)} |"
        for file in files
    ]
    return "\n".join(["| File | Bytes | SHA-256, CID |", "|---|---:|---|", *rows])


def _whole(manifest: Manifest, receipts: tuple[Receipt, ...], kept: bool) -> Iterator[str]:
    """Yield what is to be said of all files together."""
    directory = manifest.directory
    if places := _places(directory.receipts):
        yield f"All files together: {places}"
    if kept:
        node = text.code(f"ipfs get {directory.cid}")
        yield f"With an IPFS node: {node} fetches them, and the node checks every byte on the way"
    else:
        yield f"As one IPFS directory they are {text.code(directory.cid)}"
    if kept and directory.contenthash:
        code = text.code(directory.contenthash)
        yield f"For an ENS name that shall lead there: content hash {text.code(IPFS + directory.cid)}, on chain {code}"
    if places := _places(receipts):
        yield f"The manifest, which says how all of it was made: {places}"
    yield f"With lipsyncd: put the files beside {text.code(FILE_NAME)} and run `lipsyncd verify .` there"


def _places(receipts: Iterable[Receipt]) -> str:
    """Return the permanent addresses of some receipts, each with its link, on one line."""
    found: dict[str, str] = {}
    for receipt in receipts:
        if receipt.address.startswith((IPFS, "ar://")):
            found[receipt.address] = found.get(receipt.address) or text.web_address(receipt.gateway)
    return ", ".join(text.code(address) + (f" ([open]({link}))" if link else "") for address, link in found.items())
