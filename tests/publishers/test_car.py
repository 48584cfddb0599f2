"""Archives: every block read slowly and checked, and imported by a real node."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from publishers import LEGACY, MODERN, PROFILES, Artifact, Mismatch, Refused, directory_cid, identify, write_car
from publishers.car import file_car
from publishers.unixfs import Profile
from tests.publishers.slow_car import links, read_car, read_file

KIB = 1024
SIZES = [0, 1, 255 * KIB, 256 * KIB, 256 * KIB + 1, 1024 * KIB, 1024 * KIB + 1, 3_000_000]


def made(folder: Path, name: str, size: int, profile: str) -> Artifact:
    path = folder / name
    path.write_bytes(bytes((at * 7 + at // 251) % 256 for at in range(min(size, 65536))) * (size // 65536 + 1))
    with path.open("r+b") as file:
        file.truncate(size)
    return identify(path, profile=profile)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("size", SIZES)
def test_an_archive_holds_the_file_under_its_cid(size: int, profile: str, tmp_path: Path) -> None:
    artifact = made(tmp_path, "a.bin", size, profile)
    root, blocks = read_car(b"".join(file_car(artifact)))
    assert root == artifact.cid
    assert read_file(root, blocks) == artifact.path.read_bytes()
    assert all(len(block) <= PROFILES[profile].chunk + 100 for block in blocks.values())


def test_deep_trees_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROFILES, "tiny", Profile("tiny", 4, 3))  # type: ignore[index]
    for size in (4, 5, 12, 13, 36, 37, 108, 109, 1000):
        artifact = made(tmp_path, f"{size}", size, "tiny")
        root, blocks = read_car(b"".join(file_car(artifact)))
        assert (root, read_file(root, blocks)) == (artifact.cid, artifact.path.read_bytes())


@pytest.mark.parametrize("profile", PROFILES)
def test_the_archive_of_a_result_holds_its_directory(profile: str, tmp_path: Path) -> None:
    files = [made(tmp_path, f"旁白 {n}.mp4", n * 37, profile) for n in range(40)]
    files.append(made(tmp_path, "alice.mp4", 1_500_000, profile))
    shares: list[float] = []
    cid = write_car(files, tmp_path / "out.car", profile, shares.append)
    root, blocks = read_car((tmp_path / "out.car").read_bytes())
    assert root == cid == directory_cid({one.name: one for one in files}, profile)
    assert {name: read_file(below, blocks) for name, below in links(blocks[root])} == {
        one.name: one.path.read_bytes() for one in files
    }
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_what_changed_or_went_leaves_no_archive(tmp_path: Path) -> None:
    artifact = made(tmp_path, "a.bin", 3_000_000, MODERN)
    (tmp_path / "out").mkdir()
    target = tmp_path / "out" / "out.car"
    target.write_bytes(b"the old one")
    content = artifact.path.read_bytes()
    artifact.path.write_bytes(content[:-1] + b"?")
    with pytest.raises(Mismatch, match=r"a\.bin changed after it was hashed"):
        write_car([artifact], target, MODERN)
    for short in (content[:-1], b""):
        artifact.path.write_bytes(short)
        with pytest.raises(Mismatch):
            list(file_car(artifact))
    artifact.path.unlink()
    with pytest.raises(Refused, match=r"a\.bin is no longer where it was made"):
        write_car([artifact], target, MODERN)
    assert [(path.name, path.read_bytes()) for path in (tmp_path / "out").iterdir()] == [("out.car", b"the old one")]


def test_the_root_of_changed_bytes_is_never_given_away(tmp_path: Path) -> None:
    artifact = made(tmp_path, "a.bin", 3_000_000, MODERN)
    given = []
    artifact.path.write_bytes(b"?" + artifact.path.read_bytes()[1:])
    with pytest.raises(Mismatch):
        given.extend(file_car(artifact))
    assert not any(piece[4:].startswith(b"\x70") for piece in given[1:])


def test_what_cannot_be_one_directory_is_no_archive(tmp_path: Path) -> None:
    one = made(tmp_path, "a.bin", 1, MODERN)
    with pytest.raises(ValueError, match=r"two files are called a\.bin"):
        write_car([one, one], tmp_path / "x.car", MODERN)
    with pytest.raises(ValueError, match="identified under unixfs-v1-2025, not legacy"):
        write_car([one], tmp_path / "x.car", LEGACY)
    with pytest.raises(ValueError, match="plain file name"):
        write_car([replace(one, name="../a")], tmp_path / "x.car", MODERN)
    with pytest.raises(OSError, match="No such file"):
        write_car([one], tmp_path / "nowhere" / "x.car", MODERN)
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


WRITE = """
import sys
from pathlib import Path
from publishers import identify, write_car
source, target = map(Path, sys.argv[1:])
write_car([identify(source)], target, "unixfs-v1-2025")
with open("/proc/self/status") as status:
    print(status.read().split("VmHWM:")[1].split()[0])  # ru_maxrss counts the parent in
"""


def test_memory_does_not_follow_the_size(tmp_path: Path) -> None:
    """Peak memory in KiB, for 4 MiB and for 300 MiB (a sparse file); measured to 2 GiB by hand."""
    peaks = []
    for size in (4 * 2**20, 300 * 2**20):
        path = tmp_path / "sparse.bin"
        with path.open("wb") as file:
            file.truncate(size)
        command = [sys.executable, "-c", WRITE, str(path), str(tmp_path / "out.car")]
        ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
        peaks.append(int(ran.stdout))
    assert peaks[1] - peaks[0] < 12 * 1024
