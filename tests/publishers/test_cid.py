"""sha256 and CID against a slow reading of the rules, and against what the importer of real nodes said."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from publishers import Artifact, Refused, directory_cid, identify, media_type
from publishers.cid import PIECE, measure
from publishers.unixfs import PROFILES, Balanced, Profile, binary, directory_node, file_node, leaf

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent / "golden" / "cids.json").read_text())
PERIOD = 1_000_003
PATTERN = b"".join(hashlib.sha256(str(i).encode()).digest() for i in range(PERIOD // 32 + 1))[:PERIOD]
TINY = Profile("tiny", 4, 3)
RULES = {**PROFILES, "tiny": TINY}
CASES = [(rules, int(size)) for rules, sizes in GOLDEN["files"].items() for size in sizes]


def content(size: int) -> bytes:
    return (PATTERN * (size // PERIOD + 1))[:size]


# A second implementation, level by level over lists, written from the UnixFS, dag-pb, CID and base32 specifications.


def number(n: int) -> bytes:
    return bytes([n]) if n < 128 else bytes([n % 128 + 128]) + number(n // 128)


def pb(field: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return number(field * 8) + number(value)
    return number(field * 8 + 2) + number(len(value)) + value


def text_of(cid: bytes) -> str:
    bits = "".join(f"{byte:08b}" for byte in cid)
    bits += "0" * (-len(bits) % 5)
    return "b" + "".join("abcdefghijklmnopqrstuvwxyz234567"[int(bits[i : i + 5], 2)] for i in range(0, len(bits), 5))


def cid_of(codec: int, block: bytes) -> bytes:
    return bytes([1, codec, 0x12, 32]) + hashlib.sha256(block).digest()


def node_block(links: list[tuple[str, bytes, int]], message: bytes) -> bytes:
    out = b""
    for name, cid, stored in links:
        out += pb(2, pb(1, cid) + pb(2, name.encode()) + pb(3, stored))
    return out + pb(1, message)


def slow_file(data: bytes, chunk: int, width: int) -> tuple[bytes, int]:
    """Return binary CID and cumulative size of a file."""
    row = [(cid_of(0x55, c), len(c), len(c)) for c in (data[i : i + chunk] for i in range(0, len(data) or 1, chunk))]
    while len(row) > 1:
        above = []
        for start in range(0, len(row), width):
            children = row[start : start + width]
            size = sum(child[1] for child in children)
            message = pb(1, 2) + pb(3, size) + b"".join(pb(4, child[1]) for child in children)
            block = node_block([("", cid, stored) for cid, _, stored in children], message)
            above.append((cid_of(0x70, block), size, len(block) + sum(child[2] for child in children)))
        row = above
    return row[0][0], row[0][2]


def slow_directory(files: dict[str, tuple[bytes, int]]) -> bytes:
    links = [(name, *files[name]) for name in sorted(files, key=str.encode)]
    return cid_of(0x70, node_block(links, pb(1, 1)))


def directory(kind: str) -> dict[str, int]:
    """The directories of make_golden.mjs: sizes by name."""
    return {
        "empty": {},
        "chinese": {f"旁白 {i} 第{(i * 7919) % 200}集.mp4": i * 37 for i in range(200)},
        "mixed": {"b.mp4": 2_500_000, "B.jpg": 10, "é.png": 0, "𝄞.mp4": 300_000, "～.mp4": 1_048_577, "a": 5},
        "brim": {str(i).rjust(255 if i < 36 else 250, "n"): 1 for i in range(885)},
        "over": {str(i).rjust(255 if i < 37 else 250, "n"): 1 for i in range(885)},
    }[kind]


def artifact(name: str, size: int, profile: str) -> Artifact:
    rules = PROFILES[profile]
    cid, _ = slow_file(content(size), rules.chunk, rules.links)
    return Artifact(Path(name), name, "", size, hashlib.sha256(content(size)).hexdigest(), text_of(cid), profile)


@pytest.mark.parametrize(("rules", "size"), CASES)
def test_files_are_named_as_the_rules_and_the_nodes_name_them(rules: str, size: int, tmp_path: Path) -> None:
    data = content(size)
    path = tmp_path / "some.bin"
    path.write_bytes(data)
    found = measure(path, RULES[rules])
    slow, stored = slow_file(data, RULES[rules].chunk, RULES[rules].links)
    assert found.root.text == text_of(slow) == GOLDEN["files"][rules][str(size)]["cid"]
    assert found.root.stored == stored == GOLDEN["files"][rules][str(size)]["stored"]
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    assert file_node(size, found.root.text, RULES[rules]) == found.root


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("kind", ["empty", "chinese", "mixed", "brim"])
def test_directories_are_named_as_the_rules_and_the_node_name_them(kind: str, profile: str) -> None:
    rules = PROFILES[profile]
    files = directory(kind)
    slow = slow_directory({n: slow_file(content(s), rules.chunk, rules.links) for n, s in files.items()})
    found = directory_cid({n: artifact(n, s, profile) for n, s in files.items()}, profile)
    assert found == text_of(slow) == GOLDEN["directories"][profile][kind]["cid"]


def test_a_directory_that_nodes_would_split_is_refused() -> None:
    assert GOLDEN["directories"]["unixfs-v1-2025"]["over"]["kind"] == "hamt-sharded-directory"
    files = {name: leaf(bytes(32), size) for name, size in directory("over").items()}
    with pytest.raises(Refused, match="262149 bytes; one block holds 262144"):
        directory_node(files)


def test_order_of_names_does_not_matter() -> None:
    files = {n: leaf(hashlib.sha256(n.encode()).digest(), 1) for n in directory("chinese")}
    assert directory_node(files) == directory_node(dict(reversed(files.items())))


def test_blocks_can_be_kept_for_export() -> None:
    kept: dict[bytes, bytes] = {}
    tree = Balanced(TINY, kept.__setitem__)
    for start in range(0, 1000, 4):
        tree.add(leaf(hashlib.sha256(content(1000)[start : start + 4]).digest(), 4))
    root = tree.root()
    assert list(kept)[-1] == root.cid  # children before parents
    assert all(cid_of(0x70, block) == cid for cid, block in kept.items())
    assert root.stored == 1000 + sum(map(len, kept.values()))


def test_an_artifact_says_all_about_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x.part"
    path.write_bytes(b"hello\n")
    found = identify(path, "卡萝.MP4")
    assert (found.name, found.media_type, found.bytes, found.path) == ("卡萝.MP4", "video/mp4", 6, path)
    assert found.profile == "unixfs-v1-2025"
    assert identify(path).name == "x.part"
    assert identify(path, profile="legacy-v1-256k").cid == found.cid  # one chunk under both


def test_media_types_do_not_depend_on_the_machine() -> None:
    assert media_type("a.JPG") == "image/jpeg"
    assert media_type("manifest.json") == "application/json"
    assert media_type("noidea.xyz") == media_type("none") == "application/octet-stream"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc/passwd", "a\0b", "n" * 256, "\udcff.mp4"])
def test_names_that_lead_elsewhere_are_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(ValueError, match=r"plain file name|bytes long|UTF-8"):
        identify(tmp_path / "a", name)
    with pytest.raises(ValueError, match=r"plain file name|bytes long|UTF-8"):
        directory_cid({name: artifact("a", 0, "unixfs-v1-2025")})


def test_profiles_do_not_mix(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="identified under legacy-v1-256k, not unixfs-v1-2025"):
        directory_cid({"a": artifact("a", 1, "legacy-v1-256k")})
    with pytest.raises(ValueError, match="known are unixfs-v1-2025, legacy-v1-256k"):
        identify(tmp_path, profile="unixfs-v2")


def test_what_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "."):
        with pytest.raises(OSError, match="not a regular file"):
            identify(tmp_path / name, "x")
    with pytest.raises(FileNotFoundError):
        identify(tmp_path / "gone")


@pytest.mark.parametrize(
    "text", ["", "b", "Qm" + "a" * 44, "bafkreihdwd", "B" + "A" * 58, "b" + "a" * 58, "b1" + "a" * 57]
)
def test_only_our_kind_of_cid_is_read(text: str) -> None:
    with pytest.raises(ValueError, match="not a base32 CIDv1"):
        binary(text)


def test_pieces_hold_whole_chunks_and_no_thread_is_left(tmp_path: Path) -> None:
    assert all(PIECE % profile.chunk == 0 for profile in PROFILES.values())
    (tmp_path / "a").write_bytes(content(3 * PIECE))
    identify(tmp_path / "a")
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("cid")]
