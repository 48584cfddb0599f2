"""The metadata.json of a video, ready to mint: the form of ERC-721, with the fields that OpenSea added to it.

Its text is the same every time for the same result and addresses. It names no time and no state.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from publishers import codec, disk, text
from publishers.address import permanent
from publishers.cid import media_type
from publishers.claim import SOURCE_TYPE
from publishers.entry import Poster, Video
from publishers.manifest import Manifest

SUFFIX = ".metadata.json"
WORDS = 8000
"""Most characters of the description: no wallet shows more, and a paper has 64 KiB at most."""


def metadata_name(video: str) -> str:
    """Return what the metadata of a video is called: "alice.metadata.json" for "alice.mp4"."""
    return PurePosixPath(video).stem + SUFFIX


def metadata(manifest: Manifest, video: Video) -> str:
    """Return the document, or "" where nothing permanent has the video: then there is nothing to mint.

    Args:
        manifest: All about the result, with the receipts so far; what it says about metadata is not looked at.
        video: One of its videos.
    """
    addresses = permanent(manifest.directory, video)
    if not addresses:
        return ""
    pictures = permanent(manifest.directory, video.poster)
    stem = text.plain(PurePosixPath(video.file).stem)
    title = text.plain(manifest.title)
    document = {
        "name": title if title and len(manifest.videos) == 1 else f"{title} – {stem}".strip(" –") or "Untitled",
        "description": _description(manifest),
        **({"image": pictures[0]} if pictures else {}),
        "animation_url": addresses[0],
        "attributes": _attributes(manifest, video),
        "properties": {
            "category": "video",
            "files": [
                *(_file(video, address, video.media_type) for address in addresses),
                *(_file(video.poster, address, media_type(video.poster.file)) for address in pictures),
            ],
            "creator_tool": {"name": manifest.tool.name, "version": manifest.tool.version},
            "digital_source_type": (video.credentials.source if video.credentials else "") or SOURCE_TYPE,
        },
    }
    return codec.dumps(document)


def write_metadata(manifest: Manifest, folder: Path) -> dict[str, Path]:
    """Write the metadata of every video that something permanent has, and return where it is, by the video's name.

    Raises:
        OSError: It cannot be written.
    """
    written = {}
    for video in manifest.videos:
        if document := metadata(manifest, video):
            written[video.file] = folder / metadata_name(video.file)
            disk.replace(written[video.file], document.encode())
    return written


def _description(manifest: Manifest) -> str:
    """Return the person's words, line by line, and what every viewer should know."""
    lines = [text.plain(line) for line in manifest.description.splitlines()]
    words = "\n".join(lines).strip("\n")
    words = words if len(words) <= WORDS else words[: WORDS - 1] + "…"
    told = f"The mouth was moved by a machine ({manifest.tool.name}) to the sound of a recording."
    return f"{words}\n\n{told}" if words else told


def _attributes(manifest: Manifest, video: Video) -> list[dict[str, object]]:
    return [
        {"display_type": "number", "trait_type": "Duration (s)", "value": round(video.duration, 3)},
        {"trait_type": "Size", "value": f"{video.width} x {video.height}"},
        {"trait_type": "Made with", "value": f"{manifest.tool.name} {manifest.tool.version}"},
        {"trait_type": "Engine", "value": video.engine.name},
        {"trait_type": "SHA-256", "value": video.sha256},
    ]


def _file(file: Video | Poster, address: str, kind: str) -> dict[str, object]:
    return {"uri": address, "type": kind, "sha256": file.sha256, "cid": file.cid, "bytes": file.bytes}
