"""verify: every listed file is held to every word about it, and nothing outside the folder is touched."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from publishers import Directory, Finding, ManifestError, identify, unchecked, verify

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
    found = problems(result.folder)
    assert "its CID is" in found["alice.mp4"]
    assert "directory CID" in found["manifest.json"]


def test_a_wrong_directory_cid_is_found(result: Any) -> None:
    result.edit(lambda m: m["directory"].update(cid=m["videos"][0]["cid"]))
    [finding] = verify(result.folder)
    assert finding.file == "manifest.json"
    assert result.manifest.directory.cid in finding.problem


def test_the_directory_holds_videos_and_posters_and_nothing_else(result: Any) -> None:
    made = Directory.of([identify(result.folder / name) for name in reversed(RESULTS)])
    assert made == result.manifest.directory


def test_a_receipt_for_other_bytes_is_found(result: Any) -> None:
    result.edit(lambda m: m["videos"][0]["receipts"][0].update(sha256="0" * 64))
    assert "receipt of ipfs is for other bytes" in problems(result.folder)["alice.mp4"]


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
    from dataclasses import replace

    from publishers import Face, write_manifest

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
