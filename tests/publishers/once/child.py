"""The process that is killed: publishes some files, and dies at the n-th boundary between two effects.

Run as ``python -m tests.publishers.once.child``: reads one order a line, and for each forks a process that carries it
out, so that nothing but the work itself costs time. It has no threads, so it may fork.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from publishers.arweave import network, posting
from publishers.arweave import publisher as arweave
from publishers.arweave.publisher import ArweavePublisher
from publishers.arweave.wallet import Wallet, read_wallet
from publishers.base import Parcel, Receipt, quietly
from publishers.cid import identify
from publishers.errors import Pending, PublishError
from publishers.http import Web
from publishers.ledger import Ledger

TRIES = 2000


class Reaper:
    """Counts the boundaries between effects, and kills this process at one of them."""

    def __init__(self, fatal: int) -> None:
        self.fatal = fatal
        self.passed: list[str] = []

    def boundary(self, what: str) -> None:
        self.passed.append(what)
        if len(self.passed) == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, owner: type, name: str, counts: Callable[[tuple[Any, ...]], str]) -> None:
        """Put a boundary before and after each call of a method that has an effect."""
        method = getattr(owner, name)

        @functools.wraps(method)
        def watched(*said: Any, **named: Any) -> Any:
            what = counts(said)
            if not what:
                return method(*said, **named)
            self.boundary(f"before {what}")
            answer = method(*said, **named)
            self.boundary(f"after {what}")
            return answer

        setattr(owner, name, watched)


def watched(fatal: int) -> Reaper:
    """Watch everything that leaves a trace: each write to the ledger, each post."""
    reaper = Reaper(fatal)
    for name in ("intend", "update", "remember"):
        reaper.watch(Ledger, name, lambda _said, name=name: name)  # type: ignore[misc]
    reaper.watch(Web, "call", lambda said: f"POST {said[2]}" if said[1] == "POST" else "")
    return reaper


def patiently(work: Callable[[], Receipt], order: dict[str, Any]) -> Receipt:
    """Call again until it is done; while only time is missing, make blocks."""
    for _ in range(TRIES):
        try:
            return work()
        except Pending:
            with urlopen(f"{order['miner']}/mine/1") as answer:
                answer.read()
        except PublishError as error:
            if not error.passing:
                raise
            time.sleep(order.get("pause", 0.01))
    raise TimeoutError


@functools.cache
def wallet(path: str) -> Wallet:
    """Read a wallet, which takes half a second, before any process is forked."""
    return read_wallet(path)


def carry_out(order: dict[str, Any]) -> None:
    """Publish the files of an order and the path manifest; write the receipts and the boundaries down."""
    reaper = watched(order["fatal"])
    network.PAUSES = (0.01, 0.01)
    arweave.read_wallet = wallet
    posting.GRACE = order.get("grace", posting.GRACE)
    publisher = ArweavePublisher.from_settings(order["settings"], Path(order["state"]))
    artifacts = tuple(identify(Path(path)) for path in order["files"])
    parcel = Parcel(order["parcel"], "Once only", artifacts)
    receipts = []
    for artifact in artifacts:
        receipts.append(patiently(functools.partial(publisher.publish, artifact, parcel, quietly), order))
    receipts.append(patiently(functools.partial(publisher.gather, parcel, receipts, quietly), order))
    publisher.close()
    said = {"receipts": [vars(receipt) for receipt in receipts], "passed": reaper.passed}
    Path(order["out"]).write_text(json.dumps(said))


def life(order: dict[str, Any]) -> int:
    """Carry out an order in a process of its own; return its exit code, a signal as a negative one."""
    wallet(order["settings"]["wallet"])
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        carry_out(order)
    except (PublishError, OSError, ValueError, AssertionError, RuntimeError, LookupError, TypeError) as error:
        Path(order["out"]).write_text(json.dumps({"error": str(error), "kind": type(error).__name__}))
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def main() -> None:
    for line in sys.stdin:
        sys.stdout.write(f"{life(json.loads(line))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
