"""Against js-ipfs: that the node agrees with us on every CID, and what it does on its bad days."""

from __future__ import annotations

import contextlib
import hashlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from publishers import (
    LEGACY,
    MODERN,
    PROFILES,
    Artifact,
    Mismatch,
    Parcel,
    Receipt,
    Unreachable,
    build,
    directory_cid,
    identify,
    quietly,
    write_car,
)
from publishers.gateway import Gateway
from publishers.ipfs import IpfsPublisher
from publishers.ledger import Ledger
from publishers.node import Node, Patience
from publishers.original import pieces_of
from publishers.outgoing import Outgoing
from tests.nodes.flaky import Flaky
from tests.nodes.guard import Guard
from tests.nodes.ipfs import IpfsNode

pytestmark = pytest.mark.e2e
KIB = 1024
SIZES = [0, 1, 255 * KIB, 256 * KIB, 256 * KIB + 1, 1024 * KIB + 1, 174 * 256 * KIB, 174 * 256 * KIB + 1, 50_000_000]
HASTY = Patience(connect=1.0, answer=2.0, stall=2.0, digest=3.0)


def made(folder: Path, name: str, size: int, profile: str = MODERN) -> Artifact:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(random.Random(f"{name}{size}").randbytes(size))
    return identify(path, profile=profile)


def body(artifact: Artifact) -> Outgoing:
    return Outgoing(artifact.name, pieces_of(artifact), artifact.bytes)


def publisher(node: IpfsNode, state: Path, **settings: object) -> IpfsPublisher:
    found = build("ipfs", {"api": node.api, "gateway": node.gateway, "links": "https://ipfs.io", **settings}, state)
    assert isinstance(found, IpfsPublisher)
    return found


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("size", SIZES)
def test_the_node_arrives_at_our_cid(ipfs_node: IpfsNode, size: int, profile: str, tmp_path: Path) -> None:
    """It cuts as it is told; its trees have 174 children, so a wide file of the modern profile would be another's."""
    artifact = made(tmp_path, "a.bin", size, profile)
    node = Node(ipfs_node.api)
    assert node.add(body(artifact), PROFILES[profile].chunk, pin=False) == artifact.cid


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("size", [0, 1, 256 * KIB + 1, 174 * 256 * KIB + 1])
def test_the_node_imports_our_archive(ipfs_node: IpfsNode, size: int, profile: str, tmp_path: Path) -> None:
    artifact = made(tmp_path, f"{profile}.bin", size, profile)
    root = write_car([artifact], tmp_path / "out.car", profile)
    with (tmp_path / "out.car").open("rb") as file:
        archive = Outgoing("out.car", iter(lambda: file.read(65536), b""), 0)
        assert Node(ipfs_node.api).load(archive, pin=True) == root
    assert {root} <= ipfs_node.pinned()
    assert ipfs_node.read(f"{root}/{profile}.bin") == artifact.path.read_bytes()


def test_wide_files_of_the_modern_profile_go_as_archives(ipfs_node: IpfsNode, tmp_path: Path) -> None:
    """200 MiB of zeros: the node by itself arrives at another CID, our archive at ours."""
    path = tmp_path / "wide.mp4"
    with path.open("wb") as file:
        file.truncate(200 * 2**20)
    artifact = identify(path)
    assert Node(ipfs_node.api).add(body(artifact), 1024 * KIB, pin=False) != artifact.cid
    receipt = publisher(ipfs_node, tmp_path).publish(artifact, Parcel("x", "x", (artifact,)), quietly)
    assert receipt.address == f"ipfs://{artifact.cid}"


@pytest.mark.parametrize("profile", PROFILES)
def test_a_result_of_200_files_has_one_root(ipfs_node: IpfsNode, profile: str, tmp_path: Path) -> None:
    files = [made(tmp_path / "made", f"旁白 {n} 第{(n * 7919) % 200}集.mp4", n * 37, profile) for n in range(200)]
    parcel = Parcel("x", "周报", tuple(files))
    one = publisher(ipfs_node, tmp_path)
    receipts = [Receipt("ipfs", each.name, each.sha256, "", "", "") for each in files]
    node = Node(ipfs_node.api)
    for each in files:
        assert node.add(body(each), PROFILES[profile].chunk, pin=True) == each.cid
    whole = one.gather(parcel, receipts, quietly)
    root = directory_cid({each.name: each for each in files}, profile)
    assert whole.address == f"ipfs://{root}"
    assert root in ipfs_node.pinned()
    one.verify(whole)
    said = ipfs_node.ask("ls", arg=root, **{"cid-base": "base32"})["Objects"][0]["Links"]
    assert {link["Name"]: link["Hash"] for link in said} == {each.name: each.cid for each in files}


