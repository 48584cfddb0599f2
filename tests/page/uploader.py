"""A browser that uploads, and the page's process it uploads to: as they are for people, over HTTP on this machine."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.page.conftest import settings_at, token_of

PIECE = 16 * 1024 * 1024
TUS = {"Tus-Resumable": "1.0.0"}


@dataclass
class Process:
    """The page's process."""

    process: subprocess.Popen[bytes]
    port: int

    def memory(self) -> tuple[int, int]:
        """Resident bytes: now, and at most so far."""
        text = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        now, most = (int(re.findall(rf"{name}:\s+(\d+)", text)[0]) * 1024 for name in ("VmRSS", "VmHWM"))
        return now, most


@contextlib.contextmanager
def page(folder: Path, port: int = 0, **more: object) -> Iterator[Process]:
    """Show the page in a process of its own."""
    settings = settings_at(folder, listen=f"127.0.0.1:{port}", **more).model_copy()
    process = subprocess.Popen([sys.executable, "-m", "daemon.page"], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stdin
        assert process.stderr
        process.stdin.write(settings.model_dump_json().encode() + b"\n")
        process.stdin.flush()
        said = json.loads(process.stderr.readline())
        yield Process(process, int(said["address"].rpartition(":")[2]))
    finally:
        process.kill()
        process.wait(60)
        for pipe in (process.stdin, process.stderr):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()


@dataclass
class Browser:
    """Asks the page, with its session."""

    port: int
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _, headers, text = self.ask("GET", "/drop")
        cookies = [line.partition(";")[0] for line in headers.get_all("set-cookie", [])]
        self.headers = {"Cookie": "; ".join(cookies), "X-CSRF-Token": token_of(text.decode())}

    def line(self) -> http.client.HTTPConnection:
        """Give a connection of its own."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Ask once, on a connection of its own."""
        line = self.line()
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        line.request(method, path, body, {"Accept": "application/json"} | self.headers | named)  # type: ignore[arg-type]
        answer = line.getresponse()
        try:
            return answer.status, answer.headers, answer.read()
        finally:
            line.close()

    def begin(self) -> str:
        """Begin a tray."""
        return str(json.loads(self.ask("POST", "/drop/new")[2])["id"])

    def announce(self, tray: str, name: str, length: int) -> str:
        """Announce a file, and give its address."""
        said = f"filename {base64.b64encode(name.encode()).decode()}"
        told = {"Upload_Length": str(length), "Upload_Metadata": said, "Tus_Resumable": "1.0.0"}
        status, headers, text = self.ask("POST", f"/drop/{tray}/files", **told)
        assert status == 201, text
        return str(headers["location"])

    def offset(self, address: str) -> int:
        """Ask how much of a file is there."""
        return int(self.ask("HEAD", address, Tus_Resumable="1.0.0")[1]["upload-offset"])

    def send(self, address: str, data: bytes, offset: int) -> int:
        """Send some of a file, and give the status."""
        told = {"Upload_Offset": str(offset), "Content_Type": "application/offset+octet-stream"}
        return self.ask("PATCH", address, data, Tus_Resumable="1.0.0", **told)[0]

    def go_on(self, address: str, data: bytes, most: int | None = None) -> int:
        """Send the rest of a file, or so much of it, from where it is; give where that was.

        What was sent before may still be coming in: then one looks again where it is, as the script does.
        """
        for _ in range(200):
            offset = self.offset(address)
            status = self.send(address, data[offset:][:most], offset)
            if status != 409:
                assert status == 204, status
                return offset
        raise AssertionError("it is never where it says")

    def upload(self, tray: str, name: str, length: int, begin: bytes = b"") -> None:
        """Upload a file of this length, as the script does."""
        address = self.announce(tray, name, length)
        for offset in range(0, length, PIECE):
            data = (begin if not offset else b"").ljust(min(PIECE, length - offset), b"\0")
            status = self.send(address, data, offset)
            assert status == 204, status

    def form(self, length: int, files: dict[str, bytes], name: str = "big.mp4") -> int:
        """Send a file of this length, and small ones, by the form as it is without script; give the status."""
        head, tail = b"", b"\r\n--xx--\r\n"
        for one, data in files.items():
            head += _part(one) + data + b"\r\n"
        head += _part(name)

        def body() -> Iterator[bytes]:
            yield head
            for offset in range(0, length, PIECE):
                yield bytes(min(PIECE, length - offset))
            yield tail

        told = {"Content_Type": "multipart/form-data; boundary=xx", "Content_Length": str(len(head + tail) + length)}
        token = self.headers["X-CSRF-Token"]
        return self.ask("POST", f"/drop/form?csrf={token}", body(), **told)[0]


def _part(name: str) -> bytes:
    return f'--xx\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode()
