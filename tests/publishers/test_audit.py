"""verify: every listed file is held to every word about it, and nothing outside the folder is touched."""

from __future__ import annotations

import base64
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from publishers import (
    Directory,
    Finding,
    ManifestError,
    Paper,
    identify,
    unchecked,
    verify,
    write_manifest,
    write_metadata,
)

RESULTS = ["alice.mp4", "alice.jpg", "卡萝.mp4", "卡萝.jpg"]
INPUTS = ["旁白.mp3", "carol.wav", "alice.png", "carol.mp4"]
LISTED = [*RESULTS, *(f"inputs/{name}" for name in INPUTS)]


def problems(folder: Path) -> dict[str, str]:
    return {finding.file: finding.problem for finding in verify(folder)}


@pytest.mark.parametrize("profile", ["unixfs-v1-2025", "legacy-v1-256k"])
def test_a_sound_result_has_no_findings(maker: Any, profile: str) -> None:
    maker.profile = profile
    result = maker.result()
    assert verify(result.folder) == verify(result.folder / "manifest.json") == []
    assert unchecked(result.folder) == []


@pytest.mark.parametrize("file", LISTED)
def test_one_flipped_byte_is_found_and_the_file_is_named(result: Any, file: str) -> None:
    path = result.folder / file
    data = bytearray(path.read_bytes())
    data[len(data) * 2 // 3] ^= 1
    path.write_bytes(data)
    [finding] = verify(result.folder)
    assert finding.file == file, "a poster and a dropped photo may have one name"
    assert "has other bytes" in finding.problem


@pytest.mark.parametrize("file", LISTED)
def test_one_missing_byte_and_a_missing_file_are_found(result: Any, file: str) -> None:
    path = result.folder / file
    os.truncate(path, path.stat().st_size - 1)
    [finding] = verify(result.folder)
    assert finding.file == file
    assert f"has {path.stat().st_size} bytes" in finding.problem
    path.unlink()
    assert verify(result.folder) == [Finding(file, "is missing")]


def test_a_wrong_cid_is_found_though_the_bytes_are_right(result: Any) -> None:
    other = result.manifest.videos[1].cid
    result.edit(lambda m: m["videos"][0].update(cid=other))
    found = [str(finding) for finding in verify(result.folder)]
    assert "alice.mp4: its CID is" in found[0]
    assert "directory CID" in found[1]
    assert "which is not the file's CID" in found[2]


def test_a_wrong_directory_cid_is_found(result: Any) -> None:
    result.edit(lambda m: m["directory"].update(cid=m["videos"][0]["cid"]))
    cid, hashed = verify(result.folder)
    assert cid.file == hashed.file == "manifest.json"
    assert result.manifest.directory.cid in cid.problem
    assert result.manifest.directory.contenthash in hashed.problem


def test_the_directory_holds_videos_and_posters_and_nothing_else(result: Any) -> None:
    made = Directory.of([identify(result.folder / name) for name in reversed(RESULTS)])
    assert made == result.manifest.directory


def test_a_receipt_for_other_bytes_is_found(result: Any) -> None:
    result.edit(lambda m: m["videos"][0]["receipts"][0].update(sha256="0" * 64))
    assert "receipt of ipfs is for other bytes" in problems(result.folder)["alice.mp4"]


ROOT, CID, ID = "ROOT", "CID", "a" * 43
"""Stand for the directory's CID and the file's own in the addresses below; and a transaction's id."""


def test_a_receipt_for_another_file_is_found(result: Any) -> None:
    result.edit(lambda m: m["videos"][0]["receipts"][0].update(name="bob.mp4"))
    assert "receipt of ipfs is for 'bob.mp4'" in problems(result.folder)["alice.mp4"]


@pytest.mark.parametrize(
    ("address", "link", "sound"),
    [
        ("ipfs://CID", "https://gw.example/ipfs/CID", True),
        ("ipfs://CID", "https://CID.ipfs.gw.example/", True),
        ("ipfs://CID", "", True),
        ("ipfs://ROOT/alice.mp4", "https://gw.example/ipfs/ROOT/alice.mp4", True),
        ("ipfs://ROOT/alice%2Emp4", "", True),
        (f"ar://{ID}", f"https://ar.example/{ID}", True),
        (f"ar://{ID}/alice.mp4", "", True),
        ("folder:alice.mp4", "https://nas.example/alice.mp4", True),
        ("folder:CID/alice.mp4", "", True),
        ("other:whatever", "", True),
        ("ipfs://ROOT/bob.mp4", "", False),
        ("ipfs://ROOT", "", False),
        ("ipfs://CID/alice.mp4", "", False),
        ("ipfs://bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354", "", False),
        ("ipfs://", "", False),
        ("ipfs://CID", "https://evil.example/alice.mp4", False),
        (f"ar://{ID}", "https://evil.example/alice.mp4", False),
        (f"ar://{ID}/bob.mp4", "", False),
        ("ar://short", "", False),
        ("folder:bob.mp4", "", False),
        ("folder:../alice.mp4", "", False),
    ],
)
def test_a_receipt_that_leads_to_something_else_is_found(result: Any, address: str, link: str, sound: bool) -> None:
    root, cid = result.manifest.directory.cid, result.manifest.videos[0].cid
    where = {"address": address, "gateway": link}
    where = {key: text.replace(ROOT, root).replace(CID, cid) for key, text in where.items()}
    result.edit(lambda m: m["videos"][0]["receipts"][0].update(where))
    assert list(problems(result.folder)) == ([] if sound else ["alice.mp4"])


@pytest.mark.parametrize(
    ("changed", "sound"),
    [
        ({}, True),
        ({"address": f"ar://{ID}", "gateway": f"https://ar.example/{ID}", "sha256": "0" * 64}, True),
        ({"address": "ipfs://CID"}, False),
        ({"address": "ipfs://ROOT/alice.mp4"}, False),
        ({"name": "alice.mp4"}, False),
        ({"sha256": "0" * 64}, False),
        ({"gateway": "https://evil.example/"}, False),
        ({"address": f"ar://{ID}/alice.mp4", "gateway": ""}, False),
    ],
)
def test_receipts_of_the_directory_are_held_to_it(result: Any, changed: dict[str, str], sound: bool) -> None:
    root, cid = result.manifest.directory.cid, result.manifest.videos[0].cid
    digest = base64.b32decode(root[1:].upper() + "=" * (-(len(root) - 1) % 8))[4:].hex()
    receipt = {
        "publisher": "ipfs",
        "name": "",
        "sha256": digest,
        "address": f"ipfs://{ROOT}",
        "gateway": f"https://gw.example/ipfs/{ROOT}",
        "state": "read back",
    } | changed
    receipt = {key: text.replace(ROOT, root).replace(CID, cid) for key, text in receipt.items()}
    result.edit(lambda m: m["directory"].update(receipts=[receipt]))
    assert list(problems(result.folder)) == ([] if sound else ["manifest.json"])


def test_a_wrong_contenthash_is_found_and_an_old_manifest_has_none(result: Any) -> None:
    result.edit(lambda m: m["directory"].pop("contenthash"))
    assert verify(result.folder) == []
    result.edit(lambda m: m["directory"].update(contenthash="0xe301" + "0" * 72))
    assert "is not that of the directory" in problems(result.folder)["manifest.json"]


@pytest.fixture
def minted(result: Any) -> Any:
    """The result with the metadata of its first video, whose receipt is in IPFS."""
    [path] = write_metadata(result.manifest, result.folder).values()
    paper = Paper.of(identify(path))
    video = replace(result.manifest.videos[0], metadata=paper)
    changed = replace(result.manifest, videos=(video, *result.manifest.videos[1:]))
    write_manifest(changed, result.folder)
    return replace(result, manifest=changed)


def test_metadata_is_held_to_its_hash_and_to_the_video(minted: Any) -> None:
    assert verify(minted.folder) == []
    path = minted.folder / "alice.metadata.json"
    before = path.read_bytes()
    path.write_bytes(before.replace(b"ipfs://", b"ipfs:/X", 1))
    assert "has other bytes" in problems(minted.folder)["alice.metadata.json"]
    for text in (b'{"animation_url": "ipfs://bafyother"}', b"[]", b"{", b"{}"):
        path.write_bytes(text)
        made = identify(path)
        known = {"sha256": made.sha256, "bytes": made.bytes, "cid": made.cid}
        minted.edit(lambda m, known=known: m["videos"][0]["metadata"].update(known))
        assert "does not lead to alice.mp4" in problems(minted.folder)["alice.metadata.json"]
    path.unlink()
    path.symlink_to("/etc/hostname")
    assert "is a link that leaves the folder" in problems(minted.folder)["alice.metadata.json"]


def test_metadata_that_is_not_there_is_passed_over_with_the_inputs_and_only_then(minted: Any) -> None:
    (minted.folder / "alice.metadata.json").unlink()
    assert problems(minted.folder) == {"alice.metadata.json": "is missing"}
    shutil.rmtree(minted.folder / "inputs")
    assert verify(minted.folder) == []
    assert unchecked(minted.folder) == ["alice.metadata.json", *INPUTS_IN_ORDER]


def test_all_findings_are_told_at_once(result: Any) -> None:
    for name in RESULTS:
        (result.folder / name).unlink()
    assert [finding.file for finding in verify(result.folder)] == RESULTS


def test_results_alone_can_be_verified(result: Any, tmp_path: Path) -> None:
    shutil.rmtree(result.folder / "inputs")
    assert verify(result.folder) == []
    assert unchecked(result.folder) == INPUTS_IN_ORDER


INPUTS_IN_ORDER = ["旁白.mp3", "alice.png", "carol.mp4", "carol.wav"]


def test_dropped_files_may_lie_beside_the_manifest(result: Any) -> None:
    (result.folder / "inputs" / "旁白.mp3").rename(result.folder / "旁白.mp3")
    assert verify(result.folder) == []
    shutil.rmtree(result.folder / "inputs")
    assert unchecked(result.folder) == INPUTS_IN_ORDER[1:]
    (result.folder / "旁白.mp3").write_bytes(b"other")
    assert list(problems(result.folder)) == ["旁白.mp3"]


def test_a_result_is_not_taken_for_a_dropped_file_of_its_name(maker: Any) -> None:
    from publishers import Face

    result = maker.result()
    video = replace(result.manifest.videos[0], face=Face("alice.mp4", "0" * 64, 5))
    write_manifest(replace(result.manifest, videos=(video, result.manifest.videos[1])), result.folder)
    shutil.rmtree(result.folder / "inputs")
    assert verify(result.folder) == []
    assert "alice.mp4" in unchecked(result.folder)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "..", "inputs/alice.png", ""])
