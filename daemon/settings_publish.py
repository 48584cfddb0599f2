"""Where results go for good: the section ``[publish]`` of config.toml and its tables, as frozen models."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from daemon.fields import WINSTON, Names, OptionalPath, Price, SecretFile
from daemon.section import Section


class FolderTarget(Section):
    """``[publish.folder]``: a directory that keeps what is published, and the address under which it is seen."""

    path: OptionalPath = None
    url: str = ""


class Ipfs(Section):
    """``[publish.ipfs]``: the node, where it is read back, and the layout under which CIDs are computed."""

    api: str = "http://127.0.0.1:5001"
    auth: SecretFile = ""
    gateway: str = "http://127.0.0.1:8080"
    links: str = "https://ipfs.io"
    profile: Literal["unixfs-v1-2025", "legacy-v1-256k"] = "unixfs-v1-2025"
    pin: bool = True


class Pinning(Section):
    """One ``[[publish.pinning]]``: a service that speaks the IPFS Pinning Service API."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    endpoint: str
    token: SecretFile = ""


class Arweave(Section):
    """``[publish.arweave]``: where to pay, with what, and at most how much for one job."""

    gateway: str = "https://arweave.net"
    also: Names = ()
    wallet: SecretFile = ""
    max_ar: Price = Decimal("0.1")
    confirmations: Annotated[int, Field(ge=1)] = 10


class Paragraph(Section):
    """``[publish.paragraph]``: where drafts of posts are left."""

    api: str = "https://public.api.paragraph.com/api"
    key: SecretFile = ""


class Publish(Section):
    """Where results go for good."""

    to: Names = ()
    review: bool = False
    manifest: bool = True
    folder: FolderTarget = Field(default_factory=FolderTarget)
    ipfs: Ipfs = Field(default_factory=Ipfs)
    pinning: tuple[Pinning, ...] = ()
    arweave: Arweave = Field(default_factory=Arweave)
    paragraph: Paragraph = Field(default_factory=Paragraph)

    @property
    def meant(self) -> tuple[str, ...]:
        """Give the places that a job may go to: those of ``to``, and those that have settings of their own."""
        plain = Publish()
        tables = ("folder", "ipfs", "pinning", "arweave", "paragraph")
        return tuple(dict.fromkeys([*self.to, *(one for one in tables if getattr(self, one) != getattr(plain, one))]))

    def of(self, name: str) -> dict[str, object]:
        """Give what the publisher of a name needs to know; {} for one that we do not know."""
        if name == "pinning":
            services = [service.model_dump() for service in self.pinning]
            # Our own gateway would read back what our own node has, and prove nothing about the services.
            return {"services": services, "gateway": "", "links": self.ipfs.links or self.ipfs.gateway}
        if name == "arweave":
            said = self.arweave.model_dump(exclude={"max_ar"})
            return said | {"also": list(self.arweave.also), "max_winston": int(self.arweave.max_ar * WINSTON)}
        table = getattr(self, name, None)
        return table.model_dump() if isinstance(table, Section) else {}
