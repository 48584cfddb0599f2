"""The post: the manifest as Markdown that reads well in Paragraph (where Mirror went), on GitHub and in an editor.

A raw link to an mp4 becomes no player in any of them, so every video is a poster picture that links to it. Some editors
drop the link of a picture, so there is one in words as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from publishers import disk, recipe, text
from publishers.address import ARWEAVE, links, permanent
from publishers.base import Post, Receipt
from publishers.entry import Credentials, Poster, Video
from publishers.manifest import Directory, Manifest

FILE_NAME = "post.md"
SUMMARY = 280
"""Most characters of a post's summary."""
STATES = ("read back", "confirmed", "pending", "sent")
"""Of a receipt, the best first."""


def post(manifest: Manifest, receipts: tuple[Receipt, ...] = ()) -> str:
    """Return the post of a result: title, words, a linked picture and the addresses of each video, how to check.

    Args:
        manifest: The one that was written.
        receipts: Of the manifest's own file, where it was published.
    """
    return _joined([f"# {text.escaped(manifest.title) or 'Untitled'}", *_body(manifest, receipts, beside=True)])


def announcement(manifest: Manifest, receipts: tuple[Receipt, ...] = ()) -> Post:
    """Return the post for a place that shows the title itself, such as Paragraph; nothing in it leads to local files.

    Args:
        manifest: The one that was written.
        receipts: Of the manifest's own file, where it was published.
    """
    words = text.plain(manifest.description)
    summary = words if len(words) <= SUMMARY else words[: SUMMARY - 1].rstrip() + "…"
    return Post(text.plain(manifest.title) or "Untitled", _joined(_body(manifest, receipts, beside=False)), summary)


def write_post(manifest: Manifest, folder: Path, receipts: tuple[Receipt, ...] = ()) -> Path:
    """Write ``post.md`` into a folder, whole or not at all, and return where it is.

    Raises:
        OSError: It cannot be written.
    """
    path = folder / FILE_NAME
    disk.replace(path, post(manifest, receipts).encode())
    return path


def _body(manifest: Manifest, receipts: tuple[Receipt, ...], beside: bool) -> Iterator[str]:
    yield text.paragraphs(manifest.description)
    signed = {video.credentials for video in manifest.videos}
    for video in manifest.videos:
        yield from _video(manifest.directory, video, beside, own=len(signed) > 1)
    if manifest.videos:
        if len(signed) == 1:
            yield from _credentials(manifest.videos[0].credentials)
        yield from recipe.section(manifest, receipts)
        yield _made(manifest)


def _joined(blocks: list[str] | Iterator[str]) -> str:
    return "\n\n".join(block for block in blocks if block) + "\n"


def _video(directory: Directory, video: Video, beside: bool, own: bool) -> Iterator[str]:
    """Yield one video's blocks; with ``beside``, what has no link leads to the file beside the post.

    With ``own``, it says how this one is signed: not all are signed alike.
    """
    name = text.escaped(PurePosixPath(video.file).stem) or "Untitled"
    picture = _link(directory, video.poster) or (text.target(video.poster.file) if beside else "")
    link = _link(directory, video) or (text.target(video.file) if beside else "")
    yield f"## {name}"
    if picture:
        yield f"[![{name}]({picture})]({link})" if link else f"![{name}]({picture})"
    facts = f"{_clock(video.duration)}, {video.width} × {video.height} pixels"
    yield f"[Watch {name}]({link}) ({facts})" if link else facts
    lines = [*_places(directory, video), *(_credentials(video.credentials) if own else ()), *_notes(video)]
    yield "\n".join(f"- {line}" for line in lines)


def _link(directory: Directory, file: Video | Poster) -> str:
    return next((link for place in links(directory, file) if (link := text.web_address(place))), "")


def _places(directory: Directory, video: Video) -> Iterator[str]:
    """Yield where it is for good; then the other gateways, each under its host's name."""
    for address in permanent(directory, video):
        yield f"{'Arweave' if address.startswith(ARWEAVE) else 'IPFS'}: {text.code(address)}{_state(video, address)}"
    first, *others = [link for place in links(directory, video) if (link := text.web_address(place))] or [""]
    hosts = {urlsplit(link).netloc: link for link in reversed(others)}
    hosts.pop(urlsplit(first).netloc, None)
    if hosts:
        yield "Also at " + ", ".join(f"[{text.escaped(host)}]({link})" for host, link in reversed(hosts.items()))
    if video.metadata:
        yield from (f"Metadata, ready to mint: {text.code(a)}" for a in permanent(directory, video.metadata)[:1])


def _state(video: Video, address: str) -> str:
    """Return the best that is known of what is kept there, unless it was read back: then nothing need be said."""
    scheme = address.partition("//")[0]
    states = {receipt.state for receipt in video.receipts if receipt.address.startswith(scheme)}
    known = next((state for state in STATES if state in states), "")
    return f" ({known})" if known and known != STATES[0] else ""


def _credentials(credentials: Credentials | None) -> Iterator[str]:
    if credentials is None:
        return
    issuer = text.escaped(credentials.issuer) or "somebody"
    if credentials.state != "valid":
        yield f"Content credentials (C2PA): {text.escaped(credentials.state)}."
    elif credentials.trusted:
        yield f"Content credentials (C2PA): signed by {issuer}, for whom a known authority vouches."
    else:
        yield (
            f"Content credentials (C2PA): signed by {issuer}, with a certificate that strangers cannot trace to "
            "anybody. It shows that nothing was changed since, not who made it."
        )


def _notes(video: Video) -> Iterator[str]:
    if video.label and video.label.visible:
        yield f"Marked in the picture: {text.escaped(video.label.visible)}"
    yield from (f"Note: {text.escaped(warning)}." for warning in video.warnings)


def _made(manifest: Manifest) -> str:
    tool = text.escaped(f"{manifest.tool.name} {manifest.tool.version}")
    return f"Made with {tool}: the mouths were moved by a machine, to the sound of a recording."


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d} min" if minutes else f"{rest} s"
