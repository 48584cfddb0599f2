"""Faults of HTTP in plain words: what httpx says may hold whole addresses, with keys in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from publishers.errors import Unreachable


@contextmanager
def plainly(who: str) -> Iterator[None]:
    """Turn what httpx says into what a person understands.

    Args:
        who: The service and its host: "the IPFS gateway (node.example)".

    Raises:
        Unreachable: Whatever went wrong on the line.
    """
    try:
        yield
    except httpx.ConnectTimeout:
        raise Unreachable(f"{who} does not answer: no connection", "Is it running, and the way free?") from None
    except httpx.TimeoutException:
        raise Unreachable(f"{who} does not answer in time", "It may hang; look at it there.") from None
    except httpx.ConnectError:
        raise Unreachable(f"nothing answers at {who}", "Is it running, and is the address right?") from None
    except httpx.TransportError as error:
        raise Unreachable(f"{who} broke off ({type(error).__name__})", "It is tried again by itself.") from None
    except (httpx.InvalidURL, httpx.DecodingError, httpx.HTTPError, UnicodeError) as error:  # the last: of odd hosts
        raise Unreachable(f"{who} talks nonsense ({type(error).__name__})", "Is it the right service?") from None
