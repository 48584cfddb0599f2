"""The publisher that pays once: files stay on Arweave for as long as the network does."""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from publishers.arweave.errand import Errand
from publishers.arweave.examination import Doctor
from publishers.arweave.gateways import Gateways
from publishers.arweave.network import Gateway
from publishers.arweave.pathmanifest import MEDIA_TYPE, path_manifest
from publishers.arweave.posting import Posting
from publishers.arweave.purse import Purse
from publishers.arweave.quotation import Quotation
from publishers.arweave.settings import Settings
from publishers.arweave.settling import NAME, Settling
from publishers.arweave.wallet import Wallet, read_wallet
from publishers.base import Artifact, Beat, Examination, Parcel, Quote, Receipt, quietly
from publishers.cid import identify
from publishers.errors import Mismatch, PublisherError, Unreachable
from publishers.ledger import Ledger
from publishers.record import READ_BACK

SCHEME = "ar://"
_ADDRESS = re.compile(r"ar://[A-Za-z0-9_-]{43}")


class ArweavePublisher:
    """Posts files, follows them until they are read back, and gives them one address together."""

    def __init__(self, settings: Settings, state: Path, clock: Callable[[], float] = time.time) -> None:
        """Prepare; nothing is contacted, read or written yet.

        Args:
            settings: See there.
            state: Directory of the service's own files.
            clock: Seconds since 1970.

        Raises:
            PublisherError: An address is none.
        """
        self._settings = settings
        self._state = state
        self._clock = clock
        self._ledger = Ledger(state, clock)
        self._gateways = self._reach()
        self._purse = Purse(self._gateways.first, self._ledger, settings.max_winston)
        self._posting = Posting(self._gateways, self._ledger, self._purse, lambda: self._wallet, clock)
        self._settling = Settling(self._gateways, self._ledger, settings.confirmations, clock)

    @classmethod
    def from_settings(cls, settings: Mapping[str, object], state: Path) -> ArweavePublisher:
        """Take the configuration of ``publish.arweave``.

        Raises:
            PublisherError: A key is unknown or of the wrong kind.
        """
        return cls(Settings.read(settings), state)

    @property
    def name(self) -> str:
        """The name in ``publish.to``."""
        return NAME

    def close(self) -> None:
        """Close what is open."""
        self._gateways.close()

    def publish(self, artifact: Artifact, parcel: Parcel, beat: Beat) -> Receipt:
        """Bring the file to the network, once, and return when it was read back.

        Raises:
            Pending: It is posted; blocks are missing, or a gateway does not serve it yet.
            Refused: It is too dear, or the gateway says no; nothing was sent.
            PublishError: See ``errors``.
        """
        info = self._gateways.first.info()
        place = f"{NAME}:{info.network}"
        self._remember(place)
        errand = Errand(artifact, parcel, beat, place, info.height)
        with self._ledger.turn(place, artifact.sha256):
            record = self._ledger.find(place, artifact.sha256)
            if record is not None and record.state == READ_BACK:
                return self._settling.receipt(errand, record)
            record, status = self._posting.posted(errand)
            return self._settling.settled(errand, record, status)

    def gather(self, parcel: Parcel, receipts: Sequence[Receipt], beat: Beat) -> Receipt:
        """Publish the path manifest: ``ar://ID/alice.mp4`` for every file of the parcel.

        Raises:
            PublishError: As ``publish``.
        """
        files = {receipt.name: receipt.address.removeprefix(SCHEME) for receipt in receipts if receipt.name}
        first = next((artifact.name for artifact in parcel.artifacts if artifact.name in files), "")
        if not files:
            raise PublisherError("there is no file to put into a path manifest", "Publish the files first.")
        with _file(path_manifest(files, first)) as path:  # the same files give the same bytes, which are posted once
            artifact = replace(identify(path), name="", media_type=MEDIA_TYPE)
            return self.publish(artifact, parcel, beat)

    def verify(self, receipt: Receipt) -> None:
        """Read the file from every gateway and compare its hash.

        Raises:
            Mismatch: A gateway serves other bytes.
            Unreachable: One does not answer, or does not have it.
        """
        identity = _identity(receipt.address)
        header = self._gateways.first.header(identity)
        if header is None:
            raise Unreachable(f"{receipt.address} is in no block that {self._gateways.first.web.host} knows")
        media_type = "" if receipt.name else MEDIA_TYPE
        sought = Artifact(Path(), receipt.name, media_type, header.data_size, receipt.sha256, "", "")
        for gateway in self._gateways.all:
            if not self._gateways.read_back(gateway, identity, sought, quietly):
                raise Unreachable(f"{gateway.web.host} does not have {receipt.address} at the moment")

    def quote(self, parcel: Parcel, online: bool) -> Quote:
        """Return what the parcel would cost.

        Raises:
            Refused: (online) It is above the cap, or above what there is.
            Unreachable: (online) Nobody answers.
        """
        quotation = Quotation(self._ledger, self._purse, self.name)
        if not online:
            memory = self._ledger.recall(self._network)
            return quotation.offline(parcel, memory.value if memory else None)
        info = self._gateways.first.info()
        place = f"{NAME}:{info.network}"
        self._remember(place)
        return quotation.online(parcel, place, info.height, self._wallet)

    def examine(self) -> tuple[Examination, ...]:
        """Look at gateway, clock, wallet, balance and ledger; changes nothing."""
        gateways = self._reach(quick=True)
        try:
            doctor = Doctor(gateways, self._ledger, lambda: self._wallet, self._settings.max_winston, self._clock)
            return doctor.examine()
        finally:
            gateways.close()

    @functools.cached_property
    def _wallet(self) -> Wallet:
        return read_wallet(self._settings.wallet)

    @property
    def _network(self) -> str:
        """The name under which the ledger remembers which network the gateway shows."""
        return f"network of {self._gateways.first.url}"

    def _remember(self, place: str) -> None:
        """Keep the network's name for quotes that are made offline."""
        memory = self._ledger.recall(self._network)
        if memory is None or memory.value != place:
            self._ledger.remember(self._network, place)

    def _reach(self, quick: bool = False) -> Gateways:
        names = (self._settings.gateway, *self._settings.also)
        first, *also = (Gateway(name, quick=quick) for name in names)
        return Gateways(first, tuple(also))


@contextmanager
def _file(content: bytes) -> Iterator[Path]:
    """Lend a file with this content, of which nobody else knows.

    Raises:
        PublisherError: It cannot be written.
    """
    with TemporaryDirectory(prefix="lipsyncd-") as folder:
        path = Path(folder) / "paths.json"
        try:
            path.write_bytes(content)
        except OSError as error:
            raise PublisherError(
                f"the path manifest cannot be written down ({error.strerror or error})", "Look at the space of /tmp."
            ) from error
        yield path


def _identity(address: str) -> str:
    """Return the id in an address.

    Raises:
        Mismatch: There is none.
    """
    if not _ADDRESS.fullmatch(address):
        raise Mismatch(f"{address!r} names no transaction on Arweave")
    return address.removeprefix(SCHEME)
