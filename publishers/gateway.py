"""Reads an address back through an HTTP gateway, as a stranger would, and believes nothing but the hash.

The specification of IPFS gateways is https://specs.ipfs.tech/http-gateways/path-gateway/; any gateway that serves a
file's bytes under a path will do (Arweave's do).
"""

from __future__ import annotations

import hashlib
import time
from urllib.parse import quote, urlsplit, urlunsplit

from publishers.base import Beat, quietly
from publishers.errors import Mismatch, Unreachable
from publishers.http import DEADLINE, READ, Answer, Read, Web, date
from publishers.secret import Secret

LARGEST = 256 * 1024**3
"""Bytes of a file whose size nobody told us, beyond which a gateway is not followed."""
BLOCK = 2 * 1024 * 1024
"""Most bytes of one block; nodes exchange none that is larger."""
RAW_BLOCK = "application/vnd.ipld.raw"

_NOT_THERE = frozenset({404, 410, 412})
_OWN_NAMES = "!$&'()*+,;=:@"
"""What a path segment may hold as it is (RFC 3986, 3.3); some gateways do not decode these."""


class Gateway:
    """A gateway, and whether it serves what it should.

    Attributes:
        web: The line to it.
    """

    def __init__(
        self,
        base: str,
        called: str = "the IPFS gateway",
        *,
        token: Secret | None = None,
        read: float = READ,
        deadline: float = DEADLINE,
    ) -> None:
        """Prepare; nothing is contacted yet.

        Args:
            base: Its address.
            called: What people call it.
            token: Sent as a bearer token.
            read: Seconds until its first byte, and between two pieces.
            deadline: Seconds for a whole answer, besides one for every 64 KiB of a file.

        Raises:
            PublisherError: The address is none.
        """
        # Bytes as they are: a length that is announced is then that of the file.
        exact = {"Accept-Encoding": "identity"}
        self.web = Web(_reachable(base), called, token=token, headers=exact, read=read, deadline=deadline)

    def holds(self, path: str, name: str, sha256: str, size: int | None = None, beat: Beat = quietly) -> bool:
        """Read everything under a path and compare its hash; True where the bytes are the right ones.

        Args:
            path: Behind the gateway's address, percent-encoded: "/ipfs/bafy…".
            name: What people call the file.
            sha256: Of its bytes, lower-case hex.
            size: How many they are, or None where that is not known: then the gateway is asked first.
            beat: Called all the while.

        Returns:
            False where the gateway says that it has nothing there.

        Raises:
            Mismatch: It serves other bytes.
            Unreachable: It does not answer, breaks off, or is too slow.
        """
        expected = self._announced(path, name) if size is None else size
        if expected is None:
            return False
        found = self.web.read(path, expected, beat=beat)
        if isinstance(found, Answer):
            return self._not_there(found, name)
        self._compare(found, name, sha256, expected)
        return True

    def block(self, cid: str) -> bytes | None:
        """Return a block as it is, or None from a gateway that gives none (the raw format is optional for them).

        What comes back is not checked.

        Raises:
            Unreachable: Nobody answered.
        """
        path = f"/ipfs/{cid}"
        answer = self.web.call("GET", path, params={"format": "raw"}, headers={"Accept": RAW_BLOCK}, most=BLOCK)
        kind = next((value for key, value in answer.headers.items() if key.lower() == "content-type"), "")
        return answer.body if answer.status == 200 and kind.startswith(RAW_BLOCK) else None

    def skew(self, path: str) -> float | None:
        """Return the seconds by which our clock is ahead of the gateway's, or None where it does not tell the time.

        Raises:
            Unreachable: Nobody answered.
        """
        answer = self.web.call("HEAD", path)
        said = next((value for key, value in answer.headers.items() if key.lower() == "date"), "")
        moment = date(said)
        return None if moment is None else time.time() - moment

    def _announced(self, path: str, name: str) -> int | None:
        answer = self.web.call("HEAD", path)
        if not answer.ok:
            self._not_there(answer, name)
            return None
        said = next((value for key, value in answer.headers.items() if key.lower() == "content-length"), "")
        if not said.isdecimal():
            raise Unreachable(f"{self._who} does not say how long {name} is", "Try another gateway.")
        if int(said) > LARGEST:
            raise Mismatch(f"{self._who} says that {name} has {said} bytes", "Try another gateway.")
        return int(said)

    def _not_there(self, answer: Answer, name: str) -> bool:
        if answer.status in _NOT_THERE:
            return False
        if answer.status == 504:  # it looked for the bytes in the network, in vain
            raise Unreachable(f"{self._who} does not find {name}", "It is tried again; is the node online?")
        raise self.web.fault(answer, f"reading {name} back")

    def _compare(self, found: Read, name: str, sha256: str, expected: int) -> None:
        if found.sha256 == sha256:
            return
        what = f"only {found.bytes} of {expected} bytes" if found.bytes < expected else "other bytes"
        page = found.media_type == "text/html" and not name.endswith((".html", ".htm"))
        raise Mismatch(
            f"{self._who} serves {'a web page' if page else what} instead of {name}",
            "Nothing counts as published until the right bytes come back; is it the right gateway?",
        )

    @property
    def _who(self) -> str:
        return f"{self.web.called} ({self.web.host})"


def under(root: str, name: str = "") -> str:
    """Return the path of a CID, or of a file in a directory, at an IPFS gateway."""
    return f"/ipfs/{root}/{quote(name, safe=_OWN_NAMES)}" if name else f"/ipfs/{root}"


def sound(block: bytes, cid: bytes) -> bool:
    """Say whether a block is the one that a binary CID with sha2-256 names."""
    return hashlib.sha256(block).digest() == cid[4:]


def _reachable(base: str) -> str:
    """Return the address with 127.0.0.1 for localhost.

    Gateways send those who say "localhost" to a host of its own for each file, which many resolvers do not know.
    """
    parts = urlsplit(base)
    if parts.hostname != "localhost":
        return base
    host = "127.0.0.1" if parts.port is None else f"127.0.0.1:{parts.port}"
    return urlunsplit(parts._replace(netloc=host))
