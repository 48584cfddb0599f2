"""A dropped folder gets its permanent addresses: the real daemon, a real IPFS node, a real Arweave gateway."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.press import Press, Purse, places, purse, secret
from tests.nodes.arlocal import Arlocal
from tests.nodes.ipfs import IpfsNode
from tests.nodes.paragraph import ParagraphService
from tests.nodes.pinning import PinningService

pytestmark = pytest.mark.e2e
FILES = ("alice.mp4", "alice.jpg", "bob.mp4", "bob.jpg")
PAPERS = ("alice.metadata.json", "bob.metadata.json", "manifest.json")


@dataclass(frozen=True)
class Published:
    """A job that went everywhere, and everywhere it went."""

    press: Press
    done: Path
    purse: Purse
    pinning: PinningService
    paragraph: ParagraphService

    @property
    def manifest(self) -> dict[str, Any]:
        return json.loads((self.done / "manifest.json").read_text(encoding="utf-8"))

    def receipts(self, publisher: str) -> dict[str, dict[str, Any]]:
        """By the file's name, as job.json has them."""
        return {one["name"]: one for one in self.press.job()["receipts"] if one["publisher"] == publisher}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, ipfs_node: IpfsNode, arlocal: Arlocal) -> Iterator[Published]:
    """Two faces and a speech, dropped into a running daemon that publishes to all there is."""
    place = tmp_path_factory.mktemp("press")
    with ExitStack() as end:
        pinning = end.enter_context(PinningService())
        paragraph = end.enter_context(ParagraphService())
        wallet = purse(place, arlocal)
        keys = place / "keys"
        keys.mkdir()
        text = places(
            ["ipfs", "pinning", "arweave", "paragraph"],
            ipfs={"api": ipfs_node.api, "gateway": ipfs_node.gateway},
            pinning={"name": "pinner", "endpoint": pinning.url, "token": secret(keys / "pinner", pinning.token)},
            arweave={"gateway": arlocal.url, "wallet": wallet.path, "confirmations": 2},
            paragraph={"api": paragraph.api, "key": secret(keys / "paragraph", paragraph.key)},
        )
        press = Press(place, engine="null", more=text)
        with arlocal.mining(0.3), press.watching():
            done = press.drop()
            press.wait(press.ended)
        assert done.exists(), (press.root / "failed" / "talk" / "WHY.txt").read_text(encoding="utf-8")
        yield Published(press, done, wallet, pinning, paragraph)


def test_everything_is_there_and_read_back(published: Published) -> None:
    names = {path.name for path in published.done.iterdir()}
    assert {*FILES, *PAPERS, "post.md", "inputs", "job.log"} <= names
    for publisher in ("ipfs", "pinning", "arweave"):
        receipts = published.receipts(publisher)
        assert {*FILES, *PAPERS} <= set(receipts)
        state = "confirmed" if publisher == "pinning" else "read back"  # our own gateway proves nothing about services
        assert {one["state"] for one in receipts.values()} == {state}
        for name in (*FILES, *PAPERS):
            assert receipts[name]["sha256"] == hashlib.sha256((published.done / name).read_bytes()).hexdigest()


def test_a_stranger_finds_the_same_bytes(published: Published, ipfs_node: IpfsNode, arlocal: Arlocal) -> None:
    whole = {one["receipt"]["publisher"]: one["receipt"]["address"] for one in published.press.job()["gathered"]}
    root = whole["ipfs"].removeprefix("ipfs://")
    tree = whole["arweave"].removeprefix("ar://")
    for name in FILES:
        data = (published.done / name).read_bytes()
        assert ipfs_node.read(f"{root}/{name}") == data
        assert arlocal.data(f"{tree}/{name}") == data
    for name in (*FILES, *PAPERS):
        data = (published.done / name).read_bytes()
        assert ipfs_node.read(published.receipts("ipfs")[name]["address"].removeprefix("ipfs://")) == data
        assert arlocal.data(published.receipts("arweave")[name]["address"].removeprefix("ar://")) == data
    assert root in ipfs_node.pinned()


