"""What came of asking several pinning services the same thing at once; none waits for another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass

from publishers.base import Beat
from publishers.errors import PublishError
from publishers.pinservice import Pin, PinService

_TURN = 0.5


@dataclass(frozen=True)
class Outcome:
    """What came of asking one service.

    Attributes:
        service: Its name.
        pin: What it told of, if it did.
        error: Why it did not do what it was asked, or None.
    """

    service: str
    pin: Pin | None
    error: PublishError | None


def ask_all(services: Sequence[PinService], task: Callable[[PinService], Pin | None], beat: Beat) -> list[Outcome]:
    """Do something at all services at once, and return what came of it, in their order."""

    def one(service: PinService) -> Outcome:
        try:
            return Outcome(service.name, task(service), None)
        except PublishError as error:
            return Outcome(service.name, None, error)

    pool = ThreadPoolExecutor(len(services), "pinning")
    try:
        futures = [pool.submit(one, service) for service in services]
        beat(0.0)
        while wait(futures, _TURN).not_done:
            beat(sum(future.done() for future in futures) / len(futures))
        return [future.result() for future in futures]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # who was stopped by the beat does not wait for the slowest


def told(outcomes: Sequence[Outcome]) -> str:
    """Say of each service how far it is."""
    return ", ".join(f"{one.service} {_word(one)}" for one in outcomes)


def raise_worst(outcomes: Sequence[Outcome], called: str) -> None:
    """Raise the gravest error, if there is one: what will not pass by itself goes before what may.

    Args:
        outcomes: Of all services.
        called: What they were asked for, for the message, which tells how far the others are.
    """
    errors = [outcome.error for outcome in outcomes if outcome.error]
    if not errors:
        return
    worst = min(errors, key=lambda error: error.passing)
    if len(outcomes) > 1:
        worst.message = f"{worst.message} ({called}: {told(outcomes)})"
    raise worst


def _word(outcome: Outcome) -> str:
    if outcome.error:
        return "did not answer" if outcome.error.passing else "said no"
    return outcome.pin.status if outcome.pin else "has it not"
