"""Whether an IPFS node and its gateway would work, for ``lipsyncd doctor``: asked quickly, and nothing is changed."""

from __future__ import annotations

from contextlib import closing
from urllib.parse import urlsplit

from publishers.base import Examination
from publishers.errors import Mismatch, PublishError
from publishers.gateway import Gateway, under
from publishers.node import OLDEST, Node, Patience

KNOWN_BLOCK = "bafkqabtimvwgy3yk"
"""A CID that is its own content ("hello" and a line feed): every gateway can serve it and none needs to store it."""
_HELLO = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
QUICK = Patience(1.0, 2.5)
"""Seconds to get through to a node and for its answer."""
_SKEW = 60.0


def examine_node(node: Node) -> Examination:
    """Look whether the node answers, lets us, and is new enough."""
    try:
        version = node.version(QUICK)
    except PublishError as error:
        return Examination("node", "fail", error.message, error.hint)
    found = f"{version.program} {version.text} at {node.host}"
    if version.old:
        return Examination("node", "fail", f"{found} is too old", f"Use Kubo {'.'.join(map(str, OLDEST))} or newer.")
    if node.open_secret:
        return Examination("node", "warn", f"{found}: the password goes there unencrypted", "Use https://.")
    return Examination("node", "ok", found)


def examine_gateway(base: str) -> tuple[Examination, ...]:
    """Look whether the gateway serves a block that everybody knows, and whether its clock and ours agree."""
    gateway = Gateway(base, read=1.5, deadline=2.0)
    where = urlsplit(base).netloc
    try:
        with closing(gateway.web):
            served = gateway.holds(under(KNOWN_BLOCK), "a known block", _HELLO, 6)
            skew = gateway.skew(under(KNOWN_BLOCK))
    except PublishError as error:
        hint = error.hint if not isinstance(error, Mismatch) else "Is publish.ipfs.gateway the address of a gateway?"
        return (Examination("gateway", "fail", error.message, hint),)
    if not served:
        return (Examination("gateway", "fail", f"{where} is no IPFS gateway", "Is publish.ipfs.gateway right?"),)
    fine = Examination("gateway", "ok", f"{where} serves what it should")
    if skew is not None and abs(skew) > _SKEW:
        found = f"this machine's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} {where}"
        return (fine, Examination("clock", "warn", found, "Let it be set by the network (timedatectl set-ntp true)."))
    return (fine,)
