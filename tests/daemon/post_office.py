"""Somebody who is told: a web server that answers as it is asked to, and an announcer that only writes down."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FAKE = """
import json, os, sys
order = json.loads(sys.stdin.readline())
for word in open(sys.argv[1] + ".mood").read().split():
    if word == "die":
        os._exit(7)
    if word == "rave":
        print("no json at all", flush=True)
        os._exit(0)
with open(sys.argv[1], "a") as diary:
    for message in order["messages"]:
        diary.write(json.dumps(message) + chr(10))
mood = open(sys.argv[1] + ".mood").read().split()
print(json.dumps({"places": ["here", "there"]}), flush=True)
for message in order["messages"]:
    for place in ("here", "there"):
        if place not in message["told"]:
            ok = place not in mood
            print(json.dumps({"place": place, "id": message["id"], "ok": ok, "why": "" if ok else "no"}), flush=True)
"""


@dataclass(frozen=True)
class Clerk:
    """An announcer that writes down what it was to tell; its mood names the places that refuse."""

    diary: Path

    def __post_init__(self) -> None:
        self.mood("")

    @property
    def command(self) -> tuple[str, ...]:
        return sys.executable, "-S", "-E", "-c", FAKE, str(self.diary)

    @property
    def told(self) -> list[dict[str, object]]:
        text = self.diary.read_text() if self.diary.exists() else ""
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def mood(self, words: str) -> None:
        self.diary.with_name(f"{self.diary.name}.mood").write_text(words)


@dataclass
class Office:
    """A web server. A path that begins with /500 is answered so, /hang is not answered at all."""

    port: int = 0
    got: list[tuple[str, bytes]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def at(self, path: str) -> list[bytes]:
        return [body for where, body in self.got if where == path]

    def json(self, path: str) -> list[dict[str, object]]:
        return [json.loads(body) for body in self.at(path)]

    def wait(self, path: str, count: int, seconds: float = 60) -> None:
        limit = time.monotonic() + seconds
        while len(self.at(path)) < count:
            assert time.monotonic() < limit, self.got
            time.sleep(0.02)


@contextmanager
def office() -> Iterator[Office]:
    """A server on a free port."""
    state = Office()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.got.append((self.path, body))
            if self.path.startswith("/hang"):
                state.over.wait(60)
                return
            self.send_response(int(self.path[1:4]) if self.path[1:4].isdigit() else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield state
    finally:
        state.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
