"""HTTP with manners: every call has an end, every fault a plain name, and no secret gets into words.

Nothing is repeated here: whoever calls knows whether a call may be made twice.
"""

from __future__ import annotations

import hashlib
import json
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx

from publishers.base import Beat, quietly
from publishers.errors import Mismatch, PublisherError, PublishError, Refused, Unreachable
from publishers.http_faults import plainly
from publishers.secret import Secret

Method = Literal["GET", "POST", "PUT", "DELETE", "HEAD"]

CONNECT, READ = 10.0, 30.0
"""Seconds to get through to a service, and between two pieces of its answer."""
DEADLINE = 60.0
"""Seconds that a whole call with a small answer may take: a slow drip must not keep us for ever."""
MOST = 4 * 1024 * 1024
"""Bytes of an answer that is read whole."""
_LONGEST_WAIT = 3600.0


@dataclass(frozen=True)
class Answer:
    """What a service said, whatever its status."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the service did what it was asked."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body as text, for machines."""
        return self.body.decode("utf-8", "replace").strip()

    @property
    def said(self) -> str:
        """The beginning of the body on one line without control characters, for people."""
        words = " ".join("".join(sign if sign.isprintable() else " " for sign in self.text[:400]).split())
        return words if len(words) <= 200 else f"{words[:200]}…"

    def json(self) -> Any:
        """Return the body as JSON.

        Raises:
            ValueError: It is none.
        """
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("this is nested too deeply") from None


@dataclass(frozen=True)
class Read:
    """What was read of a long answer: its sha256 in hex, its bytes and its media type."""

    sha256: str
    bytes: int
    media_type: str


