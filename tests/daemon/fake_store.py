"""Publishers that do as they are told, and whose world is a folder: what is paid is a file in it, once for ever.

``world/NAME.json`` tells one what to do, and is read anew at each call: ``away``, ``refuse`` (file names), ``lie``,
``slow`` (seconds, with beats), ``deaf`` (seconds, without), ``pending`` (looks until it counts), ``wait`` (seconds
between looks), ``price`` (winston a file), ``cap``, ``bug``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from daemon import durable
from publishers import (
    Artifact,
    Parcel,
    Pending,
    Post,
    Quote,
    QuoteLine,
    Receipt,
    Refused,
    Unreachable,
    directory_cid,
)

Beat = Callable[[float], None]


class Plain:
    """A publisher and nothing more."""

    name = "plain"

    def __init__(self, world: Path) -> None:
        self.world = world

    @classmethod
    def from_settings(cls, _settings: Mapping[str, object], state: Path) -> Plain:
        world = state.parent / "world"
        (world / cls.name).mkdir(parents=True, exist_ok=True)
        return cls(world)

    def publish(self, artifact: Artifact, parcel: Parcel, beat: Beat) -> Receipt:
        assert hashlib.sha256(artifact.path.read_bytes()).hexdigest() == artifact.sha256
        assert parcel.papers == 1 + len(parcel.artifacts) // 2
        self._enter("publish", artifact.name, beat)
        address = f"ipfs://{artifact.cid}"
        sha256 = "0" * 64 if self._told("lie") else artifact.sha256
        return self._kept(
            Receipt(self.name, artifact.name, sha256, address, f"https://{self.name}/ipfs/{artifact.cid}", "read back")
        )

    def verify(self, receipt: Receipt) -> None:
        assert (self.world / self.name / receipt.sha256).exists()

    def _told(self, what: str) -> float:
        path = self.world / f"{self.name}.json"
        told = json.loads(path.read_text()) if path.exists() else {}
        return told.get(what, 0)

    def _note(self, what: str, file: str) -> None:
        with (self.world / "diary").open("a", encoding="utf-8") as diary:
            diary.write(json.dumps({"store": self.name, "what": what, "file": file, "at": time.monotonic()}) + "\n")

    def _enter(self, what: str, file: str, beat: Beat) -> None:
        self._note(what, file)
        if self._told("away"):
            raise Unreachable(f"nobody answers at {self.name}", "Start it.")
        if file in (self._told("refuse") or ()):
            raise Refused(f"{file} is too large for {self.name}", "Make it smaller.")
        if self._told("bug"):
            raise ZeroDivisionError
        time.sleep(self._told("deaf"))
        begin = time.monotonic()
        while (spent := time.monotonic() - begin) < self._told("slow"):
            beat(spent / self._told("slow"))
            time.sleep(0.02)

    def _kept(self, receipt: Receipt) -> Receipt:
        """Pay, unless it is paid; then let the looks pass that it takes."""
        path = self.world / self.name / receipt.sha256
        paid = json.loads(path.read_text()) if path.exists() else {"file": receipt.name, "looks": 0}
        durable.replace(path, json.dumps(paid))
        if paid["looks"] < self._told("pending"):
            durable.replace(path, json.dumps(paid | {"looks": paid["looks"] + 1}))
            said = f"{receipt.name or 'the whole'} has {paid['looks']} of 10 confirmations"
            raise Pending(said, replace(receipt, state="sent"), self._told("wait"))
        return receipt


class Alpha(Plain):
    """Keeps files, gathers them, and knows its price."""

    name = "alpha"

    def gather(self, parcel: Parcel, receipts: Sequence[Receipt], beat: Beat) -> Receipt:
        assert [receipt.name for receipt in receipts] == [artifact.name for artifact in parcel.artifacts]
        self._enter("gather", "", beat)
        root = directory_cid({artifact.name: artifact for artifact in parcel.artifacts})
        sha256 = base64.b32decode(root[1:].upper() + "=" * (-len(root[1:]) % 8))[4:].hex()
        return self._kept(
            Receipt(self.name, "", sha256, f"ipfs://{root}", f"https://{self.name}/ipfs/{root}", "read back")
        )

    def quote(self, parcel: Parcel, online: bool) -> Quote:
        assert online
        self._note("quote", "")
        if self._told("away"):
            raise Unreachable(f"nobody answers at {self.name}", "Start it.")
        price = int(self._told("price"))
        lines = tuple(QuoteLine(artifact.name, f"ipfs://{artifact.cid}", price) for artifact in parcel.artifacts)
        if self._told("cap") and price * len(lines) > self._told("cap"):
            raise Refused(f"{self.name} wants {price * len(lines)}; max_ar allows {self._told('cap')}", "Raise max_ar.")
        return Quote(self.name, lines, price * len(lines), "Asked just now.")


class Beta(Alpha):
    """Another one."""

    name = "beta"


class Herald(Plain):
    """Takes drafts of posts."""

    name = "herald"
    publish = None  # type: ignore[assignment]

    def announce(self, post: Post, parcel: Parcel, beat: Beat) -> Receipt:
        self._enter("announce", post.title, beat)
        sha256 = hashlib.sha256(f"{parcel.id}".encode()).hexdigest()
        assert "ipfs://" in post.markdown
        return self._kept(Receipt(self.name, "post.md", sha256, "https://herald/drafts/1", "", "sent"))


POINTS = tuple(
    EntryPoint(kind.name, f"tests.daemon.fake_store:{kind.__name__}", "lipsyncd.publishers")
    for kind in (Plain, Alpha, Beta, Herald)
)


@dataclass(frozen=True)
class Stores:
    """The world of the publishers."""

    world: Path

    def tell(self, name: str, **what: object) -> None:
        """Tell a publisher what to do from now on."""
        self.world.mkdir(exist_ok=True)
        durable.replace(self.world / f"{name}.json", json.dumps(what))

    @property
    def diary(self) -> list[dict[str, Any]]:
        """What they were asked, in order."""
        path = self.world / "diary"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []

    def asked(self, store: str, what: str) -> list[str]:
        """The files that a publisher was called for."""
        return [entry["file"] for entry in self.diary if (entry["store"], entry["what"]) == (store, what)]

    def paid(self, store: str) -> list[str]:
        """The files that a publisher was paid for: one for each content."""
        return sorted(json.loads(path.read_text())["file"] for path in (self.world / store).iterdir())
