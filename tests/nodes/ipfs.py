"""js-ipfs: a real IPFS node on this machine, alone, with an empty repository of its own."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from tests.nodes.cache import IPFS, installed, program
from tests.nodes.node import Node
from tests.nodes.process import Process, call, environment, free_port, preloading

PRELOAD = "preload_newer.cjs"
"""What newer versions of Node.js have, and parts of the node use."""


class IpfsNode(Node):
    """A node that may be stopped, killed, paused and started again on the same ports with the same repository.

    Attributes:
        api: Address of its RPC API, such as http://127.0.0.1:40123.
        gateway: Address of its gateway.
        repo: Its repository.
    """

    def __init__(self, home: Path) -> None:
        cli = installed(IPFS) / "node_modules" / "ipfs" / "src" / "cli.js"
        self.repo = home / "repo"
        self._ipfs = [program("node"), str(cli)]
        self._extra = preloading(PRELOAD) | {"IPFS_PATH": str(self.repo), "HOME": str(home)}
        ports = free_port(), free_port(), free_port()
        self.api, self.gateway = (f"http://127.0.0.1:{port}" for port in ports[:2])
        self._gateway = ports[1]
        self._initialise(ports)
        command = [*self._ipfs, "daemon", "--offline", "--enable-preload=false"]
        self.process = Process(command, home, self._extra, home / "ipfs.log")

    def start(self) -> None:
        """Start it and wait until it answers (5 to 8 s)."""
        for left in ("repo.lock", "api"):  # a killed node leaves them, and then refuses to start
            path = self.repo / left
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        self.process.start(f"{self.api}/api/v0/version", "POST")
        end = time.monotonic() + 30
        while time.monotonic() < end:  # the gateway comes a moment after the API
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._gateway), 1):
                return
            time.sleep(0.05)
        raise RuntimeError("the gateway of js-ipfs did not come")

    def stop(self) -> None:
        """End it in order."""
        self.process.stop()

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()

    def ask(self, command: str, **options: str) -> Any:
        """One command of its API with JSON in the answer, such as ``ask("pin/ls", type="recursive")``."""
        return json.loads(call(f"{self.api}/api/v0/{command}?{urlencode(options)}", method="POST"))

    def add(self, data: bytes) -> str:
        """Store and pin bytes as CIDv1 with raw leaves and chunks of 256 KiB; give the CID."""
        head = (
            '--part\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        options = {"cid-version": "1", "raw-leaves": "true", "pin": "true", "cid-base": "base32"}
        post = Request(
            f"{self.api}/api/v0/add?{urlencode(options)}",
            head.encode() + data + b"\r\n--part--\r\n",
            {"Content-Type": "multipart/form-data; boundary=part"},
        )
        with urlopen(post, timeout=120) as answer:
            return str(json.load(answer)["Hash"])

    def pinned(self) -> set[str]:
        """The CIDs that are pinned by themselves, as base32 where they are of version 1."""
        answer = self.ask("pin/ls", **{"type": "recursive", "cid-base": "base32"})
        return set(answer["Keys"])

    def forget(self) -> None:
        """Unpin everything."""
        for cid in self.pinned():
            self.ask("pin/rm", arg=cid)

    def read(self, path: str, seconds: float = 30) -> bytes:
        """What its gateway serves, such as ``read("bafy…/alice.mp4")``."""
        return call(f"{self.gateway}/ipfs/{path}", seconds=seconds)

    def _initialise(self, ports: tuple[int, int, int]) -> None:
        words = ("init", "--empty-repo", "--profile", "test", "--algorithm", "ed25519")
        subprocess.run([*self._ipfs, *words], env=environment(self._extra), capture_output=True, check=True)
        path = self.repo / "config"
        config = json.loads(path.read_text(encoding="utf-8"))
        api, gateway, rpc = (f"/ip4/127.0.0.1/tcp/{port}" for port in ports)
        # Any swarm address makes a node that is offline die.
        config["Addresses"] |= {"API": api, "Gateway": gateway, "RPC": rpc, "Swarm": []}
        config["Bootstrap"] = []
        path.write_text(json.dumps(config), encoding="utf-8")


@contextmanager
def ipfs_node() -> Iterator[IpfsNode]:
    """A running node; gone with its repository at the end.

    Raises:
        Missing: It cannot be installed here.
    """
    with tempfile.TemporaryDirectory(prefix="ipfs-", ignore_cleanup_errors=True) as home:
        node = IpfsNode(Path(home))
        with contextlib.ExitStack() as end:
            end.callback(node.kill)
            node.start()
            yield node
