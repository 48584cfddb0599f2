"""A small Arweave: strict where the real one is, and forgetful, slow or ambiguous where a test wants it so.

It checks ids, signatures, anchors, roots and proofs; holds the balance against everything posted, and takes the price
off when a transaction is mined; and serves data only once all its chunks are there.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from dataclasses import dataclass, field

from publishers.arweave.encoding import decode, encode
from publishers.arweave.merkle import CHUNK, Proof, Tree, proves, spans
from publishers.arweave.pathmanifest import MEDIA_TYPE
from publishers.arweave.tags import SHA256
from publishers.arweave.transaction import Header
from tests.nodes.server import Call, Reply, Server, document

LIFE = 50
"""Blocks for which an anchor is good."""
SAID_BEFORE = (
    Reply(208, b"Transaction already processed."),
    Reply(404, b"Not Found"),
    Reply(400, b"Transaction verification failed."),
)
"""What gateways say to a second post."""


@dataclass
class Held:
    """A transaction that the network knows; ``block`` is None until it is in one."""

    header: Header
    block: int | None = None

    def said(self, name: str) -> str:
        """The value of a tag, or ""."""
        return next((tag.value for tag in self.header.tags if tag.name == name), "")


@dataclass
class Chain:
    """What the network holds."""

    balances: dict[str, int] = field(default_factory=dict)
    blocks: list[str] = field(default_factory=lambda: [encode(os.urandom(48))])
    held: dict[str, Held] = field(default_factory=dict)
    chunks: dict[tuple[str, int], bytes] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)

    @property
    def height(self) -> int:
        return len(self.blocks) - 1

    def fresh(self, anchor: str) -> bool:
        return anchor in self.blocks[-LIFE:]


class Network(Server):
    """A gateway with the chain behind it.

    Attributes:
        name: What /info says.
        chain: May be looked at, and meddled with under ``lock``.
        hidden: Ids that it knows and says it does not.
        before: What it says to a post that it knows.
        dearer: What is added to each price.
        indexed: Whether it answers GraphQL.
        served: Whether it serves data.
        taken: Ids of all posts that were taken, in order.
    """

    def __init__(self, chain: Chain | None = None, name: str = "arweave.trial") -> None:
        super().__init__()
        self.name = name
        self.chain = chain or Chain()
        self.lock = threading.RLock()
        self.hidden: set[str] = set()
        self.before = SAID_BEFORE[0]
        self.dearer = 0
        self.indexed = self.served = True
        self.taken: list[str] = []

    def mint(self, address: str, winston: int) -> None:
        with self.lock:
            self.chain.balances[address] = self.balance(address) + winston

    def balance(self, address: str) -> int:
        return self.chain.balances.get(address, 0)

    def price(self, size: int) -> int:
        return 1_000_000_007 * -(-size // CHUNK) + self.dearer

    def mine(self, blocks: int = 1) -> None:
        """Make blocks. What was posted is in the first, if its anchor is good and it can be paid, else dropped."""
        with self.lock:
            for _ in range(blocks):
                fresh = [held for held in self.chain.held.values() if held.block is None]
                keep = [held for held in fresh if self.chain.fresh(held.header.anchor)]
                self.chain.blocks.append(encode(os.urandom(48)))
                for held in fresh:
                    if held not in keep or self.balance(held.header.address) < held.header.reward:
                        self.drop(held.header.id)
                        continue
                    held.block = self.chain.height
                    self.chain.balances[held.header.address] -= held.header.reward

    def drop(self, identity: str) -> None:
        """Forget a transaction; one that was mined is paid back, as after a reorganisation."""
        with self.lock:
            held = self.chain.held.pop(identity)
            self.chain.dropped.append(identity)
            for key in [key for key in self.chain.chunks if key[0] == held.header.data_root]:
                del self.chain.chunks[key]
            if held.block is not None:
                self.chain.balances[held.header.address] += held.header.reward

    def transactions(self, owner: str) -> list[Held]:
        with self.lock:
            return [held for held in self.chain.held.values() if held.header.address == owner]

    def posted(self, owner: str, sha256s: list[str]) -> dict[str, int]:
        """The rewards of what is mined of these bytes, by id."""
        mined = (held for held in self.transactions(owner) if held.block is not None)
        return {held.header.id: held.header.reward for held in mined if held.said(SHA256) in sha256s}

    def data(self, identity: str) -> bytes | None:
        """The bytes of a transaction, where they are there."""
        with self.lock:
            held = self.chain.held.get(identity)
            if held is None or held.block is None or not self.served:
                return None
            ends = [span.end for span in spans(held.header.data_size) if span.end > span.start]
            pieces = [self.chain.chunks.get((held.header.data_root, end - 1)) for end in ends]
            return None if None in pieces else b"".join(piece for piece in pieces if piece is not None)

    def answer(self, call: Call) -> Reply:
        with self.lock:
            parts = call.path.strip("/").split("/")
            if call.method == "POST":
                return {"tx": self._post, "chunk": self._chunk, "graphql": self._graphql}[parts[0]](call)
            return self._get(parts)

    def _get(self, parts: list[str]) -> Reply:
        match parts:
            case ["info"]:
                return document(200, {"network": self.name, "height": self.chain.height, "release": 80})
            case ["tx_anchor"]:
                return Reply(200, self.chain.blocks[-1].encode())
            case ["price", size]:
                return Reply(200, str(self.price(int(size))).encode())
            case ["wallet", address, "balance"]:
                return Reply(200, str(self.balance(address)).encode())
            case ["mine", count]:
                self.mine(int(count))
                return Reply()
        return self._thing(parts)

    def _thing(self, parts: list[str]) -> Reply:
        match parts:
            case ["tx", identity, *rest]:
                return self._tx(identity, rest)
            case ["raw", identity]:
                return self._serve(identity)
            case [identity]:
                return self._serve(self._pointed(identity))
        return Reply(404)

    def _tx(self, identity: str, rest: list[str]) -> Reply:
        held = None if identity in self.hidden else self.chain.held.get(identity)
        if held is None:
            return Reply(404, b"Not Found.")
        if held.block is None:
            return Reply(202, b"Pending")
        if rest == ["status"]:
            deep = self.chain.height - held.block + 1
            return document(200, {"block_height": held.block, "number_of_confirmations": deep})
        return Reply(200, held.header.to_json().encode()) if not rest else Reply(404)

    def _post(self, call: Call) -> Reply:
        said = json.loads(call.body)
        try:
            header = Header.from_json(call.body)
        except ValueError as error:
            return Reply(400, str(error).encode())
        if header.id in self.chain.held:
            return self.before
        if not self.chain.fresh(header.anchor):
            return Reply(400, b"Invalid anchor (last_tx).")
        waiting = sum(held.header.reward for held in self.transactions(header.address) if held.block is None)
        if self.balance(header.address) < waiting + header.reward:
            return Reply(400, b"Transaction verification failed: overspend.")
        if header.reward < self.price(header.data_size):
            return Reply(400, b"Transaction verification failed.")
        data = decode(said["data"])
        if data and encode(_tree(data).root) != header.data_root:
            return Reply(400, b"invalid data")
        for span in spans(len(data)):
            self.chain.chunks[header.data_root, span.end - 1] = data[span.start : span.end]
        self.chain.held[header.id] = Held(header)
        self.taken.append(header.id)
        return Reply(200, b"OK")

    def _chunk(self, call: Call) -> Reply:
        said = json.loads(call.body)
        root, size, offset = said["data_root"], int(said["data_size"]), int(said["offset"])
        if root not in {held.header.data_root for held in self.chain.held.values()}:
            return document(400, {"error": "data_root_not_found"})
        chunk, proof = decode(said["chunk"]), Proof(offset, decode(said["data_path"]))
        if not proves(decode(root), size, proof, chunk):
            return document(400, {"error": "invalid_proof"})
        self.chain.chunks[root, offset] = chunk
        return Reply(200, b"OK")

    def _graphql(self, call: Call) -> Reply:
        if not self.indexed:
            return Reply(404)
        asked = json.loads(call.body)["variables"]
        owners, wanted = asked["owners"], [(tag["name"], tag["values"]) for tag in asked["tags"]]
        found = [
            {"node": {"id": held.header.id, "owner": {"address": held.header.address}}}
            for held in reversed(self.chain.held.values())
            if held.header.address in owners
            and all(held.said(name) in values for name, values in wanted)
            and held.header.id not in self.hidden
        ]
        return document(200, {"data": {"transactions": {"edges": found}}})

    def _pointed(self, identity: str) -> str:
        """What the bare address of a path manifest shows: the file it points at."""
        held, data = self.chain.held.get(identity), self.data(identity)
        if held and data and held.said("Content-Type") == MEDIA_TYPE:
            said = json.loads(data)
            return str(said["paths"][said["index"]["path"]]["id"])
        return identity

    def _serve(self, identity: str) -> Reply:
        data = self.data(identity)
        return Reply(404) if data is None else Reply(200, data)


def _tree(data: bytes) -> Tree:
    digests = [hashlib.sha256(data[span.start : span.end]).digest() for span in spans(len(data))]
    return Tree(len(data), digests)