def test_a_result_is_published_read_back_and_found_again(ipfs_node: IpfsNode, tmp_path: Path) -> None:
    files = [made(tmp_path / "made", name, size) for name, size in (("alice.mp4", 3_000_000), ("旁白 #1?.jpg", 9000))]
    parcel = Parcel("x", "周报", tuple(files))
    one = publisher(ipfs_node, tmp_path)
    receipts = [one.publish(each, parcel, quietly) for each in files]
    whole = one.gather(parcel, receipts, quietly)
    root = whole.address.removeprefix("ipfs://")
    assert hashlib.sha256(ipfs_node.read(f"{root}/alice.mp4")).hexdigest() == files[0].sha256
    assert {root, *(each.cid for each in files)} <= ipfs_node.pinned()
    assert [one.publish(each, parcel, quietly) for each in files] == receipts
    for receipt in (*receipts, whole):
        one.verify(receipt)
    assert [(found.name, found.state) for found in one.examine()] == [("node", "ok"), ("gateway", "ok")]
    assert "js-ipfs" in one.examine()[0].found


def test_bytes_that_are_nowhere_are_lost(ipfs_node: IpfsNode, tmp_path: Path) -> None:
    """Its gateway hangs for a block that it has not; that it does not keep it tells the two apart."""
    artifact = made(tmp_path, "lost.mp4", 1000)
    one = IpfsPublisher(Node(ipfs_node.api, patience=HASTY), Gateway(ipfs_node.gateway, read=1.5), Ledger(tmp_path))
    with pytest.raises(Mismatch, match="no longer in IPFS"):
        one.verify(Receipt("ipfs", artifact.name, artifact.sha256, f"ipfs://{artifact.cid}", "", "read back"))


def test_a_node_that_hangs_and_one_that_is_away(ipfs_node: IpfsNode, tmp_path: Path) -> None:
    artifact = made(tmp_path, "later.mp4", 2_000_000)
    parcel = Parcel("x", "x", (artifact,))
    one = IpfsPublisher(Node(ipfs_node.api, patience=HASTY), Gateway(ipfs_node.gateway, read=1.5), Ledger(tmp_path))
    with ipfs_node.paused(), pytest.raises(Unreachable, match="does not answer in time"):
        one.publish(artifact, parcel, quietly)
    with ipfs_node.away(), pytest.raises(Unreachable, match="nothing answers"):
        one.publish(artifact, parcel, quietly)
    receipt = publisher(ipfs_node, tmp_path).publish(artifact, parcel, quietly)
    ipfs_node.kill()
    ipfs_node.start()
    one.verify(receipt)


def test_an_upload_that_is_ended_leaves_no_pin(ipfs_node: IpfsNode, tmp_path: Path) -> None:
    artifact = made(tmp_path, "half.mp4", 2_000_000)

    def half() -> Iterator[bytes]:
        yield artifact.path.read_bytes()[:1_000_000]
        raise Unreachable("the disk is failing")

    before = ipfs_node.pinned()
    with pytest.raises(Unreachable, match="disk"):
        Node(ipfs_node.api).add(Outgoing("half.mp4", half(), 2_000_000), 1024 * KIB, pin=True)
    assert Node(ipfs_node.api).version().program == "js-ipfs", "it lives"
    assert ipfs_node.pinned() == before


@pytest.mark.parametrize("secret", ["alice:geheim", "t0ken"])
def test_a_door_that_wants_a_password(ipfs_node: IpfsNode, secret: str, tmp_path: Path) -> None:
    artifact = made(tmp_path, "guarded.mp4", 3_000_000, LEGACY)
    parcel = Parcel("x", "x", (artifact,))
    (tmp_path / "auth").write_text(secret)
    (tmp_path / "auth").chmod(0o600)
    with Guard(ipfs_node.api, secret) as guard:
        one = publisher(ipfs_node, tmp_path, api=guard.url, auth=str(tmp_path / "auth"))
        assert one.publish(artifact, parcel, quietly).state == "read back"
        assert guard.refused == 0
        guard.secret = "another:one"
        node, _ = one.examine()
        assert (node.state, "403" in node.found) == ("fail", True)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_bad_line_delays_and_no_more(ipfs_node: IpfsNode, seed: int, tmp_path: Path) -> None:
    """30 % of the calls to the node fail, before or after it obeyed; every fault may pass, and all arrives."""
    files = [made(tmp_path / "made", f"{seed} {n}.mp4", n * 60_000) for n in range(12)]
    parcel = Parcel(f"bad line {seed}", "周报", tuple(files))
    with Flaky(ipfs_node.api, seed, hang=1.0) as flaky:
        node = Node(flaky.url, patience=HASTY)
        one = IpfsPublisher(node, Gateway(ipfs_node.gateway), Ledger(tmp_path), "https://ipfs.io")
        receipts = [stubbornly(lambda each=each: one.publish(each, parcel, quietly)) for each in files]
        whole = stubbornly(lambda: one.gather(parcel, receipts, quietly))
        assert flaky.faults
    assert {whole.address.removeprefix("ipfs://"), *(each.cid for each in files)} <= ipfs_node.pinned()
    for receipt in (*receipts, whole):
        publisher(ipfs_node, tmp_path).verify(receipt)


def stubbornly(act: Callable[[], Receipt]) -> Receipt:
    """Do it again for as long as the fault may pass."""
    for _ in range(30):
        with contextlib.suppress(Unreachable):
            return act()
    raise AssertionError("it never got through")