def test_the_manifest_says_where_the_videos_are(published: Published) -> None:
    text = json.dumps(published.manifest)
    for publisher in ("ipfs", "arweave"):
        for name in FILES:
            assert published.receipts(publisher)[name]["address"] in text
    assert str(published.press.place) not in text
    post = (published.done / "post.md").read_text(encoding="utf-8")
    assert published.receipts("arweave")["manifest.json"]["address"] in post
    assert published.receipts("ipfs")["manifest.json"]["address"] in post


def test_a_video_is_ready_for_the_chain(published: Published) -> None:
    described = json.loads((published.done / "alice.metadata.json").read_text(encoding="utf-8"))
    assert {"name", "description", "image", "animation_url"} <= set(described)
    assert described["animation_url"].startswith("ipfs://")
    assert described["animation_url"].endswith("/alice.mp4")


def test_each_file_was_paid_once(published: Published) -> None:
    paid = published.purse.paid()
    assert set(paid.values()) == {1}
    assert len(paid) == len(FILES) + len(PAPERS) + 1  # and one path manifest
    assert published.purse.spent() == published.purse.fees()


def test_a_draft_waits_and_nothing_was_published_at_paragraph(published: Published) -> None:
    [post] = published.paragraph.posts
    assert post["status"] == "draft"
    assert published.paragraph.letters == 0
    assert published.receipts("ipfs")["manifest.json"]["address"] in post["markdown"]


def test_the_pinning_service_was_asked_once_for_each(published: Published) -> None:
    asked = [pin.pin["cid"] for pin in published.pinning.pins]
    assert len(asked) == len(set(asked))
    assert {pin.status for pin in published.pinning.pins} == {"pinned"}
    assert {video["cid"] for video in published.manifest["videos"]} <= set(asked)


def test_verify_believes_it_and_finds_a_loss(published: Published) -> None:
    answer = published.press.run("verify", published.done, "--online")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    pins = list(published.pinning.pins)
    published.pinning.pins.clear()
    try:
        answer = published.press.run("verify", published.done, "--online")
        assert answer.returncode == 1
        assert "pinner" in answer.stdout + answer.stderr
    finally:
        published.pinning.pins.extend(pins)


def test_every_address_was_known_without_any_node(published: Published, tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:9"
    text = places(
        ["ipfs", "arweave"],
        ipfs={"api": nobody, "gateway": nobody},
        arweave={"gateway": nobody, "wallet": published.purse.path},
    )
    stranger = Press(tmp_path, engine="null", more=text)
    files = [published.done / name for name in FILES]
    document = json.loads(stranger.run("publish", *files, "--to", "ipfs,arweave", "--dry-run", "--json").stdout)
    said = json.dumps(document)
    for name in FILES:
        receipt = published.receipts("ipfs")[name]
        assert receipt["address"] in said
        assert receipt["sha256"] in said
    assert {one["receipt"]["address"] for one in published.press.job()["gathered"]} & set(said.split('"'))


def test_the_same_folder_dropped_again_costs_nothing(published: Published, arlocal: Arlocal) -> None:
    press, before = published.press, published.purse.spent()
    upload = press.place / "again"
    upload.mkdir()
    for path in (published.done / "inputs").iterdir():
        (upload / path.name).write_bytes(path.read_bytes())
    upload.rename(press.root / "inbox" / "again")
    with arlocal.mining(0.3):
        answer = press.run("watch", "--once")
    again = press.root / "done" / "again"
    assert answer.returncode == 0, answer.stderr
    for name in FILES:
        assert (again / name).read_bytes() == (published.done / name).read_bytes()
    paid = published.purse.paid()
    assert set(paid.values()) == {1}
    # Only papers that bear another folder's name may be new.
    papers = sum(published.purse.gateway.price(len((again / name).read_bytes())) for name in PAPERS)
    assert published.purse.spent() - before <= 2 * papers
