"""A person looks first, a node may be away, and no secret is ever written anywhere."""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.press import MONEY, Press, places, purse, secret
from tests.nodes.arlocal import Arlocal
from tests.nodes.guard import Guard
from tests.nodes.ipfs import IpfsNode
from tests.nodes.lying import LyingGateway
from tests.nodes.paragraph import ParagraphService
from tests.nodes.pinning import PinningService

pytestmark = pytest.mark.e2e


def test_nothing_leaves_before_somebody_approves(tmp_path: Path, ipfs_node: IpfsNode, arlocal: Arlocal) -> None:
    wallet = purse(tmp_path, arlocal)
    text = places(
        ["ipfs", "arweave"],
        ipfs={"api": ipfs_node.api, "gateway": ipfs_node.gateway},
        arweave={"gateway": arlocal.url, "wallet": wallet.path, "confirmations": 2},
    )
    press = Press(tmp_path, engine="null", more=text.replace("[publish]\n", "[publish]\nreview = true\n", 1))
    before = ipfs_node.pinned()
    done = press.drop(seed=4, faces=("alice",))
    answer = press.run("watch", "--once")
    assert answer.returncode == 0, answer.stderr
    home = press.root / "working" / "talk"
    review = (home / "REVIEW.txt").read_text(encoding="utf-8")
    assert "alice.mp4" in review
    assert "AR" in review
    assert ipfs_node.pinned() == before
    assert wallet.paid() == {}
    with arlocal.mining(0.3), press.watching():
        press.wait(lambda: "approv" in press.status())
        assert press.run("approve", press.job()["id"]).returncode == 0
        press.wait(press.ended)
    assert done.exists()
    cids = [video["cid"] for video in json.loads((done / "manifest.json").read_text(encoding="utf-8"))["videos"]]
    assert all(cid in review for cid in cids), "what was approved is what was published"
    assert set(wallet.paid().values()) == {1}


def test_a_node_that_is_away_is_waited_for(tmp_path: Path, ipfs_node: IpfsNode, arlocal: Arlocal) -> None:
    wallet = purse(tmp_path, arlocal)
    text = places(
        ["ipfs", "arweave"],
        ipfs={"api": ipfs_node.api, "gateway": ipfs_node.gateway},
        arweave={"gateway": arlocal.url, "wallet": wallet.path, "confirmations": 2},
    )
    press = Press(tmp_path, engine="null", more=text)
    with arlocal.mining(0.3), press.watching():
        with ipfs_node.away():
            done = press.drop(seed=5, faces=("alice",))
            press.wait(lambda: _has(press, "arweave", "alice.mp4"))  # one that is away holds up no other
            press.wait(lambda: "ipfs did not answer" in press.status())
            assert not press.ended()
        press.wait(press.ended)
    assert done.exists()
    assert set(wallet.paid().values()) == {1}


def test_a_node_that_hangs_is_waited_for(tmp_path: Path, arlocal: Arlocal) -> None:
    wallet = purse(tmp_path, arlocal)
    text = places(["arweave"], arweave={"gateway": arlocal.url, "wallet": wallet.path, "confirmations": 2})
    press = Press(tmp_path, engine="null", more=text)
    with press.watching():
        with arlocal.paused():
            done = press.drop(seed=6, faces=("alice",))
            press.wait(lambda: "arweave did not answer" in press.status())
        with arlocal.mining(0.3):
            press.wait(press.ended)
    assert done.exists()
    assert set(wallet.paid().values()) == {1}


@pytest.mark.parametrize(("money", "most", "said"), [(MONEY, 0.00000001, "max_ar"), (1, 1, "the wallet")])
def test_what_is_too_dear_is_not_even_begun(
    tmp_path: Path, ipfs_node: IpfsNode, arlocal: Arlocal, money: int, most: float, said: str
) -> None:
    wallet = purse(tmp_path, arlocal, money)
    text = places(
        ["ipfs", "arweave"],
        ipfs={"api": ipfs_node.api, "gateway": ipfs_node.gateway},
        arweave={"gateway": arlocal.url, "wallet": wallet.path, "max_ar": most, "confirmations": 2},
    )
    press = Press(tmp_path, engine="null", more=text)
    before = ipfs_node.pinned()
    press.drop(seed=8, faces=("alice",))
    assert press.run("watch", "--once").returncode == 1
    why = (press.root / "failed" / "talk" / "WHY.txt").read_text(encoding="utf-8")
    assert said in why
    assert wallet.paid() == {}
    assert ipfs_node.pinned() == before, "nothing goes anywhere where something is too dear"
    assert list((press.root / "failed" / "talk").glob("**/alice.mp4")), "the video is not lost"


