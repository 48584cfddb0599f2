"""Where a node's RPC API is, as the library wants it said, and what lets us in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from publishers.errors import PublisherError
from publishers.secret import Secret

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class NodeAddress:
    """Where an API is.

    Attributes:
        shown: Host and port, for people.
        multiaddr: The same as https://multiformats.io/multiaddr/ has it.
        base: The path of the API, "api/v0" or with something in front.
        open: Whether what goes there crosses a network unencrypted.
    """

    shown: str
    multiaddr: str
    base: str
    open: bool


class _Bearer:
    """Puts a token on a request, as ``requests`` asks for it; unlike a header it has no ``repr`` that shows it."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def __call__(self, request: Any) -> Any:
        request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return request


def authorization(auth: Secret | None) -> Any:
    """Return what ``requests`` takes as ``auth``."""
    if auth is None:
        return None
    kind, _, rest = auth.reveal().partition(":")
    if kind == "bearer" or not rest:
        return _Bearer(Secret(rest or kind))
    user, _, password = rest.partition(":") if kind == "basic" and ":" in rest else (kind, "", rest)
    return user.encode(), password.encode()


def node_address(api: str) -> NodeAddress:
    """Return where an address such as "http://127.0.0.1:5001" leads.

    Raises:
        PublisherError: It is no http or https address, or has a password in it.
    """
    try:
        parts = urlsplit(api)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        parts, host, port = urlsplit(""), "", 0
    if parts.username or parts.password:
        raise PublisherError("publish.ipfs.api has a password in it", "Put it into a file: publish.ipfs.auth.")
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise no_address(api)
    kind = "ip6" if ":" in host else "ip4" if re.fullmatch(r"[\d.]+", host) else "dns"
    base = f"{parts.path.rstrip('/').removesuffix('/api/v0').strip('/')}/api/v0".lstrip("/")
    shown = f"[{host}]" if kind == "ip6" else host
    clear = parts.scheme == "http" and host not in _HERE
    return NodeAddress(f"{shown}:{port}", f"/{kind}/{host}/tcp/{port}/{parts.scheme}", base, clear)


def no_address(api: str) -> PublisherError:
    """Return the error that this is no address of an API."""
    return PublisherError(f"publish.ipfs.api is {api!r}", 'It must be like "http://127.0.0.1:5001".')
