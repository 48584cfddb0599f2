"""The publisher that asks pinning services to fetch and keep what a node of ours already offers.

No bytes go from here: the services take them from the IPFS network, so publish with ``ipfs`` as well, at a node that
they can reach. All services are asked at once, and one that is down does not hold up the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from publishers import unixfs
from publishers.address import IPFS, is_local
from publishers.base import Artifact, Beat, Examination, Parcel, Quote, QuoteLine, Receipt, quietly
from publishers.cid import directory_cid
from publishers.errors import Mismatch, Pending, PublisherError, Refused, Unreachable
from publishers.filename import plain
from publishers.gateway import Gateway, sound, under
from publishers.ledger import Ledger
from publishers.original import check_original
from publishers.outcome import ask_all, raise_worst, told
from publishers.pinservice import Pin, PinService
from publishers.record import CONFIRMED, LOST, PENDING, SENT, Record
from publishers.secret import read_secret

AGAIN = 15.0
"""Seconds until a pin under way is looked at again."""
PATIENCE = 30.0
"""Seconds that a service may think about one call; listing pins is slow at some of them."""
QUICK = 2.0
"""Seconds to get through, and again to answer, when a service is only asked how it is."""
_RECORDED = {"queued": SENT, "pinning": PENDING, "pinned": CONFIRMED}


@dataclass(frozen=True)
class _Content:
    """What is to be pinned: its CID, its sha256 (of the bytes; of the block for a directory), its name."""

    cid: str
    sha256: str
    name: str
    parcel: str


class PinningPublisher:
    """Has one or more services pin what is published."""

    def __init__(self, services: Sequence[PinService], ledger: Ledger, gateway: str = "", links: str = "") -> None:
        """Prepare; nothing is contacted.

        Args:
            services: At least one.
            ledger: Which requests were made.
            gateway: Where to read back from, or "": then a receipt's best state is "confirmed".
            links: The gateway that receipts name; "" for the same.
        """
        self._services = tuple(services)
        self._ledger = ledger
        self._gateway = Gateway(gateway) if gateway else None
        self._links = (links or gateway).rstrip("/")

    @classmethod
    def from_settings(cls, settings: Mapping[str, object], state: Path) -> PinningPublisher:
        """Take ``services`` (each with ``name``, ``endpoint``, ``token``), ``gateway`` and ``links``.

        A ``token`` is a file; without one the systemd credential ``pinning-NAME`` is used.

        Raises:
            PublisherError: A key is missing, unknown or of the wrong kind, or a token cannot be read.
        """
        if unknown := sorted(settings.keys() - {"services", "gateway", "links"}):
            raise PublisherError(f"publish.pinning has no key {unknown[0]!r}", "It has services, gateway and links.")
        listed = settings.get("services")
        if not isinstance(listed, Sequence) or isinstance(listed, str) or not listed:
            raise PublisherError(
                "no pinning service is named", "Add a [[publish.pinning]] with name, endpoint and token."
            )
        services = [_service(item) for item in listed]
        if len({service.name for service in services}) != len(services):
            raise PublisherError("two pinning services have one name", "Give each [[publish.pinning]] its own.")
        gateway, links = (_text(settings, key) for key in ("gateway", "links"))
        return cls(services, Ledger(state), gateway, links)

    @property
    def name(self) -> str:
        """The name in ``publish.to``."""
        return "pinning"

    def publish(self, artifact: Artifact, parcel: Parcel, beat: Beat) -> Receipt:
        """Have every service pin the file, unless it does; then read it back.

        Raises:
            Pending: All were asked, and not all have it yet.
            Unreachable: A service did not answer; the others were asked all the same.
            Refused: A service said no, or failed to pin it; the message says which and why.
            Mismatch: The file changed since it was hashed, or the gateway serves other bytes.
        """
        plain(artifact.name)
        content = _Content(artifact.cid, artifact.sha256, artifact.name, parcel.id)
        if not all(self._ledger.find(_place(service), content.sha256) for service in self._services):
            check_original(artifact, beat)  # what was asked for once may be asked about again without that
        receipt = self._pin(content, beat)
        return self._read_back(under(artifact.cid), artifact, receipt, beat)

    def gather(self, parcel: Parcel, receipts: Sequence[Receipt], beat: Beat) -> Receipt:
        """Have every service pin the directory of all files; read one of them, the smallest, back under its name.

        Raises:
            PublishError: As ``publish``.
        """
        root = _root(parcel)
        digest = unixfs.binary(root)[4:].hex()
        receipt = self._pin(_Content(root, digest, parcel.title or "lipsyncd", parcel.id), beat)
        small = min(parcel.artifacts, key=lambda artifact: artifact.bytes)
        return self._read_back(under(root, small.name), small, replace(receipt, name=""), beat)

    def verify(self, receipt: Receipt) -> None:
        """Ask every service whether it still pins what the receipt names, and fetch it if there is a gateway.

        Raises:
            Mismatch: One does not, or the bytes are others; or the receipt names no CID.
            Unreachable: One did not answer.
            Refused: One does not let us ask.
        """
        cid = receipt.address.removeprefix(IPFS)
        try:
            unixfs.binary(cid if receipt.address.startswith(IPFS) else "")
        except ValueError:
            raise Mismatch(f"{receipt.address!r} is no address of a pinned file") from None
        called = receipt.name or "the directory"

        def ask(service: PinService) -> Pin:
            pin = service.find(cid, ("pinned",))
            if pin is None:
                raise Mismatch(f"{called} is not pinned at {service.name}", "Publish it again.")
            return pin

        raise_worst(ask_all(self._services, ask, quietly), called)
        if self._gateway is None:
            return
        if not receipt.name:  # a directory has no bytes of a file: its block is asked for, where a gateway gives one
            block = self._gateway.block(cid)
            if block is not None and not sound(block, unixfs.binary(cid)):
                raise Mismatch("the IPFS gateway serves another block for the directory than was published")
        elif not self._gateway.holds(under(cid), called, receipt.sha256):
            raise Mismatch(f"the IPFS gateway does not find {called}", "Is a node that has it online?")

    def quote(self, parcel: Parcel, online: bool) -> Quote:
        """Return the addresses; what the services charge is between them and their customer.

        Args:
            parcel: With all artifacts.
            online: Ask the services whether they take the tokens.

        Raises:
            Refused: (online) One does not.
        """
        lines = [QuoteLine(artifact.name, f"{IPFS}{artifact.cid}", 0) for artifact in parcel.artifacts]
        if parcel.artifacts:
            lines.append(QuoteLine("", f"{IPFS}{_root(parcel)}", 0))
        if online:
            said = ask_all(self._services, PinService.greet, quietly)
            raise_worst([one for one in said if not (one.error and one.error.passing)], "the pinning services")
        names = ", ".join(service.name for service in self._services)
        return Quote(self.name, tuple(lines), 0, f"What pinning costs at {names} is between you and them.")

    def examine(self) -> tuple[Examination, ...]:
        """Ask every service for a list of one pin: whether it answers, and takes the token."""
        quick = [service.hurried(QUICK) for service in self._services]
        found = []
        for service, outcome in zip(quick, ask_all(quick, PinService.greet, quietly), strict=True):
            open_line = service.web.base.startswith("http://") and not is_local(service.web.base)
            if outcome.error:
                found.append(Examination(service.name, "fail", outcome.error.message, outcome.error.hint))
            elif open_line:
                advice = "Use an https:// endpoint: everybody on the way can read the token."
                found.append(Examination(service.name, "warn", "answers, over an open line", advice))
            else:
                found.append(Examination(service.name, "ok", f"{service.web.host} answers and takes the token"))
        return tuple(found)

    def _pin(self, content: _Content, beat: Beat) -> Receipt:
        """Have all services pin it, and return what there is once all do."""
        outcomes = ask_all(self._services, lambda service: self._pin_at(service, content), beat)
        link = f"{self._links}/ipfs/{content.cid}" if self._links else ""
        done = all(outcome.pin and outcome.pin.status == "pinned" for outcome in outcomes)
        state = "confirmed" if done else "pending"
        receipt = Receipt(self.name, content.name, content.sha256, f"{IPFS}{content.cid}", link, state)
        raise_worst(outcomes, content.name)
        if not done:
            raise Pending(f"{content.name}: {told(outcomes)}", receipt, AGAIN)
        return receipt

    def _pin_at(self, service: PinService, content: _Content) -> Pin:
        """Have one service pin it: go on with the request there is, by the ledger or by the service, or make one."""
        place = _place(service)
        with self._ledger.turn(place, content.sha256):
            record = self._ledger.find(place, content.sha256)
            if record is None:
                record = Record(place, content.sha256, f"{IPFS}{content.cid}", parcel=content.parcel)
                record = self._ledger.intend(record)
            pin = service.get(record.header.decode()) if record.header else None
            pin = pin or service.find(content.cid) or service.add(content.cid, content.name)
            if pin.status == "failed":
                self._ledger.update(record, state=LOST)  # asked for another time, it is requested anew
                why = f": {pin.reason}" if pin.reason else ""
                raise Refused(f"{service.name} could not pin {content.name}{why}", "Look at it there, then try again.")
            known = _RECORDED[pin.status], pin.id.encode()
            if (record.state, record.header) != known:
                self._ledger.update(record, state=known[0], header=known[1])
        return pin

    def _read_back(self, path: str, artifact: Artifact, receipt: Receipt, beat: Beat) -> Receipt:
        """Return the receipt with what reading back through the gateway adds to it."""
        if self._gateway is None:
            return receipt
        if not self._gateway.holds(path, artifact.name, artifact.sha256, artifact.bytes, beat):
            advice = "It is asked again; is a node that has it online?"
            raise Unreachable(f"{artifact.name} is pinned, and the IPFS gateway does not find it yet", advice, AGAIN)
        return replace(receipt, state="read back")


def _service(item: object) -> PinService:
    if not isinstance(item, Mapping) or set(item) - {"name", "endpoint", "token"}:
        raise PublisherError("a [[publish.pinning]] is not right", "It has name, endpoint and token.")
    name, endpoint, token = (_text(item, key) for key in ("name", "endpoint", "token"))
    if not name or not endpoint:
        raise PublisherError("a [[publish.pinning]] has no name or no endpoint", "Give it both.")
    secret = read_secret(token, f"pinning-{name}")
    return PinService(name, endpoint, secret, PATIENCE)


def _text(settings: Mapping[str, object], key: str) -> str:
    value = settings.get(key, "")
    if not isinstance(value, str):
        raise PublisherError(f"{key} of publish.pinning is not a text")
    return value


def _place(service: PinService) -> str:
    return f"pinning:{service.name}@{service.web.host}"


def _root(parcel: Parcel) -> str:
    files = {artifact.name: artifact for artifact in parcel.artifacts}
    if not files:
        raise ValueError("a parcel without files has no directory")
    return directory_cid(files, parcel.artifacts[0].profile)