class Web:
    """Calls one service.

    Nothing in its errors but the service's name, its host and what it said: no paths with keys in them, no headers.
    """

    def __init__(
        self,
        base: str,
        called: str,
        *,
        token: Secret | None = None,
        headers: Mapping[str, str] | None = None,
        read: float = READ,
        deadline: float = DEADLINE,
    ) -> None:
        """Prepare; nothing is contacted yet.

        Args:
            base: Address of the service, http or https; paths are put behind it.
            called: What people call it: "the IPFS gateway".
            token: Sent as a bearer token, and to this host alone.
            headers: Sent with every call.
            read: Seconds between two pieces of an answer.
            deadline: Seconds for a whole call with a small answer.

        Raises:
            PublisherError: The address is none.
        """
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise PublisherError(f"the address of {called} is {base!r}", 'It must start with "https://" or "http://".')
        self.base = base.rstrip("/")
        self.called = called
        self.host = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
        self._deadline = deadline
        self._token = token
        private = {"Authorization": f"Bearer {token.reveal()}"} if token else {}
        self._client = httpx.Client(
            headers={"User-Agent": "lipsyncd", **(headers or {}), **private},
            timeout=httpx.Timeout(read, connect=min(CONNECT, read)),
            follow_redirects=False,
            trust_env=True,
        )
        weakref.finalize(self, self._client.close)  # a publisher has no end of its own: its lines end with it

    def __repr__(self) -> str:
        return f"Web({self.called} at {self.host})"

    def close(self) -> None:
        """Close what is open."""
        self._client.close()

    def get(self, path: str, *, params: Mapping[str, str | int] | None = None, most: int = MOST) -> Answer:
        """Ask for something small; safe to repeat.

        Raises:
            Unreachable: Nobody answered in time, or more than ``most`` bytes came.
        """
        return self.call("GET", path, params=params, most=most)

    def call(
        self,
        method: Method,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        document: object = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        most: int = MOST,
    ) -> Answer:
        """Make one call and return the answer, whatever its status.

        Args:
            method: HTTP's.
            path: Behind the base; "/tx/…".
            params: The query.
            document: Sent as JSON.
            content: Or sent as it is.
            headers: For this call.
            most: Bytes of the answer that are read.

        Raises:
            Unreachable: Nobody answered in time, or more than ``most`` bytes came. Whether the service did what it was
                asked is not known then.
        """
        end = time.monotonic() + self._deadline
        body = bytearray()
        with plainly(self._who):
            request = self._client.build_request(
                method, self.base + path, params=params, json=document, content=content, headers=headers
            )
            response = self._client.send(request, stream=True)
            try:
                for piece in response.iter_bytes():
                    body += piece
                    if len(body) > most:
                        raise Unreachable(f"{self._who} sent more than {most} bytes", "Is it the right service?")
                    self._check(end)
            finally:
                response.close()
        return Answer(response.status_code, bytes(body), dict(response.headers))

    def read(
        self, path: str, expected: int, *, beat: Beat = quietly, deadline: float = 0.0, redirects: int = 5
    ) -> Read | Answer:
        """Read something long, holding one piece of it at a time.

        Args:
            path: Behind the base.
            expected: Bytes that it should have; more are not read.
            beat: Called all the while.
            deadline: Seconds for all of it; 0 for a minute and a second for each 64 KiB.
            redirects: How often it may be elsewhere (gateways give each site a host of its own).

        Returns:
            What was read, or the answer where its status says that it is not there.

        Raises:
            Mismatch: More bytes came than expected.
            Unreachable: Nobody answered, or too slowly.
        """
        end = time.monotonic() + (deadline or self._deadline + expected / 65536)
        with plainly(self._who):
            response = self._follow(path, redirects)
            try:
                if response.status_code != 200:
                    return self._refusal(response)
                digest, count = hashlib.sha256(), 0
                for piece in response.iter_bytes():
                    count += len(piece)
                    if count > expected:
                        raise Mismatch(f"{self._who} serves more than the {expected} bytes that were published")
                    digest.update(piece)
                    beat(count / expected if expected else 1.0)
                    self._check(end)
            finally:
                response.close()
        return Read(digest.hexdigest(), count, response.headers.get("content-type", "").partition(";")[0])

    def fault(self, answer: Answer, doing: str) -> PublishError:
        """Return the error that an answer amounts to where the caller knows no better.

        Args:
            answer: One that is not ``ok``.
            doing: What was asked: "pinning alice.mp4".
        """
        if self._token:  # some services repeat it where they refuse it
            answer = replace(answer, body=answer.body.replace(self._token.reveal().encode(), "…".encode()))
        what = f"{self._who} answered {answer.status} when {doing}"
        said = f"{what}: {answer.said}" if answer.said else what
        if answer.status in (401, 403):
            return Refused(said, "Check the token or the password, and what it allows.")
        if answer.status in (408, 425, 429) or answer.status >= 500:
            return Unreachable(said, "It is tried again by itself.", retry_after(answer))
        return Refused(said)

    @property
    def _who(self) -> str:
        return f"{self.called} ({self.host})"

    def _follow(self, path: str, redirects: int) -> httpx.Response:
        """Open a stream, following redirects by hand: httpx drops the token where the host changes."""
        request = self._client.build_request("GET", self.base + path)
        for _ in range(redirects + 1):
            response = self._client.send(request, stream=True)
            if response.next_request is None:
                return response
            response.close()
            request = response.next_request
        raise Unreachable(f"{self._who} sends us from one address to the next", "Try another gateway.")

    def _refusal(self, response: httpx.Response) -> Answer:
        piece = next(response.iter_bytes(), b"")[:4096]
        return Answer(response.status_code, piece, dict(response.headers))

    def _check(self, end: float) -> None:
        if time.monotonic() > end:
            raise Unreachable(f"{self._who} is too slow", "It is tried again by itself; is the line busy?")


def retry_after(answer: Answer) -> float | None:
    """Return the seconds after which a service wants to be asked again, at most an hour; None where it says nothing."""
    said = next((value for name, value in answer.headers.items() if name.lower() == "retry-after"), "")
    try:
        seconds = float(said)
    except ValueError:
        moment = date(said)
        seconds = -1.0 if moment is None else moment - time.time()
    return min(max(seconds, 0.0), _LONGEST_WAIT) if said and seconds == seconds else None


def date(said: str) -> float | None:
    """Return an HTTP date as seconds since 1970, or None where it is none."""
    try:
        return parsedate_to_datetime(said).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
