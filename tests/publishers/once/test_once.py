"""Two at once, the same folder twice, a gateway that fails a third of all calls: still paid once."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from tests.nodes.flaky import FAULTS, Flaky
from tests.publishers.once.harness import Nursery, Real, Trial
from tests.publishers.once.network import SAID_BEFORE, Network

Maker = Callable[..., Trial]


def test_two_processes_at_once(trial: Maker, nursery: Nursery, second: Nursery) -> None:
    one = trial()
    nursery.start(one.order())
    second.start(one.order(out="second.json"))
    assert nursery.wait() == second.wait() == 0
    one.paid_once()
    assert one.said()["receipts"] == one.said("second.json")["receipts"]


def test_two_processes_at_once_of_which_one_is_killed(trial: Maker, nursery: Nursery, second: Nursery) -> None:
    for fatal in (9, 14, 20):
        one = trial(str(fatal))
        nursery.start(one.order(fatal, out="first.json"))
        second.start(one.order())
        assert nursery.wait() in (-9, 0)
        assert second.wait() == 0
        one.paid_once()


def test_the_same_folder_twice(trial: Maker, nursery: Nursery) -> None:
    one = trial()
    first = one.finish(nursery)["receipts"]
    again = one.folder / "dropped again"
    again.mkdir()
    copies = [shutil.copy(path, again / path.name) for path in one.files]
    assert nursery.run(one.order(files=[str(copy) for copy in copies], parcel="another job")) == 0
    assert one.said()["receipts"] == first
    one.paid_once()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_bad_line(trial: Maker, nursery: Nursery, network: Network, seed: int) -> None:
    network.before = SAID_BEFORE[seed % len(SAID_BEFORE)]
    with Flaky(network.url, seed, kinds=FAULTS, hang=0.05) as line:
        one = trial(gateway=line.url)
        one.finish(nursery)
        assert len(line.faults) > 10
    one.paid_once()


@pytest.mark.parametrize("seed", [4, 5])
def test_a_bad_line_and_processes_that_die(trial: Maker, nursery: Nursery, network: Network, seed: int) -> None:
    network.before = SAID_BEFORE[seed % len(SAID_BEFORE)]
    with Flaky(network.url, seed, kinds=FAULTS, hang=0.05) as line:
        one = trial(gateway=line.url)
        for fatal in (5, 9, 14, 22, 30):
            nursery.run(one.order(fatal))
        one.finish(nursery)
    one.paid_once()


@pytest.mark.e2e
@pytest.mark.parametrize("seed", [6, 7, 8])
def test_a_bad_line_before_a_real_gateway(trial: Maker, nursery: Nursery, real: Real, seed: int) -> None:
    with Flaky(real.url, seed, kinds=FAULTS, hang=0.05) as line:
        one = trial(chain=real, gateway=line.url)
        for fatal in (5, 12, 25):
            nursery.run(one.order(fatal))
        one.finish(nursery)
        assert len(line.faults) > 10
    one.paid_once()


@pytest.mark.e2e
def test_two_processes_at_once_before_a_real_gateway(
    trial: Maker, nursery: Nursery, second: Nursery, real: Real
) -> None:
    one = trial(chain=real)
    nursery.start(one.order())
    second.start(one.order(out="second.json"))
    assert nursery.wait() == second.wait() == 0
    one.paid_once()
