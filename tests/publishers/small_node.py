"""A small IPFS node of our own with its gateway, for what a real one cannot be made to do."""

from __future__ import annotations

import tempfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from publishers.cid import measure
from publishers.unixfs import Profile
from tests.nodes.server import Call, Reply, Server, document
from tests.publishers.slow_car import links, read_car, read_file

REFUSED = "Failed to remove pin: not pinned or pinned indirectly"


class SmallNode(Server):
    """Answers what publishers.node asks for, as Kubo words it.

    Attributes:
        pins: CIDs it keeps.
        files: Files by CID, which its gateway serves.
        blocks: Blocks by CID, of archives that it imported.
        moods: What is wrong, by command ("add", "version", "ipfs" for the gateway, …).
        version: What it says it is.
        chunker: Whether it cuts as it is told.
        raw_blocks: Whether its gateway gives blocks.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pins: set[str] = set()
        self.files: dict[str, bytes] = {}
        self.blocks: dict[str, bytes] = {}
        self.moods: dict[str, Reply] = {}
        self.version = {"Version": "0.30.0", "Commit": ""}
        self.chunker = True
        self.raw_blocks = False

    def answer(self, call: Call) -> Reply:
        command = call.path.removeprefix("/api/v0/") if call.path.startswith("/api/v0/") else "ipfs"
        if command in self.moods:
            return self.moods[command]
        if command == "ipfs":
            return self._gateway(call)
        options = {name: values[0] for name, values in parse_qs(urlsplit(call.target).query).items()}
        return {
            "version": lambda: document(200, self.version),
            "add": lambda: self._add(options, call),
            "dag/import": lambda: self._import(options, call),
            "pin/ls": lambda: self._listed(options["arg"]),
            "pin/rm": lambda: self._unpin(options["arg"]),
            "block/get": lambda: self._block(options["arg"]),
        }[command]()

    def asked(self, command: str) -> list[Call]:
        """The calls of one command."""
        return [call for call in self.calls if call.path == f"/api/v0/{command}"]

    def forget(self) -> None:
        """Lose everything."""
        self.pins.clear()
        self.files.clear()
        self.blocks.clear()

    def _add(self, options: dict[str, str], call: Call) -> Reply:
        assert options["cid-version"] == "1"
        assert options["cid-base"] == "base32"
        assert options["raw-leaves"].lower() == "true"
        chunk = int(options["chunker"].removeprefix("size-")) if self.chunker else 1000
        data = sent(call)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x"
            path.write_bytes(data)
            cid = measure(path, Profile("node's", chunk, 174)).root.text
        self.files[cid] = data
        if options["pin"].lower() == "true":
            self.pins.add(cid)
        return document(200, {"Name": "x", "Hash": cid, "Size": str(len(data))})

    def _import(self, options: dict[str, str], call: Call) -> Reply:
        assert options["pin-roots"] == "true"
        root, blocks = read_car(sent(call))
        self.blocks |= blocks
        if not (names := _names(blocks[root])):
            self.files[root] = read_file(root, blocks)
        elif missing := [cid for cid in names.values() if cid not in self.files]:
            return document(200, {"Root": {"Cid": {"/": root}, "PinErrorMsg": f"block not found: {missing[0]}"}})
        self.pins.add(root)
        return document(200, {"Root": {"Cid": {"/": root}, "PinErrorMsg": ""}})

    def _listed(self, cid: str) -> Reply:
        if cid in self.pins:
            return document(200, {"Keys": {cid: {"Type": "recursive"}}})
        return document(500, {"Message": f"path '{cid}' is not pinned", "Code": 0, "Type": "error"})

    def _unpin(self, cid: str) -> Reply:
        if cid not in self.pins:
            return document(500, {"Message": REFUSED, "Code": 0, "Type": "error"})
        self.pins.remove(cid)
        return document(200, {"Pins": [cid]})

    def _block(self, cid: str) -> Reply:
        if cid in self.blocks:
            return Reply(200, self.blocks[cid])
        return document(500, {"Message": "block was not found locally (offline)", "Code": 0, "Type": "error"})

    def _gateway(self, call: Call) -> Reply:
        cid, _, name = call.path.removeprefix("/ipfs/").partition("/")
        if self.raw_blocks and "format=raw" in call.target and cid in self.blocks:
            return Reply(200, self.blocks[cid], {"Content-Type": "application/vnd.ipld.raw"})
        if name and cid in self.blocks:
            cid = _names(self.blocks[cid]).get(name, "")
        if cid == "bafkqabtimvwgy3yk":
            return Reply(200, b"hello\n")
        if cid in self.files:
            return Reply(200, self.files[cid], {"Content-Type": "application/octet-stream"})
        return Reply(200, b"<html>a list</html>") if cid in self.blocks else Reply(404, b"not found")


def sent(call: Call) -> bytes:
    """The one file in a multipart body (RFC 7578)."""
    boundary = call.headers["Content-Type"].partition('boundary="')[2].partition('"')[0].encode()
    head, _, rest = call.body.partition(b"\r\n\r\n")
    assert head.startswith(b"--" + boundary + b"\r\n")
    assert b"abspath" not in head.lower(), "a path of this machine was sent"
    end = b"\r\n--" + boundary + b"--\r\n"
    assert rest.endswith(end)
    return rest.removesuffix(end)


def _names(block: bytes) -> dict[str, str]:
    """The entries of a directory block, or none of what is no directory."""
    return {name: cid for name, cid in links(block) if name}
