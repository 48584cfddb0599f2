"""An IPFS node's RPC API, through ipfshttpclient: the only module that knows that library, so that it can be replaced.

What the library leaves open is settled here: every option is explicit, every call has an end and is heard of while it
lasts, and every fault has a name of its own. The API: https://docs.ipfs.tech/reference/kubo/rpc/.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from publishers.base import Beat, quietly
from publishers.errors import PublishError, Refused, Unreachable
from publishers.node_address import authorization, no_address, node_address
from publishers.outgoing import Outgoing, carry
from publishers.secret import Secret

# Its patches of `requests` serve Unix sockets alone, warn at every call, and would break with urllib3 3.
os.environ.setdefault("PY_IPFS_HTTP_CLIENT_PATCH_REQUESTS", "no")

import ipfshttpclient
from ipfshttpclient import exceptions as told

BASE32 = {"cid-base": "base32"}
SENT_AT_ONCE = 256 * 1024
OLDEST = (0, 8)
"""Kubo's first version that does all that is asked of it here."""
_SLOWEST = 64 * 1024
"""Bytes a second below which sending is given up."""
_NO_ROOM = re.compile(r"no space left|ENOSPC|disk quota|storage ?max|not enough space", re.IGNORECASE)
_AGAIN = "It is tried again by itself."


@dataclass(frozen=True)
class Patience:
    """How long a node may take.

    Attributes:
        connect: Seconds to get through, for small calls.
        answer: Seconds for the answer to a small call.
        stall: Seconds that nothing moves while a file is sent.
        digest: Seconds for the answer once it is sent.
    """

    connect: float = 10.0
    answer: float = 30.0
    stall: float = 60.0
    digest: float = 300.0


@dataclass(frozen=True)
class Version:
    """What a node says it is: "Kubo" or "js-ipfs", and its version."""

    program: str
    text: str

    @property
    def old(self) -> bool:
        """Whether it is known to be too old; a version that cannot be read is not."""
        found = re.match(r"(\d+)\.(\d+)", self.text)
        return self.program == "Kubo" and found is not None and (int(found[1]), int(found[2])) < OLDEST


