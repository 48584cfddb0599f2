"""The folder publisher: nothing overwritten, nothing torn, nothing copied twice."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from publishers import Artifact, Mismatch, Parcel, PublisherError, Refused, Unreachable, identify, quietly
from publishers import folder as module
from publishers.folder import FolderPublisher


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    (tmp_path / "archive").mkdir()
    return tmp_path / "archive"


@pytest.fixture
def parcel() -> Parcel:
    return Parcel("a1b2", "Weekly report", ())


def made(folder: Path, data: bytes, name: str = "alice.mp4") -> Artifact:
    path = folder / f"{len(list(folder.iterdir()))}.bin"
    path.write_bytes(data)
    return identify(path, name)


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_it_copies_under_the_name(archive: Path, parcel: Parcel, tmp_path: Path) -> None:
    receipt = FolderPublisher(archive, "https://nas.example/v/").publish(
        made(tmp_path, b"x", "周报 1.mp4"), parcel, quietly
    )
    assert listing(archive) == ["周报 1.mp4"]
    assert receipt.address == "folder:%E5%91%A8%E6%8A%A5%201.mp4"
    assert receipt.gateway == "https://nas.example/v/%E5%91%A8%E6%8A%A5%201.mp4"
    assert FolderPublisher(archive).publish(made(tmp_path, b"x", "周报 1.mp4"), parcel, quietly).gateway == ""


def test_what_is_there_is_not_copied_again(archive: Path, parcel: Parcel, tmp_path: Path) -> None:
    artifact = made(tmp_path, b"x")
    FolderPublisher(archive).publish(artifact, parcel, quietly)
    before = (archive / "alice.mp4").stat()
    FolderPublisher(archive).publish(artifact, replace(parcel, id="c3d4"), quietly)
    after = (archive / "alice.mp4").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_other_bytes_of_the_same_name_are_kept_side_by_side(archive: Path, parcel: Parcel, tmp_path: Path) -> None:
    publisher = FolderPublisher(archive, "https://nas.example")
    first, second, third = made(tmp_path, b"one"), made(tmp_path, b"two"), made(tmp_path, b"three")
    receipts = [publisher.publish(artifact, parcel, quietly) for artifact in (first, second, third, second)]
    assert receipts[3] == receipts[1]
    assert receipts[1].address == f"folder:{second.cid}/alice.mp4"
    assert listing(archive) == sorted(["alice.mp4", f"{second.cid}/alice.mp4", f"{third.cid}/alice.mp4"])
    assert (archive / "alice.mp4").read_bytes() == b"one"
    for receipt in receipts:
        publisher.verify(receipt)


def test_when_both_places_are_taken_nothing_is_overwritten(archive: Path, parcel: Parcel, tmp_path: Path) -> None:
    artifact = made(tmp_path, b"mine")
    (archive / artifact.cid).mkdir()
    for place in (archive / "alice.mp4", archive / artifact.cid / "alice.mp4"):
        place.write_bytes(b"not mine")
    with pytest.raises(Mismatch, match="Nothing was overwritten"):
        FolderPublisher(archive).publish(artifact, parcel, quietly)
    assert {path.read_bytes() for path in archive.rglob("*.mp4")} == {b"not mine"}


def test_links_and_folders_in_the_way_are_left_alone(archive: Path, parcel: Parcel, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"x")
    (archive / "alice.mp4").symlink_to(outside)
    (archive / "bob.mp4").mkdir()
    for name in ("alice.mp4", "bob.mp4"):
        artifact = made(tmp_path, b"x", name)
        assert FolderPublisher(archive).publish(artifact, parcel, quietly).address == f"folder:{artifact.cid}/{name}"
    assert (archive / "alice.mp4").is_symlink()
    assert outside.read_bytes() == b"x"


def test_what_cannot_take_its_name_is_copied_only_once(
    archive: Path, parcel: Parcel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (archive / "alice.mp4").write_bytes(b"not mine")
    copied: list[Path] = []
    real = module._write
    monkeypatch.setattr(module, "_write", lambda source, target: (copied.append(target), real(source, target))[1])
    FolderPublisher(archive).publish(made(tmp_path, b"x"), parcel, quietly)
    assert len(copied) == 1


@pytest.mark.parametrize("step", ["fsync", "link", "posix_fadvise"])
def test_a_crash_at_any_step_leaves_no_torn_file_and_the_next_call_goes_on(
    archive: Path, parcel: Parcel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    artifact = made(tmp_path, b"x" * 3_000_000)

    class Killed(BaseException):
        """Nobody catches it, and nothing is tidied up after it."""

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(os, step, die)
        patch.setattr(Path, "unlink", lambda *_, **__: None)
        with pytest.raises(Killed):
            FolderPublisher(archive).publish(artifact, parcel, quietly)
    assert all(name.endswith(".part") for name in listing(archive))
    receipt = FolderPublisher(archive).publish(artifact, parcel, quietly)
    FolderPublisher(archive).verify(receipt)
    assert listing(archive) == ["alice.mp4"]


def test_a_file_system_without_hard_links_will_do(
    archive: Path, parcel: Parcel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "link", link)
    FolderPublisher(archive).publish(made(tmp_path, b"one"), parcel, quietly)
    second = made(tmp_path, b"two")
    FolderPublisher(archive).publish(second, parcel, quietly)
    assert listing(archive) == sorted(["alice.mp4", f"{second.cid}/alice.mp4"])


@pytest.mark.parametrize("same", [True, False])
def test_somebody_quicker_is_not_overwritten(
    archive: Path, parcel: Parcel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, same: bool
) -> None:
    artifact = made(tmp_path, b"mine")
    real = module._write

    def slowly(source: Path, target: Path) -> str:
        if target.parent == archive:
            (archive / "alice.mp4").write_bytes(b"mine" if same else b"else")
        return real(source, target)

    monkeypatch.setattr(module, "_write", slowly)
    receipt = FolderPublisher(archive).publish(artifact, parcel, quietly)
    expected = ["alice.mp4"] if same else ["alice.mp4", f"{artifact.cid}/alice.mp4"]
    assert listing(archive) == expected
    assert receipt.address == f"folder:{expected[-1]}"


def test_a_disk_that_does_not_hold_what_was_written_is_caught(
    archive: Path, parcel: Parcel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = module._write

    def rotten(source: Path, target: Path) -> str:
        digest = real(source, target)
        target.write_bytes(b"rot")
        return digest

    monkeypatch.setattr(module, "_write", rotten)
    with pytest.raises(Mismatch, match=r"does not hold alice\.mp4 as it was written"):
        FolderPublisher(archive).publish(made(tmp_path, b"x"), parcel, quietly)
    assert listing(archive) == []


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        *((number, Unreachable) for number in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE)),
        *((number, Unreachable) for number in (errno.EROFS, errno.EACCES)),  # a person mends that, and it goes on
        *((number, Refused) for number in (errno.ENAMETOOLONG, errno.EFBIG)),
    ],
)
def test_what_the_disk_says_is_passing_or_for_good(
    archive: Path, parcel: Parcel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[Exception]
) -> None:
    def failing(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(kind, match=r"alice.mp4: the folder said"):
        FolderPublisher(archive).publish(made(tmp_path, b"x"), parcel, quietly)
    assert listing(archive) == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "path is not set"),
        ({"path": ""}, "path is not set"),
        ({"path": 5}, "path is not set"),
        ({"path": None}, "path is not set"),
        ({"path": "/x", "url": "ftp://x"}, "url is 'ftp://x'"),
        ({"path": "/x", "ulr": "https://x"}, "no key 'ulr'"),
    ],
)
def test_settings_are_checked(settings: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(PublisherError, match=said) as caught:
        FolderPublisher.from_settings(settings, tmp_path)
    assert caught.value.hint


def test_a_home_directory_may_be_meant(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert FolderPublisher.from_settings({"path": "~/archive"}, tmp_path).path == tmp_path / "archive"
