"""The post: the manifest as Markdown that reads well in Mirror and Paragraph, and anywhere else.

A raw link to an mp4 becomes no player in any of them, so every video is a poster picture that links to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from publishers import disk, text
from publishers.base import Post, Receipt
from publishers.entry import Poster, Video
from publishers.manifest import Manifest

FILE_NAME = "post.md"


def post(manifest: Manifest, receipts: tuple[Receipt, ...] = ()) -> str:
    """Return the post of a result: title, words, a linked picture and the addresses of each video, how to check.

    Args:
        manifest: The one that was written.
        receipts: Of the manifest's own file, where it was published.
    """
    blocks = [f"# {text.escaped(manifest.title) or 'Untitled'}", text.paragraphs(manifest.description)]
    for video in manifest.videos:
        blocks += _video(video)
    if manifest.videos:
        blocks += ["## Check it yourself", _table(manifest), _directory(manifest)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def write_post(manifest: Manifest, folder: Path, receipts: tuple[Receipt, ...] = ()) -> Path:
    """Write ``post.md`` into a folder, whole or not at all, and return where it is.

    Raises:
        OSError: It cannot be written.
    """
    path = folder / FILE_NAME
    disk.replace(path, post(manifest, receipts).encode())
    return path


def announcement(manifest: Manifest, receipts: tuple[Receipt, ...] = ()) -> Post:
    """Return the post for a place that shows the title itself, such as Paragraph."""
    body = post(manifest, receipts).partition("\n\n")[2]
    return Post(text.plain(manifest.title) or "Untitled", body, text.plain(manifest.description)[:300])


def _video(video: Video) -> Iterator[str]:
    name = text.escaped(PurePosixPath(video.file).stem) or "Untitled"
    picture = _gateway(video.poster.receipts) or text.target(video.poster.file)
    link = _gateway(video.receipts) or text.target(video.file)
    yield f"## {name}"
    yield f"[![{name}]({picture})]({link})"
    yield f"{_clock(video.duration)}, {video.width} × {video.height} pixels, {float(video.fps):.4g} frames a second"
    yield "\n".join(f"- Note: {text.escaped(warning)}." for warning in video.warnings)
    yield "\n".join(f"- {line}" for receipt in video.receipts if (line := _address(receipt)))


def _address(receipt: Receipt) -> str:
    """Return where a stranger finds the bytes; a folder of ours is no such place unless a web server shows it."""
    gateway = text.web_address(receipt.gateway)
    link = f"[watch]({gateway})" if gateway else ""
    address = text.code(receipt.address) if receipt.address.startswith(("ipfs://", "ar://")) else ""
    state = "" if receipt.state == "read back" else f" ({text.escaped(receipt.state)})"
    places = ", ".join(part for part in (address, link) if part)
    return f"{text.escaped(receipt.publisher)}: {places}{state}" if places else ""


def _gateway(receipts: tuple[Receipt, ...]) -> str:
    return next((link for receipt in receipts if (link := text.web_address(receipt.gateway))), "")


def _table(manifest: Manifest) -> str:
    files: list[Video | Poster] = [file for video in manifest.videos for file in (video, video.poster)]
    rows = [
        f"| {text.escaped(file.file)} | {file.bytes} | {text.code(file.sha256)} | {text.code(file.cid)} |"
        for file in files
    ]
    return "\n".join(["| File | Bytes | SHA-256 | CID |", "|---|---:|---|---|", *rows])


def _directory(manifest: Manifest) -> str:
    place = manifest.directory
    return (
        f"All of them as one IPFS directory: {text.code(place.cid)} (profile {text.code(place.profile)}).\n"
        "To check every byte: put the files beside `manifest.json` and run `lipsyncd verify .` there, "
        "or compare with `sha256sum`."
    )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d} min" if minutes else f"{rest} s"
