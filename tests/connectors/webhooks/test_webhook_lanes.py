"""Does each endpoint get its turn, and none of them more than its share?"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from connectors.webhooks.lanes import MAX_ASIDE_MS, PATIENCE_MS, EndpointLanes, LaneLimits, Parcel

LIMITS = LaneLimits(total=8, endpoint=3, waiting=5)


class Endpoint:
    """Receives parcels; `answer` says when and how."""

    def __init__(self, answer: Callable[[], Awaitable[bool]]) -> None:
        self._answer = answer
        self.received: list[int] = []
        self.put_aside: list[tuple[int, int]] = []
        self.in_flight = 0
        self.most_in_flight = 0

    def parcel(self, number: int) -> Parcel:
        async def send() -> bool:
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            is_answered = await self._answer()
            self.in_flight -= 1
            self.received.append(number)
            return is_answered

        return Parcel(send=send, put_aside=lambda wait_ms: self.put_aside.append((number, wait_ms)))


async def at_once() -> bool:
    return True


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110  # what is waited for is in many places
            await asyncio.sleep(0)


def lanes(limits: LaneLimits = LIMITS) -> tuple[EndpointLanes, list[BaseException]]:
    failures: list[BaseException] = []
    return EndpointLanes(limits, failures.append), failures


async def test_an_endpoint_has_so_many_in_flight_and_so_many_waiting() -> None:
    """What does not fit is put aside at once, the newest first, and nothing is lost."""
    held = asyncio.Event()
    slow = Endpoint(held.wait)
    desk, _ = lanes()
    for number in range(12):
        desk.add(b"slow", slow.parcel(number))
    await until(lambda: slow.in_flight == LIMITS.endpoint)
    held.set()
    await until(lambda: len(slow.received) + len(slow.put_aside) == 12)
    assert LIMITS.endpoint == slow.most_in_flight
    assert sorted([*slow.received, *(number for number, _ in slow.put_aside)]) == list(range(12))
    assert [number for number, _ in slow.put_aside] == [8, 9, 10, 11]
    waits = [wait_ms for _, wait_ms in slow.put_aside]
    assert waits == sorted(waits) and PATIENCE_MS <= waits[0] <= waits[-1] <= MAX_ASIDE_MS


async def test_what_is_put_aside_comes_back_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backlog that all came back at once would only be put aside again, and again."""
    now_s = 1_000.0
    monkeypatch.setattr("connectors.webhooks.lanes._now_s", lambda: now_s)
    hanging = Endpoint(asyncio.Event().wait)
    desk, _ = lanes()
    for number in range(3):
        desk.add(b"one", hanging.parcel(number))
    await until(lambda: hanging.in_flight == 3)
    now_s += 30
    for number in range(3, 1_000):
        desk.add(b"one", hanging.parcel(number))
    waits = [wait_ms for _, wait_ms in hanging.put_aside]
    assert [PATIENCE_MS + 10_000 * number for number in (1, 2, 3)] == waits[:3]
    assert MAX_ASIDE_MS == waits[-1]
    await desk.clear()


async def test_a_hanging_endpoint_does_not_delay_another() -> None:
    """Its deliveries take their few places; all others are free."""
    hanging, healthy = Endpoint(asyncio.Event().wait), Endpoint(at_once)
    desk, _ = lanes()
    for number in range(50):
        desk.add(b"hanging", hanging.parcel(number))
        desk.add(b"healthy", healthy.parcel(number))
        await until(lambda number=number: number in healthy.received)  # type: ignore[misc]  # bound at once
    assert 50 == len(healthy.received)
    assert LIMITS.endpoint == hanging.in_flight
    await desk.clear()


async def test_all_places_taken_means_taking_turns() -> None:
    """An endpoint with much to send does not go before one with little."""
    held = asyncio.Event()
    first = [Endpoint(held.wait) for _ in range(3)]
    late = Endpoint(at_once)
    desk, _ = lanes(LaneLimits(total=3, endpoint=3, waiting=5))
    for number in range(6):
        for name, endpoint in enumerate(first):
            desk.add(bytes([name]), endpoint.parcel(number))
    desk.add(b"late", late.parcel(0))
    await until(lambda: sum(one.in_flight for one in first) == 3)
    assert [1, 1, 1] == [one.in_flight for one in first]
    held.set()
    await until(lambda: late.received == [0])
    await until(lambda: all(len(one.received) == 6 for one in first))


async def test_who_does_not_answer_gets_fewer_places_until_it_does() -> None:
    """Twenty endpoints that hang must not hold ten places each."""
    is_well = False

    async def answer() -> bool:
        await asyncio.sleep(0)
        return is_well

    endpoint = Endpoint(answer)
    desk, _ = lanes(LaneLimits(total=50, endpoint=8, waiting=50))
    for number in range(46):
        desk.add(b"one", endpoint.parcel(number))
    await until(lambda: len(endpoint.received) >= 8 and endpoint.in_flight <= 1)
    endpoint.most_in_flight, is_well = 0, True
    await until(lambda: len(endpoint.received) == 46)
    assert 1 < endpoint.most_in_flight <= 8


async def test_a_failure_is_told() -> None:
    """What a parcel raises is a bug, and ends the process."""

    async def broken() -> bool:
        raise ValueError("bug")

    desk, failures = lanes()
    desk.add(b"one", Parcel(send=broken, put_aside=lambda _: None))
    await until(lambda: bool(failures))
    assert isinstance(failures[0], ValueError)


async def test_clearing_gives_up_what_runs_and_waits() -> None:
    """A process that ends does not wait for receivers."""
    hanging = Endpoint(asyncio.Event().wait)
    desk, failures = lanes()
    for number in range(5):
        desk.add(b"one", hanging.parcel(number))
    await until(lambda: hanging.in_flight == 3)
    await desk.clear()
    assert ([], []) == (hanging.received, failures)
