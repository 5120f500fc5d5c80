"""How many deliveries run at once, so that no endpoint stands in the way of another?

Each endpoint has a lane of its own; lanes that have something to send take turns. A lane holds only
what it will have sent soon; what it cannot hold is put aside, and that costs no attempt.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

PATIENCE_MS: Final = 5_000
"""About how long a parcel may wait in its lane."""
MAX_ASIDE_MS: Final = 1_800_000
"""How long a parcel is put aside at most, however many are before it."""
MAX_REMEMBERED: Final = 10_000
"""Lanes whose slowness is remembered while they are empty."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parcel:
    """One delivery. send: make an attempt; False if nobody answered in time. put_aside: for so long (ms)."""

    send: Callable[[], Awaitable[bool]]
    put_aside: Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneLimits:
    """total: deliveries in flight; endpoint: those to one endpoint; waiting: parcels in one lane."""

    total: int
    endpoint: int
    waiting: int


@dataclass(slots=True, kw_only=True, eq=False)
class _Lane:
    """One endpoint's parcels.

    width: deliveries in flight now allowed; halved when nobody answers, one more when somebody does.
    free_at_s: when all that was put aside will have had its turn, on the monotonic clock.
    """

    key: bytes
    width: int
    latency_ms: float = 0.0
    free_at_s: float = 0.0
    has_turn: bool = False
    is_watched: bool = False
    waiting: deque[Parcel] = field(default_factory=deque)
    running: dict["asyncio.Task[None]", float] = field(default_factory=dict)


class EndpointLanes:
    """Sends parcels. Lives in one event loop. on_failure: told what a parcel raised."""

    def __init__(self, limits: LaneLimits, on_failure: Callable[[BaseException], None]) -> None:
        self._limits = limits
        self._on_failure = on_failure
        self._lanes: dict[bytes, _Lane] = {}
        self._turns: deque[_Lane] = deque()
        self._running = 0

    @property
    def sending(self) -> int:
        """Deliveries being sent now; may be asked from any thread."""
        return self._running

    @property
    def busy(self) -> int:
        """Endpoints that have deliveries waiting or being sent; may be asked from any thread."""
        return sum(1 for lane in tuple(self._lanes.values()) if lane.waiting or lane.running)

    def add(self, key: bytes, work: Parcel) -> None:
        """Send a parcel in its lane, or put it aside if the lane is full."""
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Lane(key=key, width=self._limits.endpoint)
            self._forget_one()
        lane.waiting.append(work)
        self._put_surplus_aside(lane)
        self._take_turns(lane)

    async def clear(self) -> None:
        """Give up what runs and what waits."""
        given_up = [task for lane in self._lanes.values() for task in lane.running]
        for lane in self._lanes.values():
            lane.waiting.clear()
        for task in given_up:
            task.cancel()
        await asyncio.gather(*given_up, return_exceptions=True)

    def _take_turns(self, lane: _Lane) -> None:
        self._queue(lane)
        while self._turns and self._running < self._limits.total:
            following = self._turns.popleft()
            following.has_turn = False
            self._start(following)
            self._queue(following)

    def _queue(self, lane: _Lane) -> None:
        if lane.waiting and len(lane.running) < lane.width and not lane.has_turn:
            lane.has_turn = True
            self._turns.append(lane)

    def _start(self, lane: _Lane) -> None:
        # What was queued may have been put aside since, and the lane made narrower.
        if not lane.waiting or len(lane.running) >= lane.width:
            return
        task = asyncio.get_running_loop().create_task(self._send(lane, lane.waiting.popleft()))
        lane.running[task] = _now_s()
        self._running += 1
        self._watch(lane)
        task.add_done_callback(lambda done: self._ended(lane, done))

    async def _send(self, lane: _Lane, parcel: Parcel) -> None:
        began_s = _now_s()
        is_answered = await parcel.send()
        lane.latency_ms = (lane.latency_ms + (_now_s() - began_s) * 1000) / 2
        lane.width = min(self._limits.endpoint, lane.width + 1) if is_answered else max(1, lane.width // 2)

    def _ended(self, lane: _Lane, task: "asyncio.Task[None]") -> None:
        del lane.running[task]
        self._running -= 1
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._on_failure(error)
            return
        self._put_surplus_aside(lane)
        self._take_turns(lane)
        if not lane.waiting and not lane.running and lane.width == self._limits.endpoint:
            self._lanes.pop(lane.key, None)

    def _put_surplus_aside(self, lane: _Lane) -> None:
        """The newest go first: what came earlier is nearer to its turn."""
        latency_ms = max(lane.latency_ms, _longest_running_ms(lane), 1.0)
        soon = max(lane.width, int(lane.width * PATIENCE_MS / latency_ms))
        room = min(self._limits.waiting, soon)
        while len(lane.waiting) > room:
            lane.waiting.pop().put_aside(_turn_ms(lane, latency_ms))

    def _watch(self, lane: _Lane) -> None:
        """While nothing ends, nothing else would notice that a lane has come to a standstill."""
        if lane.is_watched or not lane.running:
            return
        lane.is_watched = True
        asyncio.get_running_loop().call_later(PATIENCE_MS / 1000, self._look, lane)

    def _look(self, lane: _Lane) -> None:
        lane.is_watched = False
        self._put_surplus_aside(lane)
        self._watch(lane)

    def _forget_one(self) -> None:
        if len(self._lanes) <= MAX_REMEMBERED:
            return
        empty = next((one for one in self._lanes.values() if not one.waiting and not one.running), None)
        if empty is not None:
            del self._lanes[empty.key]


def _turn_ms(lane: _Lane, latency_ms: float) -> int:
    """When a parcel has its turn that is put aside behind all others: those come back one by one, not at once."""
    now_s = _now_s()
    lane.free_at_s = max(lane.free_at_s, now_s + PATIENCE_MS / 1000) + latency_ms / lane.width / 1000
    lane.free_at_s = min(lane.free_at_s, now_s + MAX_ASIDE_MS / 1000)
    return round((lane.free_at_s - now_s) * 1000)


def _longest_running_ms(lane: _Lane) -> float:
    oldest_s = next(iter(lane.running.values()), None)
    return 0.0 if oldest_s is None else (_now_s() - oldest_s) * 1000


def _now_s() -> float:
    return time.monotonic()
