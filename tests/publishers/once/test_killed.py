"""Killed at every boundary between two effects: each file is on the chain once, and paid for once."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable

import pytest

from publishers.ledger import Ledger
from tests.publishers.once.harness import Nursery, Real, Trial
from tests.publishers.once.network import SAID_BEFORE, Network

Maker = Callable[..., Trial]
LEAST = 40
"""Boundaries that there must be for the proof to be worth something."""


def everywhere(trial: Maker, nursery: Nursery, step: int = 1, **other: object) -> None:
    whole = trial("whole", **other)
    points = whole.finish(nursery)["passed"]
    whole.paid_once()
    assert len(points) // step >= LEAST - 1
    assert {"before intend", "after intend", "before POST /tx", "after POST /tx"} <= set(points)
    assert points.count("after POST /chunk") == 5
    for fatal in sorted({*range(1, len(points) + 1, step), len(points)}):
        one = trial(f"at {fatal}", **other)
        one.finish(nursery, fatal)
        one.paid_once()


@pytest.mark.e2e
def test_killed_at_every_boundary(trial: Maker, nursery: Nursery) -> None:
    everywhere(trial, nursery)


@pytest.mark.e2e
def test_killed_at_every_boundary_before_a_real_gateway(trial: Maker, nursery: Nursery, real: Real) -> None:
    """Before each effect, and after the last: after one is before the next, but for questions."""
    everywhere(trial, nursery, step=2, chain=real)


@pytest.mark.e2e
def test_killed_at_every_boundary_and_away_until_the_anchor_is_too_old(
    trial: Maker, nursery: Nursery, network: Network
) -> None:
    """While nobody is there, what was posted is mined or, every other time, forgotten; 80 blocks pass."""
    points = len(trial("whole").finish(nursery)["passed"])
    lost = 0
    for fatal in range(1, points + 1, 2):
        one = trial(f"at {fatal}")
        assert nursery.run(one.order(fatal)) == -signal.SIGKILL
        if fatal // 2 % 2:
            for held in network.transactions(one.owner):
                if held.block is None:
                    network.drop(held.header.id)
        network.mine(80)
        assert nursery.run(one.order(grace=0)) == 0
        one.paid_once()
        lost += len(Ledger(one.state).of("arweave:arweave.trial", "trial")) - 3
    assert lost > 5


@pytest.mark.parametrize("fatal", [7, 8, 11])
def test_short_lives(trial: Maker, nursery: Nursery, network: Network, fatal: int) -> None:
    """Every process dies after a few boundaries, until all is done; what is said to a second post differs."""
    network.before = SAID_BEFORE[fatal % len(SAID_BEFORE)]
    one = trial()
    lives = [-signal.SIGKILL]
    while lives[-1] == -signal.SIGKILL and len(lives) < 60:
        lives.append(nursery.run(one.order(fatal)))
    assert len(lives) > 6
    assert lives[-1] == 0
    one.paid_once()


@pytest.mark.parametrize("seed", [1, 2])
def test_lives_of_any_length(trial: Maker, nursery: Nursery, seed: int) -> None:
    die, one = random.Random(seed), trial()
    for _ in range(12):
        nursery.run(one.order(die.randint(1, 40)))
    one.finish(nursery)
    one.paid_once()
