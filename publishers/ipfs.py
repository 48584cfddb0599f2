"""The publisher for IPFS: a node of one's own keeps the files, its gateway shows that it has the right bytes.

Every address is known before anything is sent. What the node answers is compared with it, and what the gateway serves
is hashed: only then is something published. A file goes by ``add`` where every node cuts it alike, else as an archive
of our own blocks, which leaves the node nothing to decide.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from publishers.base import Artifact, Beat, Examination, Parcel, Quote, QuoteLine, Receipt
from publishers.car import file_car, gathered, header
from publishers.errors import Mismatch, PublisherError, PublishError, Refused, Unreachable
from publishers.filename import plain
from publishers.gateway import Gateway, sound, under
from publishers.ledger import Ledger
from publishers.node import Node
from publishers.node_check import examine_gateway, examine_node
from publishers.original import check_original, pieces_of
from publishers.outgoing import Outgoing
from publishers.record import READ_BACK, SENT, Record
from publishers.secret import read_secret
from publishers.unixfs import LEGACY, MODERN, PROFILES, binary, profile_of
from publishers.unixfs import Node as Directory

SCHEME = "ipfs://"
PLACE = "ipfs"
NARROW = PROFILES[LEGACY].links
"""Chunks up to which all nodes build the same tree; beyond, it depends on how each is set up."""
FIRST_BYTE = 60.0
"""Seconds for the gateway to begin: some walk through all of a large file first."""
_CREDENTIAL = "ipfs-auth"
_EASY = re.compile(r"[\w.\- ]+", re.ASCII)
_KEYS = {"api": "http://127.0.0.1:5001", "gateway": "http://127.0.0.1:8080", "links": "", "profile": MODERN, "auth": ""}


class IpfsPublisher:
    """Keeps files on an IPFS node."""

    def __init__(self, node: Node, gateway: Gateway, ledger: Ledger, links: str = "", pin: bool = True) -> None:
        """Prepare; nothing is contacted yet.

        Args:
            node: Stores the files.
            gateway: Where they are read back.
            ledger: Every address is written into it before a byte is sent.
            links: The gateway that receipts name; "" for the same.
            pin: Whether the node is to keep what it stores; it forgets the rest sooner or later.
        """
        self._node = node
        self._gateway = gateway
        self._ledger = ledger
        self._links = (links or gateway.web.base).rstrip("/")
        self._pin = pin

    @classmethod
    def from_settings(cls, settings: Mapping[str, object], state: Path) -> IpfsPublisher:
        """Take ``api``, ``gateway``, ``links``, ``profile``, ``pin`` and ``auth`` from the configuration.

        Raises:
            PublisherError: A key is unknown or of the wrong kind, or the file of ``auth`` cannot be read.
        """
        if unknown := sorted(settings.keys() - {*_KEYS, "pin"}):
            raise PublisherError(f"publish.ipfs has no key {unknown[0]!r}", f"It has {', '.join(_KEYS)} and pin.")
        texts: dict[str, str] = {}
        for key, usual in _KEYS.items():
            value = settings.get(key, usual)
            if not isinstance(value, str):
                raise PublisherError(f"publish.ipfs.{key} is not a text", "Put it in quotes.")
            texts[key] = value
        pin, links = settings.get("pin", True), texts["links"]
        if not isinstance(pin, bool):
            raise PublisherError("publish.ipfs.pin is neither true nor false", "Write pin = true.")
        if links and not links.startswith(("https://", "http://")):
            raise PublisherError(f"publish.ipfs.links is {links!r}", 'It must start with "https://" or be left out.')
        if texts["profile"] not in PROFILES:
            raise PublisherError(f"publish.ipfs.profile is {texts['profile']!r}", f"Known are {', '.join(PROFILES)}.")
        node = Node(texts["api"], read_secret(texts["auth"], _CREDENTIAL))
        return cls(node, Gateway(texts["gateway"], read=FIRST_BYTE), Ledger(state), links, pin)

    @property
    def name(self) -> str:
        """The name in ``publish.to``."""
        return "ipfs"

    def publish(self, artifact: Artifact, parcel: Parcel, beat: Beat) -> Receipt:
        """Store the file, unless the node keeps it and the gateway serves it already.

        Raises:
            Unreachable: The node or the gateway does not answer, hangs, is too slow or full, or broke off.
            Refused: The node does not let us, or the file is gone.
            Mismatch: The file changed, the node arrived at another CID, or the gateway serves other bytes.
        """
        plain(artifact.name)
        check_original(artifact, _part(beat, 0.0, 0.1))
        with self._ledger.turn(PLACE, artifact.sha256):
            record = self._noted(artifact.sha256, SCHEME + artifact.cid, parcel)
            if not self._kept(artifact, _part(beat, 0.1, 1.0)):
                self._agreed(artifact.name, artifact.cid, self._sent(artifact, _part(beat, 0.1, 0.7)))
                self._ledger.update(record, state=SENT)
                self._read_back(under(artifact.cid), artifact, _part(beat, 0.7, 1.0))
            self._ledger.update(record, state=READ_BACK)
        link = f"{self._links}{under(artifact.cid)}?filename={quote(artifact.name, safe='')}"
        return Receipt(self.name, artifact.name, artifact.sha256, SCHEME + artifact.cid, link, "read back")

    def gather(self, parcel: Parcel, receipts: Sequence[Receipt], beat: Beat) -> Receipt:
        """Store the directory of all files, so that ``ipfs://ROOT/alice.mp4`` leads to each by its name.

        Raises:
            PublishError: As ``publish``.
        """
        if missing := sorted({one.name for one in parcel.artifacts} - {one.name for one in receipts}):
            raise Refused(f"{missing[0]} is not published yet", "Publish every file before all of them together.")
        blocks: list[bytes] = []
        root = _root(parcel, blocks)
        digest = root.cid[4:].hex()
        with self._ledger.turn(PLACE, digest):
            record = self._noted(digest, SCHEME + root.text, parcel)
            if not (self._pin and self._node.pinned(root.text)):
                body = Outgoing(parcel.title, iter([header(root.cid), *blocks]), sum(map(len, blocks)))
                self._agreed(parcel.title, root.text, self._node.load(body, pin=self._pin, beat=beat))
                self._ledger.update(record, state=SENT)
            self._look(root.text, parcel.title)
            self._walk(root.text, parcel, beat)
            self._ledger.update(record, state=READ_BACK)
        return Receipt(self.name, "", digest, SCHEME + root.text, self._links + under(root.text), "read back")

    def verify(self, receipt: Receipt) -> None:
        """Read what the receipt names through the gateway and compare its hash; the node need not be there.

        Raises:
            Mismatch: The gateway serves other bytes, or neither it nor the node has any.
            Unreachable: Nobody answered.
        """
        cid = receipt.address.removeprefix(SCHEME)
        try:
            digest = binary(cid)[4:].hex() if receipt.address.startswith(SCHEME) else ""
        except ValueError:
            digest = ""
        if not digest or (not receipt.name and digest != receipt.sha256):
            raise Mismatch(f"{receipt.address!r} is no address of what was published in IPFS")
        try:
            if not receipt.name:
                self._look(cid, "the directory")
                return
            found = self._gateway.holds(under(cid), receipt.name, receipt.sha256)
        except Unreachable:
            if self._forgotten(cid):
                raise _lost(receipt.name or "the directory") from None
            raise
        if not found:
            raise _lost(receipt.name)

    def quote(self, parcel: Parcel, online: bool) -> Quote:
        """Return the addresses; the node is one's own, so it costs nothing.

        Raises:
            Unreachable: (online) The node does not answer.
            Refused: There are more files than fit a directory.
        """
        lines = [QuoteLine(one.name, SCHEME + one.cid, 0) for one in parcel.artifacts]
        if len(lines) > 1:
            lines.append(QuoteLine("", SCHEME + _root(parcel, []).text, 0))
        if online:
            self._node.version()
        return Quote(self.name, tuple(lines), 0)

    def examine(self) -> tuple[Examination, ...]:
        """Look whether the node answers and lets us, the gateway serves, and the clocks agree; takes 5 s at most."""
        return (examine_node(self._node), *examine_gateway(self._gateway.web.base))

    def _noted(self, key: str, address: str, parcel: Parcel) -> Record:
        """Return the ledger's record of these bytes, written before the first of them leaves."""
        record = self._ledger.find(PLACE, key)
        if record is None:
            return self._ledger.intend(Record(PLACE, key, address, parcel=parcel.id))
        return record if record.address == address else self._ledger.update(record, address=address)

    def _kept(self, artifact: Artifact, beat: Beat) -> bool:
        """Say whether the node keeps the file and the gateway serves the right bytes: then nothing is to be done."""
        if not self._pin or not self._node.pinned(artifact.cid):
            return False
        with contextlib.suppress(Mismatch):  # a block may have gone bad: it is sent once more
            return self._gateway.holds(under(artifact.cid), artifact.name, artifact.sha256, artifact.bytes, beat)
        return False

    def _sent(self, artifact: Artifact, beat: Beat) -> str:
        """Send the file and return the CID that the node arrived at."""
        chunk = profile_of(artifact.profile).chunk
        if artifact.bytes > NARROW * chunk:
            body = Outgoing(artifact.name, file_car(artifact), artifact.bytes)
            return self._node.load(body, pin=self._pin, beat=beat)
        body = Outgoing(artifact.name, pieces_of(artifact), artifact.bytes)
        return self._node.add(body, chunk, pin=self._pin, beat=beat)

    def _agreed(self, name: str, ours: str, theirs: str) -> None:
        """Refuse a CID that is not ours, and what the node keeps under it."""
        if theirs == ours:
            return
        if self._pin:
            with contextlib.suppress(PublishError):
                self._node.unpin(theirs)
        raise Mismatch(
            f"the IPFS node ({self._node.host}) calls {name} {theirs[:80]}, but it is {ours}",
            "It was not published. Does the node know the option chunker, and does nothing change what is sent to it?",
        )

    def _read_back(self, path: str, artifact: Artifact, beat: Beat) -> None:
        if not self._gateway.holds(path, artifact.name, artifact.sha256, artifact.bytes, beat):
            raise Unreachable(
                f"the node has {artifact.name}, but the gateway ({self._gateway.web.host}) does not serve it yet",
                "It is tried again by itself; is publish.ipfs.gateway the gateway of this node?",
            )

    def _look(self, cid: str, title: str) -> None:
        """Compare the directory's block with its CID; gateways need not give blocks, nodes do."""
        block = self._gateway.block(cid)
        if not sound(self._node.block(cid) if block is None else block, binary(cid)):
            raise Mismatch(f"what is kept as the directory of {title} is another one", "Publish it again.")

    def _walk(self, cid: str, parcel: Parcel, beat: Beat) -> None:
        """Read the smallest file by its name in the directory, one whose name no gateway can take amiss if there is."""
        one = min(parcel.artifacts, key=lambda each: (not _EASY.fullmatch(each.name), each.bytes))
        self._read_back(under(cid, one.name), one, beat)

    def _forgotten(self, cid: str) -> bool:
        """Say whether the node itself answers that it no longer keeps this."""
        if self._pin:
            with contextlib.suppress(PublishError):
                return not self._node.pinned(cid)
        return False


def _root(parcel: Parcel, blocks: list[bytes]) -> Directory:
    """Return the directory of all files of a parcel; its block is appended."""
    return gathered(parcel.artifacts, parcel.artifacts[0].profile if parcel.artifacts else MODERN, blocks)


def _part(beat: Beat, begin: float, end: float) -> Beat:
    """Return a beat for one part of the work."""
    return lambda share: beat(begin + (end - begin) * share)


def _lost(name: str) -> Mismatch:
    return Mismatch(f"{name} is no longer in IPFS: the node does not keep it", "Publish it again.")
