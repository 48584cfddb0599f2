"""A real smbd on a free port, with everything it writes in one folder, and smbclient to talk to it.

The way to it leads through a relay, so that a test decides how fast the line is, when it falters and when it is cut.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

MISSING = next((f"{tool} is not installed" for tool in ("smbd", "smbclient") if shutil.which(tool) is None), "") or (
    "" if os.geteuid() == 0 else "smbd is started by root only"
)
"""Why there can be no server here, or ""."""

_CONFIG = """
[global]
workgroup = TEST
server role = standalone server
interfaces = lo
bind interfaces only = yes
smb ports = {port}
disable netbios = yes
disable spoolss = yes
load printers = no
printcap name = /dev/null
map to guest = Bad User
guest account = {user}
private dir = {place}
lock directory = {place}
state directory = {place}
cache directory = {place}
pid directory = {place}
ncalrpc dir = {place}/rpc
log file = {place}/log
max log size = 1000
[share]
path = {share}
guest ok = yes
read only = no
create mask = 0664
directory mask = 2775
force directory mode = 2775
"""
_PIECE = 64 * 1024


class Line:
    """A relay to the server: so many bytes a second go up, none while it is held, and it can be cut."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._flows = threading.Event()
        self._flows.set()
        self.rate = float("inf")
        self.port: int = self._server.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._begin(self._serve)

    def hold(self) -> None:
        """Let nothing through any more; both sides keep the connection."""
        self._flows.clear()

    def go_on(self) -> None:
        """Let everything through again."""
        self._flows.set()

    def cut(self) -> None:
        """Break all connections off."""
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End it."""
        self.go_on()
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.cut()
        for thread in self._threads:
            thread.join(10)
        for end in self._open:
            end.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._target))
                except ConnectionRefusedError:  # it is not up yet
                    client.close()
                    continue
                self._open += [client, server]
                self._begin(self._pump, client, server, True)
                self._begin(self._pump, server, client, False)

    def _begin(self, act: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=act, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _pump(self, source: socket.socket, target: socket.socket, up: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(_PIECE):
                self._flows.wait()
                target.sendall(piece)
                if up and self.rate < float("inf"):
                    time.sleep(len(piece) / self.rate)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@dataclass(frozen=True)
class Samba:
    """One share on a running server."""

    share: Path
    line: Line
    place: Path
    uploads: list[subprocess.Popen[str]] = field(default_factory=list)

    def say(self, *commands: str, check: bool = True) -> str:
        """Have smbclient do something to its end, and give what it printed."""
        ran = subprocess.run(
            self._client(commands),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self.place,
            check=False,
        )
        said = ran.stdout + ran.stderr
        assert ran.returncode == 0 or not check, said
        return said

    def start(self, *commands: str) -> subprocess.Popen[str]:
        """Have smbclient do something, and do not wait for it."""
        client = subprocess.Popen(
            self._client(commands),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=self.place,
        )
        self.uploads.append(client)
        return client

    def _client(self, commands: Sequence[str]) -> list[str]:
        config = str(self.place / "smb.conf")
        return [
            "smbclient",
            "-s",
            config,
            "-p",
            str(self.line.port),
            "-N",
            "//127.0.0.1/share",
            "-c",
            ";".join(commands),
        ]


@contextmanager
def samba(share: Path, user: str = "root") -> Iterator[Samba]:
    """Run a server for one share, whose guests are a user of this machine."""
    place = Path(tempfile.mkdtemp(prefix="smb-"))  # short: sockets lie in it, and their paths have a limit
    (place / "rpc").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = place / "smb.conf"
    config.write_text(_CONFIG.format(port=port, place=place, share=share, user=user), encoding="utf-8")
    with (place / "smbd.out").open("wb") as out:
        command = ["smbd", "--foreground", "--no-process-group", "-s", str(config)]
        # a session of its own: when it ends it ends its whole group, which else is ours
        server = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True)
    line = Line(port)
    found = Samba(share, line, place)
    try:
        _await(found, server)
        yield found
    finally:
        line.close()
        for client in found.uploads:
            client.kill()
            client.wait()
        server.terminate()
        server.wait(20)
        shutil.rmtree(place)


def _await(found: Samba, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while "blocks of size" not in (heard := found.say("ls", check=False)):
        said = heard + (found.place / "smbd.out").read_text(errors="replace")
        assert server.poll() is None, said
        assert time.monotonic() < end, said
        time.sleep(0.1)
