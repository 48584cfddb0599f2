"""metadata.json: what ERC-721 asks for, addresses that stay, and the same bytes every time."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jsonschema
import pytest

from publishers import Manifest, Poster, Receipt, Video, metadata, metadata_name, write_metadata

# ERC-721, "ERC721 Metadata JSON Schema"; animation_url and attributes are OpenSea's.
ERC721 = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "description": {"type": "string"},
        "image": {"type": "string", "format": "uri"},
        "animation_url": {"type": "string", "format": "uri"},
        "attributes": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "trait_type": {"type": "string"},
                    "value": {"type": ["string", "number"]},
                    "display_type": {"enum": ["number"]},
                },
                "required": ["trait_type", "value"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["name", "description", "image", "animation_url"],
}


def kept(manifest: Manifest, *addresses: str, root: bool = False) -> Manifest:
    """Return the manifest with receipts of these addresses ("CID" stands for the file's own) for every file."""

    def receipts(file: Video | Poster) -> tuple[Receipt, ...]:
        return tuple(
            Receipt("p", file.file, file.sha256, a.replace("CID", file.cid).replace("FILE", file.file), "", "read back")
            for a in addresses
        )

    videos = tuple(
        replace(video, receipts=receipts(video), poster=replace(video.poster, receipts=receipts(video.poster)))
        for video in manifest.videos
    )
    whole = Receipt("p", "", "0" * 64, f"ipfs://{manifest.directory.cid}", "", "read back")
    directory = replace(manifest.directory, receipts=(whole,) if root else ())
    return replace(manifest, videos=videos, directory=directory)


def read(manifest: Manifest, index: int = 0) -> dict[str, Any]:
    document = json.loads(metadata(manifest, manifest.videos[index]))
    jsonschema.Draft202012Validator(ERC721, format_checker=jsonschema.FormatChecker()).validate(document)
    return dict(document)


def test_it_names_the_video_in_the_directory(result: Any) -> None:
    manifest = kept(result.manifest, "ipfs://CID", "ar://" + "v" * 43, root=True)
    root = manifest.directory.cid
    document = read(manifest)
    assert document["animation_url"] == f"ipfs://{root}/alice.mp4"
    assert document["image"] == f"ipfs://{root}/alice.jpg"
    assert read(manifest, 1)["animation_url"] == f"ipfs://{root}/%E5%8D%A1%E8%90%9D.mp4", "a URI, so percent-encoded"
    traits = {trait["trait_type"]: trait["value"] for trait in document["attributes"]}
    video = manifest.videos[0]
    assert traits["Duration (s)"] == 12.36
    assert traits["SHA-256"] == video.sha256
    assert traits["Made with"] == "lipsyncd 0.1.0"
    assert [file["uri"] for file in document["properties"]["files"]][:2] == [
        f"ipfs://{root}/alice.mp4",
        "ar://" + "v" * 43,
    ]
    assert document["properties"]["files"][0]["sha256"] == video.sha256


def test_without_a_directory_the_file_itself_is_named(result: Any) -> None:
    manifest = kept(result.manifest, "ipfs://CID")
    assert read(manifest)["animation_url"] == f"ipfs://{manifest.videos[0].cid}"
    assert read(manifest)["image"] == f"ipfs://{manifest.videos[0].poster.cid}"


def test_where_only_arweave_has_it_the_addresses_are_arweaves(result: Any) -> None:
    document = read(kept(result.manifest, "ar://" + "v" * 43))
    assert document["animation_url"] == document["image"] == "ar://" + "v" * 43


@pytest.mark.parametrize("addresses", [(), ("folder:FILE",)])
def test_where_nothing_permanent_has_it_none_is_written(result: Any, addresses: tuple[str, ...], tmp_path: Any) -> None:
    manifest = kept(result.manifest, *addresses)
    assert [metadata(manifest, video) for video in manifest.videos] == ["", ""]
    assert write_metadata(manifest, tmp_path) == {}
    assert not list(tmp_path.glob("*.json"))


def test_the_bytes_are_the_same_every_time(result: Any, tmp_path: Any) -> None:
    manifest = kept(result.manifest, "ipfs://CID", root=True)
    written = write_metadata(manifest, tmp_path)
    assert {video: path.name for video, path in written.items()} == {
        "alice.mp4": "alice.metadata.json",
        "卡萝.mp4": "卡萝.metadata.json",
    }
    before = {video: path.read_bytes() for video, path in written.items()}
    states = tuple(
        replace(video, receipts=tuple(replace(r, state="sent", gateway="https://a.example/") for r in video.receipts))
        for video in manifest.videos
    )
    later = replace(manifest, created=manifest.created + timedelta(days=1), videos=states)
    assert {video: path.read_bytes() for video, path in write_metadata(later, tmp_path).items()} == before
    assert str(tmp_path).encode() not in b"".join(before.values())
    assert "卡萝".encode() in before["卡萝.mp4"]


def test_names_of_nothing_visible_and_marks_that_turn_text(result: Any) -> None:
    manifest = kept(result.manifest, "ipfs://CID")
    assert read(manifest)["name"] == "周报 2026-11 – alice"
    one = replace(manifest, videos=manifest.videos[:1])
    assert read(one)["name"] == "周报 2026-11"
    assert read(replace(one, title="a\u202eb\n"))["name"] == "ab"
    assert read(replace(one, title="\u202e"))["name"] == "alice"
    assert read(one)["description"].startswith("Erste Zeile.\n\nZweite.\n\nThe mouth was moved by a machine")


def test_a_long_description_is_cut_so_that_the_paper_stays_small(result: Any) -> None:
    long = replace(kept(result.manifest, "ipfs://CID"), description="旁" * 100_000, title="x" * 255)
    assert len(metadata(long, long.videos[0]).encode()) < 64 * 1024
    assert "旁…\n\nThe mouth" in read(long)["description"]


def test_its_name_follows_the_videos() -> None:
    assert metadata_name("a.b.mp4") == "a.b.metadata.json"