@pytest.mark.parametrize("lie", ["other bytes", "fewer bytes", "error page"])
def test_a_gateway_that_lies_is_not_believed(tmp_path: Path, ipfs_node: IpfsNode, lie: str) -> None:
    with LyingGateway(ipfs_node.gateway, lie) as gateway:
        press = Press(
            tmp_path, engine="null", more=places(["ipfs"], ipfs={"api": ipfs_node.api, "gateway": gateway.url})
        )
        press.drop(seed=9, faces=("alice",))
        with press.watching():
            press.wait(lambda: press.ended() or "did not answer" in press.status())
        assert not (press.root / "done" / "talk").exists()
        assert not any(line["event"] == "published" for line in press.log())


def _has(press: Press, publisher: str, name: str) -> bool:
    paths = list(press.root.glob("working/talk/job.json"))
    return any(
        (one["publisher"], one["name"]) == (publisher, name)
        for path in paths
        for one in json.loads(path.read_text())["receipts"]
    )


def test_no_secret_is_written_anywhere(
    tmp_path: Path, arlocal: Arlocal, ipfs_node: IpfsNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    wallet = purse(keys, arlocal)
    jwk = json.loads(wallet.path.read_text(encoding="utf-8"))
    marks = {"ipfs": "nobody-may-see-ipfs", "pinner": "nobody-may-see-pinner", "paragraph": "nobody-may-see-paragraph"}
    monkeypatch.setenv("HASTY_DEBUG", "1")
    with ExitStack() as end:
        pinning = end.enter_context(PinningService(marks["pinner"]))
        paragraph = end.enter_context(ParagraphService(marks["paragraph"]))
        guard = end.enter_context(Guard(ipfs_node.api, f"someone:{marks['ipfs']}"))
        text = places(
            ["ipfs", "pinning", "arweave", "paragraph"],
            ipfs={
                "api": guard.url,
                "gateway": ipfs_node.gateway,
                "auth": secret(keys / "ipfs", guard.secret),
            },
            pinning={"name": "pinner", "endpoint": pinning.url, "token": secret(keys / "pinner", pinning.token)},
            arweave={"gateway": arlocal.url, "wallet": wallet.path, "confirmations": 2},
            paragraph={"api": paragraph.api, "key": secret(keys / "paragraph", paragraph.key)},
        )
        press = Press(tmp_path, engine="null", more=text)
        seen: set[bytes] = set()
        with arlocal.mining(0.3), press.watching() as daemon:
            press.drop(seed=7, faces=("alice",))
            press.wait(lambda: seen.update(_visible(daemon.pid)) or press.ended())
        pinning.token = paragraph.key = guard.secret = "another"  # errors are written down too
        said = [
            press.run(*words)
            for words in (
                ("doctor",),
                ("config", "show"),
                ("jobs", "--json"),
                ("publish", press.root / "done" / "talk" / "post.md", "--to", "ipfs,pinning,paragraph"),
                ("verify", press.root / "done" / "talk", "--online"),
            )
        ]
    assert (press.root / "done" / "talk").exists()
    hidden = [*marks.values(), *(jwk[part] for part in ("d", "p", "q", "dp", "dq", "qi"))]
    hidden += [jwk["d"][:40], base64.b64encode(f"someone:{marks['ipfs']}".encode()).decode()]
    assert _leaks(keys, tmp_path / "elsewhere", hidden, []), "what looks for them finds nothing at all"
    assert not _leaks(press.place, keys, hidden, said)
    assert len(seen) > 2, "no process but the daemon was seen"
    assert not [line for line in seen for text in hidden if text.encode() in line]
    debug = (press.place / "daemon.log").read_text(encoding="utf-8")
    assert "DEBUG" in debug, "the test is worth nothing at another level"


def _visible(pid: int) -> list[bytes]:
    """What others on this machine see of a process and all that it started: command lines and environments."""
    found = []
    with contextlib.suppress(OSError):
        found = [Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text(encoding="ascii").split():
                found += _visible(int(child))
    return found


def _leaks(place: Path, keys: Path, hidden: list[str], said: list[subprocess.CompletedProcess[str]]) -> list[str]:
    """Where any of it is found, and which, by its number."""
    needles = [text.encode() for text in hidden]
    found = [
        f"{path}: {number}"
        for path in place.rglob("*")
        if path.is_file() and keys not in path.parents
        for number, needle in enumerate(needles)
        if needle in path.read_bytes()
    ]
    for answer in said:
        spoken = (answer.stdout + answer.stderr).encode()
        found += [f"{answer.args[2:4]}: {number}" for number, needle in enumerate(needles) if needle in spoken]
    return found
