"""Looks whether publishing on Arweave would work: gateway, clock, wallet, ledger; in under five seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from publishers.arweave.amount import ar
from publishers.arweave.answers import Info
from publishers.arweave.gateways import Gateways
from publishers.arweave.network import Gateway
from publishers.arweave.wallet import Wallet
from publishers.base import Examination
from publishers.errors import PublishError
from publishers.ledger import Ledger

DRIFT = 120.0
"""Seconds by which a clock may be off before it is worth saying."""
HURRY = 0.9
"""Seconds after which no further gateway is asked: each may take two, and so may the balance."""


@dataclass(frozen=True)
class Doctor:
    """Asks everything once.

    Attributes:
        gateways: Which answer quickly or not at all.
        ledger: To be read.
        wallet: Reads the wallet.
        cap: Winston that one parcel may cost.
        clock: Seconds since 1970.
    """

    gateways: Gateways
    ledger: Ledger
    wallet: Callable[[], Wallet]
    cap: int
    clock: Callable[[], float] = time.time

    def examine(self) -> tuple[Examination, ...]:
        """Return what was found; never raises ``PublishError``."""
        return tuple(self._all())

    def _all(self) -> Iterator[Examination]:
        place, started = "", time.monotonic()
        try:
            info = self.gateways.first.info()
        except PublishError as error:
            yield _fail("gateway", error)
        else:
            place = f"arweave:{info.network}"
            yield Examination("gateway", "ok", f"{self.gateways.first.web.host}: {info.network}, block {info.height}")
            yield from self._clock(info)
            for gateway in self.gateways.also:
                yield self._other(gateway, info) if time.monotonic() - started < HURRY else _unasked(gateway)
        yield from self._wallet(bool(place))
        yield from self._ledger(place)

    def _clock(self, info: Info) -> Iterator[Examination]:
        if info.clock is None:
            return
        drift = abs(self.clock() - info.clock)
        if drift > DRIFT:
            yield Examination("clock", "warn", f"this machine's clock is off by {drift:.0f} s", "Set it (NTP).")
        else:
            yield Examination("clock", "ok", "this machine's clock agrees with the gateway's")

    def _other(self, gateway: Gateway, info: Info) -> Examination:
        try:
            other = gateway.info()
        except PublishError as error:
            return _fail("also", error)
        if other.network != info.network:
            found = f"{gateway.web.host} shows another network: {other.network}"
            return Examination("also", "fail", found, "Take it out of publish.arweave.also.")
        return Examination("also", "ok", f"{gateway.web.host}: block {other.height}")

    def _wallet(self, online: bool) -> Iterator[Examination]:
        try:
            wallet = self.wallet()
            yield Examination("wallet", "ok", wallet.address)
            if not online:
                return
            balance = self.gateways.first.balance(wallet.address)
        except PublishError as error:
            yield _fail("wallet", error)
            return
        found = f"{ar(balance)}; one job may cost {ar(self.cap)}"
        if balance < self.cap:
            yield Examination("balance", "warn" if balance else "fail", found, "Put more into the wallet.")
        else:
            yield Examination("balance", "ok", found)

    def _ledger(self, place: str) -> Iterator[Examination]:
        try:
            twice = self.ledger.doubled(place)
        except PublishError as error:
            yield _fail("ledger", error)
            return
        if twice:
            found = f"{len(twice)} files are on the chain twice: a transaction that was given up turned up after all"
            yield Examination("ledger", "warn", found, f"The first: {twice[0].address}. Please report this.")
        else:
            yield Examination("ledger", "ok", "readable")


def _unasked(gateway: Gateway) -> Examination:
    return Examination("also", "warn", f"{gateway.web.host} was not asked: the others took too long", "Run it again.")


def _fail(name: str, error: PublishError) -> Examination:
    return Examination(name, "fail", error.message, error.hint)
