"""Posts one file once: from a signed header in the ledger to bytes read back, each step so that it may be the last.

The header is in the ledger, on the disk, before it is posted; a chunk's index after it is. Whoever goes on after a
crash asks for the id first, and posts the *same* header where it is absent: one header is paid for once, however often
it is posted. Another is signed only when every gateway says that the old one is nowhere and its anchor has expired, so
that it can no longer be mined. The old one stays in the ledger and is looked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from publishers.arweave.answers import ANCHOR_BLOCKS, Anchor, Posted, Status
from publishers.arweave.data import INLINE
from publishers.arweave.errand import Errand
from publishers.arweave.gateways import Gateways
from publishers.arweave.merkle import spans
from publishers.arweave.purse import NEXT_BLOCK, Purse
from publishers.arweave.search import Search, identity
from publishers.arweave.tags import describe
from publishers.arweave.transaction import Header, sign
from publishers.arweave.wallet import Wallet
from publishers.errors import Mismatch, PublisherError, Refused, Unreachable
from publishers.ledger import Ledger
from publishers.record import CONFIRMED, INTENDED, LOST, SENT, Record

GRACE = 900.0
"""Seconds for which a gateway may not know what it took: its state shows up late, and one post is enough."""

FRESH = 300.0
"""Seconds after signing in which a price does not change: what is not valid then never will be."""


@dataclass(frozen=True)
class Posting:
    """Brings a file to the network; what becomes of it there, see ``settling``.

    Attributes:
        gateways: Where to.
        ledger: What was done before.
        purse: What it may cost.
        wallet: Gives who signs, when somebody must.
        clock: Seconds since 1970, as the ledger's.
    """

    gateways: Gateways
    ledger: Ledger
    purse: Purse
    wallet: Callable[[], Wallet]
    clock: Callable[[], float] = time.time

    def posted(self, errand: Errand) -> tuple[Record, Status]:
        """Bring the file to the network, going on from wherever it was left; return what the network says of it.

        The caller holds the turn.

        Raises:
            PublishError: See ``errors``. Nothing is lost: the next call goes on.
        """
        record = self.ledger.find(errand.place, errand.artifact.sha256)
        if record is None:
            record = self._search.found(errand, self.wallet().address)
        if record is None:
            record, status = self._signed(errand), Status("absent")
        else:
            status = self.gateways.status(identity(record))
        if status.state == "absent":
            if self._may_still_show(record):
                return record, status
            record = self._sent(errand, record)
        record = self._chunks(errand, record)
        if record.state == INTENDED:
            record = self.ledger.update(record, state=SENT)
        if status.state == "absent":
            status = self.gateways.status(identity(record))
        if record.number > 1:
            self._search.notice(errand)
        return record, status

    @property
    def _search(self) -> Search:
        return Search(self.gateways, self.ledger)

    def _signed(self, errand: Errand) -> Record:
        """Sign a header and write it down, if it may be paid for; nothing is sent."""
        artifact, wallet, data = errand.artifact, self.wallet(), errand.data()
        price = self.purse.price(errand.place, artifact.bytes)
        anchor = self.gateways.first.anchor()
        try:
            header = sign(wallet, data, describe(artifact, errand.parcel.title), price, anchor.block)
        except ValueError as error:
            raise Refused(f"{errand.called} cannot be signed for Arweave: {error}", "Shorten its name.") from error
        record = Record(
            errand.place,
            artifact.sha256,
            f"ar://{header.id}",
            INTENDED,
            errand.parcel.id,
            wallet.address,
            price,
            header.to_json().encode(),
            anchor.block,
            anchor.height,
        )
        return self.purse.reserve(record, errand.called)

    def _may_still_show(self, record: Record) -> bool:
        """Return whether what is absent was taken so lately that it may only be late to show.

        Raises:
            Unreachable: It was deep in the chain once: then it is the gateway that is wrong.
        """
        if record.state == CONFIRMED:
            raise Unreachable(
                f"{self.gateways.first.web.host} no longer knows {record.address}, which was confirmed",
                "Nothing is paid again for it. Ask another gateway (publish.arweave.gateway).",
                10 * NEXT_BLOCK,
            )
        if record.block:  # it was in a block a moment ago: that it is not is noted first, and must last
            return True
        return record.state != INTENDED and 0 <= self.clock() - record.updated < GRACE

    def _sent(self, errand: Errand, record: Record) -> Record:
        """Post the header of a record that no gateway knows; or another, where that one is gone for good."""
        if Anchor(record.anchor, record.height).expired(errand.height):
            record = self._anew(errand, record)
        if record.state != INTENDED:  # the network dropped it, and with it perhaps its chunks
            record = self.ledger.update(record, state=INTENDED, chunk=0, block=0)
        header = _header(record)
        inline = b""
        if header.data_size <= INLINE:
            data = errand.data()
            _same(errand, header, data.root)
            inline = data.inline()
        said = self.gateways.first.post(header, inline)
        self._judge(errand, record, said)
        return self.ledger.update(record, chunk=_chunks(header)) if inline else record

    def _anew(self, errand: Errand, record: Record) -> Record:
        """Give a record up and sign another; both stay in the ledger."""
        anchor = Anchor(record.anchor, record.height)
        if not self.gateways.gone(identity(record), anchor, record.owner, record.key):
            raise Unreachable(
                f"{errand.called} was not taken, and {record.address} may still turn up",
                "It is posted anew once it surely cannot; nothing is paid twice.",
                5 * NEXT_BLOCK,
            )
        self.ledger.update(record, state=LOST)
        return self._signed(errand)

    def _judge(self, errand: Errand, record: Record, said: Posted) -> None:
        """Return where a header was taken, or is there already.

        Raises:
            Refused: It was not, and will not be.
            Unreachable: It was not, and may be later.
        """
        if said in (Posted.ACCEPTED, Posted.KNOWN):
            return
        if self.gateways.status(identity(record)).state != "absent":
            return
        if said is Posted.UNFUNDED:
            raise Refused(
                f"{errand.called}: the gateway says that the wallet {record.owner} cannot pay for it",
                "Top the wallet up; it goes on with the same transaction.",
            )
        if said is Posted.UNCLEAR:
            raise Unreachable(f"{errand.called}: the gateway neither took it nor said no", "", NEXT_BLOCK)
        if said is Posted.EXPIRED or errand.height >= record.height + ANCHOR_BLOCKS:
            raise Unreachable(
                f"{errand.called} was signed too long ago to be taken, and not long enough to be sure that it was not",
                "It is signed anew as soon as the old one cannot turn up any more.",
                5 * NEXT_BLOCK,
            )
        what = f"{errand.called}: the gateway says that its transaction is not valid"
        if self.clock() < record.created + FRESH:
            raise Refused(what, "Nothing was paid. Is the gateway of another network?")
        raise Unreachable(
            what,
            "Has the price risen since it was signed? Then it is signed anew once this one cannot turn up any more.",
            10 * NEXT_BLOCK,
        )

    def _chunks(self, errand: Errand, record: Record) -> Record:
        """Send the chunks that are not sent yet."""
        header = _header(record)
        count = _chunks(header)
        if record.chunk >= count:
            return record
        data = errand.data()
        _same(errand, header, data.root)
        for index in range(record.chunk, count):
            errand.beat(index / count)
            self.gateways.first.post_chunk(data.chunk(index))
            record = self.ledger.update(record, chunk=index + 1)
        return record


def _header(record: Record) -> Header:
    """Return the header of a record, checked.

    Raises:
        PublisherError: It is not the one that was written.
    """
    try:
        header = Header.from_json(record.header)
    except ValueError:
        header = None
    if header is None or header.id != identity(record):
        raise PublisherError(
            f"the ledger's record of {record.address} is damaged",
            "Put the last copy of ledger.sqlite back; nothing is sent for it.",
        )
    return header


def _same(errand: Errand, header: Header, root: str) -> None:
    if header.data_root != root:
        raise Mismatch(f"{errand.called} is not what {header.id} was signed for", "Make the job anew.")


def _chunks(header: Header) -> int:
    """Return how many chunks are to be sent; the empty one at the end is not."""
    return sum(1 for span in spans(header.data_size) if span.end > span.start)
