"""What the configuration says of ``publish.arweave``, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from publishers.errors import PublisherError


@dataclass(frozen=True)
class Settings:
    """What the configuration says of ``publish.arweave``.

    Attributes:
        gateway: Takes what is posted.
        also: Further gateways to read back from.
        wallet: The key file, or "" for the systemd credential.
        max_winston: What one parcel may cost.
        confirmations: Blocks until a file counts as there for good.
    """

    gateway: str = "https://arweave.net"
    also: tuple[str, ...] = ()
    wallet: str = ""
    max_winston: int = 0
    confirmations: int = 10

    @classmethod
    def read(cls, settings: Mapping[str, object]) -> Settings:
        """Take plain values, each of its kind.

        Raises:
            PublisherError: A key is unknown, or its value is of the wrong kind.
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(settings.keys() - known)
        if unknown:
            raise PublisherError(f"publish.arweave has no key {unknown[0]!r}", f"It has {', '.join(sorted(known))}.")
        said = {**settings}
        also = said.pop("also", ())
        if not isinstance(also, list | tuple) or not all(isinstance(one, str) for one in also):
            raise _wrong("also", "a list of addresses")
        for name in ("gateway", "wallet"):
            if not isinstance(said.get(name, ""), str):
                raise _wrong(name, "a text")
        for name, least in (("max_winston", 0), ("confirmations", 1)):
            value = said.get(name, least)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise _wrong(name, f"a whole number of at least {least}")
        return cls(**{"also": tuple(also), **said})  # type: ignore[arg-type]


def _wrong(name: str, kind: str) -> PublisherError:
    return PublisherError(f"publish.arweave.{name} is not {kind}", "Mend it in the configuration.")
