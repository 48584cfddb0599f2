"""The wire: one looks, all hear; whoever is slow hears the latest, and nobody is kept when the page ends."""

from __future__ import annotations

import asyncio
import gc
import json
import tracemalloc
from collections.abc import Callable

import pytest

from daemon.page import broadcast as module
from daemon.page.wire import Wire


class Looks:
    """Says a new number at every look."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> str:
        self.count += 1
        return str(self.count)


def always() -> bool:
    return True


async def hear(
    wire: Wire, most: int, heard: list[bytes], welcome: Callable[[], bool] = always, slow: float = 0
) -> None:
    """Listen until this much is heard, or the wire ends."""
    stream = wire.listen(welcome)
    async for piece in stream:
        heard.append(piece)
        if len(heard) >= most:
            break
        if slow:
            await asyncio.sleep(slow)
    await stream.aclose()  # type: ignore[attr-defined]


def test_all_hear_what_one_has_seen() -> None:
    async def scene() -> None:
        looks = Looks()
        wire = Wire(looks, asyncio.Event(), every=0.01)
        heard: list[list[bytes]] = [[] for _ in range(20)]
        await asyncio.gather(*(hear(wire, 5, one) for one in heard))
        assert looks.count < 60  # of a hundred, if each looked for itself
        assert all(one[0] == b"retry: 3000\n\n" and one[1].startswith(b"data: ") for one in heard)
        await asyncio.sleep(0.3)
        assert wire.listeners == 0
        count = looks.count
        await asyncio.sleep(0.1)
        assert looks.count == count  # nobody listens, nobody looks

    asyncio.run(scene())


def test_who_is_slow_hears_the_latest() -> None:
    async def scene() -> None:
        wire = Wire(Looks(), asyncio.Event(), every=0.005)
        heard: list[bytes] = []
        await hear(wire, 4, heard, slow=0.5)
        numbers = [int(piece.split()[1]) for piece in heard[1:]]
        assert numbers[2] - numbers[1] > 3

    asyncio.run(scene())


def test_what_stays_the_same_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_HEARTBEAT", 0.05)

    async def scene() -> None:
        wire = Wire(lambda: "same", asyncio.Event(), every=0.005)
        heard: list[bytes] = []
        await hear(wire, 4, heard)
        assert heard[1:] == [b"data: same\n\n", b": here\n\n", b": here\n\n"]

    asyncio.run(scene())


def test_it_ends_with_the_page_and_with_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        closing = asyncio.Event()
        wire = Wire(lambda: "same", closing, every=10)
        listening = asyncio.create_task(hear(wire, 99, []))
        await asyncio.sleep(0.05)
        closing.set()
        await asyncio.wait_for(listening, 20)
        monkeypatch.setattr(module, "_HEARTBEAT", 0.02)
        other = Wire(lambda: "same", asyncio.Event(), every=10)
        answers = iter([True, True, False])
        await asyncio.wait_for(hear(other, 99, [], lambda: next(answers)), 20)

    asyncio.run(scene())


def test_two_hundred_listeners_hold_no_memory() -> None:
    async def scene() -> int:
        looks = Looks()
        wire = Wire(lambda: json.dumps({"n": looks(), "x": "x" * 500}), asyncio.Event(), every=0.002)
        tasks = [asyncio.create_task(silent(wire)) for _ in range(200)]
        await asyncio.sleep(0.3)
        gc.collect()
        tracemalloc.start()
        until = looks.count + 30
        while looks.count < until:
            await asyncio.sleep(0.05)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return grown

    async def silent(wire: Wire) -> None:
        async for _ in wire.listen(always):
            pass

    assert asyncio.run(scene()) < 1_000_000
