"""Headers: what is signed equals arweave-js, what it signed is sound, and what was meddled with is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest

from publishers import identify
from publishers.arweave import tags as tags_module
from publishers.arweave.data import Data
from publishers.arweave.deephash import deep_hash
from publishers.arweave.encoding import decode, encode
from publishers.arweave.tags import Tag, describe
from publishers.arweave.transaction import Header, sign
from publishers.arweave.wallet import Wallet

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[1] / "golden" / "arweave.json").read_text())
ANCHOR = encode(bytes(range(48)))
TAGS = (Tag("Content-Type", "video/mp4"), Tag("Title", "周报 – 𝄞"), Tag("Title", '"\\ \n'))


@pytest.fixture
def header(wallet: Wallet, write: Callable[[int], Path]) -> Header:
    return sign(wallet, Data.of(write(300_000)), TAGS, 123_456_789_012_345_678, ANCHOR)


@pytest.mark.parametrize("expected", GOLDEN["headers"], ids=lambda made: made["header"]["data_size"])
def test_what_arweave_js_signed_is_read_written_and_checked(expected: dict[str, Any]) -> None:
    header = Header.from_json(json.dumps(expected["header"]))
    assert header.signed.hex() == expected["signed"]
    assert header.document() == expected["header"]
    assert header.address == expected["address"]
    assert [[tag.name, tag.value] for tag in header.tags] == expected["tags"]


def test_data_root_is_that_of_the_file(write: Callable[[int], Path]) -> None:
    for expected in GOLDEN["headers"]:
        size = int(expected["header"]["data_size"])
        assert Data.of(write(size)).root == expected["header"]["data_root"]


def test_a_signed_header_survives_the_ledger(header: Header) -> None:
    text = header.to_json()
    assert Header.from_json(text) == header
    assert Header.from_json(text.encode()).to_json() == text
    assert json.loads(text)["data"] == ""
    assert json.loads(text)["reward"] == "123456789012345678"
    assert header.document(b"all of it")["data"] == encode(b"all of it")
    assert len(header.id) == 43


def test_each_signature_is_another_transaction(wallet: Wallet, header: Header, write: Callable[[int], Path]) -> None:
    again = sign(wallet, Data.of(write(300_000)), TAGS, header.reward, ANCHOR)
    assert again.signed == header.signed
    assert again.id != header.id
    again.check()


@pytest.mark.parametrize(
    "change",
    [
        {"reward": 1},
        {"anchor": encode(bytes(48))},
        {"data_size": 299_999},
        {"data_root": encode(bytes(32))},
        {"tags": TAGS[:2]},
        {"tags": TAGS[::-1]},
        {"id": encode(bytes(32))},
        {"signature": encode(bytes(512))},
    ],
    ids=str,
)
def test_what_was_meddled_with_is_refused(header: Header, change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="of the transaction"):
        Header.from_json(replace(header, **change).to_json())


@pytest.mark.parametrize(
    "change",
    [
        {"format": 1},
        {"target": "x"},
        {"quantity": "1"},
        {"quantity": "much"},
        {"data_root": "AAAA"},
        {"data_root": None},
        {"owner": "###"},
        {"owner": "AA"},
        {"tags": None},
        {"tags": [{"name": "AA"}]},
        {"tags": "AA"},
        {"reward": None},
        {"signature": "A" * 1000 + "="},
        {"signature": 5},
        {"last_tx": 5},
    ],
    ids=str,
)
def test_what_is_no_transaction_is_a_value_error(header: Header, change: dict[str, Any]) -> None:
    document = {**header.document(), **change}
    with pytest.raises(ValueError):
        Header.from_json(json.dumps(document))


OTHERS = ["", "Pending", "[]", "null", "5", "{}", "[" * 100_000, "9" * 5000]


@pytest.mark.parametrize("text", OTHERS, ids=lambda text: text[:7])
def test_other_answers_are_no_transaction(text: str) -> None:
    with pytest.raises(ValueError):
        Header.from_json(text)


def test_headers_and_chunks_do_not_change(header: Header, write: Callable[[int], Path]) -> None:
    with pytest.raises(FrozenInstanceError):
        header.reward = 1  # type: ignore[misc]
    chunk = Data.of(write(300_000)).chunk(1)
    with pytest.raises(FrozenInstanceError):
        chunk.offset = 1  # type: ignore[misc]
    assert chunk.document["offset"] == "299999"
    assert chunk.document["data_size"] == "300000"
    assert decode(chunk.document["chunk"]) == chunk.chunk


def test_deep_hash_tells_structures_apart() -> None:
    seen = {deep_hash(item) for item in (b"", [], [[]], [b""], b"ab", [b"ab"], [b"a", b"b"], [[b"a"], b"b"])}
    assert len(seen) == 8
    assert {len(digest) for digest in seen} == {48}


def test_tags_describe_a_file_and_find_it_again(tmp_path: Path) -> None:
    path = tmp_path / "旁白.mp4"
    path.write_bytes(b"film")
    artifact = identify(path)
    said = {tag.name: tag.value for tag in describe(artifact, " 周报 ")}
    assert said.pop("App-Version")
    assert said == {
        "Content-Type": "video/mp4",
        "App-Name": "lipsyncd",
        "Title": "周报",
        "File-Name": "旁白.mp4",
        "IPFS-CID": artifact.cid,
        "SHA-256": artifact.sha256,
    }
    assert "Title" not in {tag.name for tag in describe(artifact, "  ")}
    longest = describe(replace(artifact, name="字" * 85), "题" * 5000)
    tags_module.check(longest)
    assert "题" * 300 in {tag.name: tag.value for tag in longest}["Title"]


@pytest.mark.parametrize(
    ("tags", "wrong"),
    [
        ([Tag("a", "")], "no name or no value"),
        ([Tag("", "a")], "no name or no value"),
        ([Tag("a", "b")] * 129, "takes 128 tags"),
        ([Tag("a", "é" * 1024)], "at most 2048 bytes, not 2049"),
    ],
)
def test_tags_that_no_node_takes_are_not_signed(
    tags: list[Tag], wrong: str, wallet: Wallet, write: Callable[[int], Path]
) -> None:
    with pytest.raises(ValueError, match=wrong):
        sign(wallet, Data.of(write(1)), tags, 1, ANCHOR)


def test_base64url_has_one_spelling() -> None:
    assert decode(encode(bytes(range(256)))) == bytes(range(256))
    for wrong in ("AA==", "A", "AB", "A+/A", "AA\n", "é", "AAA AA"):
        with pytest.raises(ValueError, match="base64url"):
            decode(wrong)