@pytest.mark.parametrize("place", ["video", "poster", "face", "speech"])
def test_names_that_leave_the_folder_are_refused(result: Any, name: str, place: str) -> None:
    (result.folder.parent / "secret").write_bytes(b"secret")

    def change(document: dict[str, Any]) -> None:
        video = document["videos"][0]
        {"video": video, "poster": video["poster"], "face": video["face"], "speech": document["speech"]}[place][
            "file"
        ] = name

    result.edit(change)
    with pytest.raises(ManifestError, match="not a plain file name"):
        verify(result.folder)


def test_links_out_of_the_folder_are_refused_and_links_within_are_followed(result: Any) -> None:
    video, away = result.folder / "alice.mp4", result.folder.parent / "away.mp4"
    video.rename(away)
    video.symlink_to(away)
    assert problems(result.folder) == {"alice.mp4": "is a link that leaves the folder; it was not followed"}
    video.unlink()
    away.rename(result.folder / "real.mp4")
    video.symlink_to("real.mp4")
    assert verify(result.folder) == []
    video.unlink()
    video.symlink_to("alice.mp4")
    assert list(problems(result.folder)) == ["alice.mp4"]


def test_an_inputs_folder_that_is_a_link_is_not_followed(result: Any) -> None:
    (result.folder / "inputs").rename(result.folder.parent / "elsewhere")
    (result.folder / "inputs").symlink_to(result.folder.parent / "elsewhere")
    assert set(problems(result.folder)) == {f"inputs/{name}" for name in INPUTS}


def test_what_is_no_file_is_found_and_never_opened(result: Any) -> None:
    video = result.folder / "alice.mp4"
    video.unlink()
    os.mkfifo(video)
    assert problems(result.folder) == {"alice.mp4": "is not a file"}
    video.unlink()
    video.mkdir()
    assert problems(result.folder) == {"alice.mp4": "is not a file"}


def test_a_file_that_cannot_be_read_is_a_finding(result: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(path: Path, profile: object) -> object:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("publishers.audit.measure", failing)
    assert problems(result.folder)["alice.mp4"] == "cannot be read (Input/output error)"


def test_a_torn_manifest_is_an_error(result: Any) -> None:
    path = result.folder / "manifest.json"
    os.truncate(path, path.stat().st_size - 5)
    with pytest.raises(ManifestError, match="not a whole JSON document"):
        verify(path)
