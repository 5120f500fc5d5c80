"""A payment is called for at most once: the memory of calls and the membership may only err towards asking."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from connectors.psp.attempts import BegunCalls
from connectors.psp.lanes import Lanes
from connectors.psp.membership import Membership
from connectors.runtime import OwnershipLost


def test_a_begun_call_is_remembered() -> None:
    """The same request read twice above the end must not be called twice."""
    begun = BegunCalls()
    begun.remember("a", 1_000)
    assert begun.may_include("a", 1_000)
    assert not begun.may_include("b", 1_000)


def test_what_was_forgotten_counts_as_begun() -> None:
    """A bounded memory must never turn a call into one that was certainly not made."""
    begun = BegunCalls(limit=2)
    for number in range(3):
        begun.remember(f"k{number}", 1_000 + number)
    assert begun.may_include("k0", 1_000)
    assert begun.may_include("never", 999)
    assert not begun.may_include("never", 1_001)


def test_silence_for_half_the_session_ends_the_right_to_call() -> None:
    """The group may give the partitions away after the whole session; half is left for the call to begin."""
    now_s = 100.0
    membership = Membership(10_000, clock_s=lambda: now_s)
    with pytest.raises(OwnershipLost):
        membership.confirm()
    membership.begin()
    now_s += 4.9
    membership.confirm()
    membership.renew()
    now_s += 4.9
    membership.confirm()
    now_s += 0.2
    with pytest.raises(OwnershipLost):
        membership.confirm()


def test_a_poll_that_returns_too_late_restores_nothing() -> None:
    """A process that was suspended must not take its first poll afterwards for a proof of membership."""
    now_s = 100.0
    membership = Membership(10_000, clock_s=lambda: now_s)
    membership.begin()
    now_s += 60
    with pytest.raises(OwnershipLost):
        membership.renew()
    with pytest.raises(OwnershipLost):
        membership.confirm()


def test_without_partitions_silence_is_harmless() -> None:
    """A spare process that waits for partitions must not end itself."""
    now_s = 100.0
    membership = Membership(10_000, clock_s=lambda: now_s)
    membership.begin()
    membership.end()
    now_s += 60
    membership.renew()


class Pieces:
    """Records what runs, in what order and how much at once."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.most_at_once = 0
        self._at_once = 0

    def piece(self, name: str) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            for _ in range(3):
                await asyncio.sleep(0)
            self._at_once -= 1
            self.ended.append(name)

        return run


async def test_a_key_is_served_in_order_one_at_a_time() -> None:
    """Two requests of one payment at once could overtake each other at the provider."""
    pieces, failures = Pieces(), []
    lanes = Lanes(8, failures.append)
    for number in range(5):
        lanes.add(b"k", pieces.piece(str(number)))
    await _until(lambda: len(pieces.ended) == 5)
    assert ["0", "1", "2", "3", "4"] == pieces.ended
    assert pieces.most_at_once == 1
    assert [] == failures


async def test_keys_run_side_by_side_up_to_the_width() -> None:
    """A slow payment must not hold up the others, and the provider's patience is bounded."""
    pieces = Pieces()
    lanes = Lanes(3, lambda _: None)
    for number in range(9):
        lanes.add(str(number).encode(), pieces.piece(str(number)))
    await _until(lambda: len(pieces.ended) == 9)
    assert pieces.most_at_once == 3


async def test_a_failure_is_told_and_stops_its_lane() -> None:
    """What follows an unexpected error in one payment must not be tried on top of it."""
    pieces, failures = Pieces(), []

    async def broken() -> None:
        raise OwnershipLost("gone")

    lanes = Lanes(2, failures.append)
    lanes.add(b"k", broken)
    lanes.add(b"k", pieces.piece("after"))
    lanes.add(b"other", pieces.piece("other"))
    await _until(lambda: pieces.ended == ["other"] and len(failures) == 1)
    assert isinstance(failures[0], OwnershipLost)


async def test_cleared_work_is_given_up_silently() -> None:
    """A process that ends gives up its calls; that is no failure of theirs."""
    failures: list[BaseException] = []

    async def for_ever() -> None:
        await asyncio.Event().wait()

    lanes = Lanes(2, failures.append)
    lanes.add(b"k", for_ever)
    await asyncio.sleep(0)
    await lanes.clear()
    assert [] == failures


async def _until(condition: Callable[[], bool]) -> None:
    """Let other tasks run until the condition holds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # what is waited for is plain state, not an event
            await asyncio.sleep(0)