class Node:
    """A node that stores blocks for us. Every call makes a connection of its own; threads may share it.

    All calls raise the same errors: dead, hung, slow and broken off are ``Unreachable``, what will not get better by
    itself is ``Refused``.

    Attributes:
        host: Where it is, for people.
        open_secret: Whether its password goes over a network unencrypted.
    """

    def __init__(self, api: str, auth: Secret | None = None, patience: Patience | None = None) -> None:
        """Prepare; nothing is contacted yet.

        Args:
            api: Address of its RPC API, such as "http://127.0.0.1:5001"; a path in front of "/api/v0" is kept.
            auth: "user:password", or a bearer token; "basic:" or "bearer:" in front, as Kubo writes it, is understood.
            patience: How long it may take.

        Raises:
            PublisherError: The address is none.
        """
        address = node_address(api)
        self.host = address.shown
        self.open_secret = auth is not None and address.open
        self._patience = patience or Patience()
        try:  # the constructor, never connect(): that refuses every node newer than 0.7
            self._client = ipfshttpclient.Client(
                address.multiaddr, address.base, chunk_size=SENT_AT_ONCE, auth=authorization(auth)
            )
        except told.AddressError:
            raise no_address(api) from None

    def __repr__(self) -> str:
        return f"Node({self.host})"

    def version(self, patience: Patience | None = None) -> Version:
        """Ask what it is, perhaps with less patience than for other calls."""
        said = self._ask("looking at it", lambda timeout: self._client.version(timeout=timeout), patience)
        text = self._found(said, "Version")[:40]
        return Version("js-ipfs" if "ipfs-core" in said else "Kubo", text)

    def pinned(self, cid: str) -> bool:
        """Say whether it keeps this CID, and all below it, for its own sake."""
        try:
            said = self._ask(
                "asking for pins",
                lambda timeout: self._client.pin.ls(cid, type="recursive", opts=dict(BASE32), timeout=timeout),
            )
        except PublishError as error:
            if "not pinned" in error.message:
                return False
            raise
        return bool(self._found(said, "Keys", cid, "Type"))

    def add(self, body: Outgoing, chunk: int, *, pin: bool, beat: Beat = quietly) -> str:
        """Store a file, cut into chunks of so many bytes, and return the CID that the node gives it."""

        def act(timeout: tuple[float, float]) -> Any:
            return self._client.add(
                body,
                pin=pin,
                cid_version=1,
                raw_leaves=True,
                chunker=f"size-{chunk}",
                opts={**BASE32, "hash": "sha2-256"},
                timeout=timeout,
            )

        return self._found(self._send(body, act, beat), "Hash")

    def load(self, body: Outgoing, *, pin: bool, beat: Beat = quietly) -> str:
        """Import a CAR archive with one root, and return that root as the node understood it."""

        def act(timeout: tuple[float, float]) -> Any:
            return self._client.dag.imprt(body, opts={"pin-roots": "true", **BASE32}, timeout=timeout)

        said = self._send(body, act, beat)
        cid = self._found(said, "Root", "Cid", "/")
        if fault := said["Root"].get("PinErrorMsg"):
            raise Unreachable(f"{self._who} could not pin {body.name}: {_plain(fault)}", _AGAIN)
        if not pin:  # a node that does not pin does not say what it imported
            self.unpin(cid)
        return cid

    def block(self, cid: str) -> bytes:
        """Return a block as the node has it, unchecked."""
        return bytes(self._ask("reading a block", lambda timeout: self._client.block.get(cid, timeout=timeout)))

    def unpin(self, cid: str) -> None:
        """Let it forget what it pinned."""
        self._ask("unpinning", lambda timeout: self._client.pin.rm(cid, timeout=timeout))

    @property
    def _who(self) -> str:
        return f"the IPFS node ({self.host})"

    def _ask(self, doing: str, act: Callable[[tuple[float, float]], Any], patience: Patience | None = None) -> Any:
        patience = patience or self._patience
        timeout = (patience.connect, patience.answer)
        return self._carry(doing, act, timeout, Outgoing("a question", iter(()), 0), quietly)

    def _send(self, body: Outgoing, act: Callable[[tuple[float, float]], Any], beat: Beat) -> Any:
        timeout = (self._patience.stall, self._patience.digest)
        return self._carry(f"sending {body.name}", act, timeout, body, beat)

    def _carry(
        self,
        doing: str,
        act: Callable[[tuple[float, float]], Any],
        timeout: tuple[float, float],
        body: Outgoing,
        beat: Beat,
    ) -> Any:
        def whole() -> Any:
            with self._faults(doing):
                return act(timeout)

        late = Unreachable(f"{self._who} is too slow ({doing})", "Is it overloaded, or the line busy?")
        return carry(whole, body, sum(timeout) + body.size / _SLOWEST, beat, late)

    @contextmanager
    def _faults(self, doing: str) -> Iterator[None]:
        """Turn what the library raises into what a person understands."""
        try:
            yield
        except told.StatusError as error:
            raise self._refusal(error, doing) from None
        except (told.Error, OSError) as error:  # an answer that breaks off comes as requests' own error, an OSError
            raise self._silence(error, doing) from None
        except (AssertionError, IndexError):  # how the library meets more or fewer answers than it asked for
            raise self._nonsense() from None

    def _found(self, said: Any, *path: str) -> str:
        """Return the text at a path in an answer, or say that it is no answer of a node."""
        for name in path:
            try:
                said = said[name]
            except (LookupError, TypeError):
                raise self._nonsense() from None
        if not isinstance(said, str):
            raise self._nonsense()
        return said

    def _silence(self, error: Exception, doing: str) -> Unreachable:
        """Return what it means that no answer came; the library names dead and hung nodes alike at times."""
        names, words = _causes(error)
        if isinstance(error, told.EncoderError):
            return self._nonsense()
        if "certificate" in words:
            return Unreachable(f"{self._who} has no certificate that is trusted here", "Is its address right?")
        if "SSLError" in names:
            return Unreachable(f"{self._who} does not speak https", "Does publish.ipfs.api start with http://?")
        if "NameResolutionError" in names:
            return Unreachable(f"{self._who} is not found: no such name", "Is publish.ipfs.api right?")
        if "ConnectTimeoutError" in names or "ConnectTimeout" in names:
            return Unreachable(f"{self._who} does not answer: no connection", "Is it running, and the way free?")
        if "NewConnectionError" in names or "refused" in words:
            return Unreachable(f"nothing answers at {self.host}, where the IPFS node should be", "Start the node.")
        if {"TimeoutError", "ReadTimeout", "ReadTimeoutError"} & names or "timed out" in words:
            return Unreachable(f"{self._who} does not answer in time ({doing})", "It may hang: restart it.")
        return Unreachable(f"{self._who} broke off ({doing})", _AGAIN)

    def _refusal(self, error: told.StatusError, doing: str) -> PublishError:
        """Return what an answer other than 200 means."""
        status = getattr(getattr(error.original, "response", None), "status_code", 500)
        said = _plain(error.args[0] if isinstance(error, told.ErrorResponse) and error.args else "")
        what = f"{self._who} answered {status} when {doing}{f': {said}' if said else ''}"
        if status in (401, 403):
            return Refused(what, "Set publish.ipfs.auth to a file with user:password or a token that it allows.")
        if status in (404, 405):
            return Refused(what, "Is publish.ipfs.api the address of a node's RPC API, and the node Kubo 0.8 or newer?")
        if _NO_ROOM.search(said) or status == 507:
            return Unreachable(what, "Its disk is full: make room there, or let it collect garbage.")
        if status in (408, 425, 429) or status >= 500:
            return Unreachable(what, _AGAIN)
        return Refused(what, "Its log says more.")

    def _nonsense(self) -> Unreachable:
        return Unreachable(f"{self._who} talks nonsense", "Is publish.ipfs.api the address of a node's RPC API?")


def _causes(error: BaseException) -> tuple[set[str], str]:
    """Return the names of all that led to an error, and their words: the reason often is only in the depths."""
    seen: list[BaseException] = []
    ahead: list[object] = [error]
    while ahead:
        one = ahead.pop()
        if isinstance(one, BaseException) and one not in seen:
            seen.append(one)
            ahead += [*one.args, one.__cause__, getattr(one, "reason", None), getattr(one, "original", None)]
    return {type(one).__name__ for one in seen}, " ".join(str(one) for one in seen).lower()


def _plain(said: object) -> str:
    """Return what a node said on one line, without control characters, not too long."""
    words = " ".join("".join(sign if sign.isprintable() else " " for sign in str(said)[:400]).split())
    return words if len(words) <= 200 else f"{words[:200]}…"
