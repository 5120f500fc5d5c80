"""What do the windows of an entity hold at an attempt: counts in event time over the attempts remembered.

An attempt counts what lies in (t - window, t] of its own time t, so late ones and those out of order
count what they would have counted in time, as far as it is remembered.
"""

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from msgspec import Struct

from schemas.risk import Features
from streams.features import KeptFeatures

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
REMEMBERED: Final = 128
"""Attempts an entity remembers; what a busier one does not remember makes its features saturated."""
_SHORT: Final = 12


class Attempt(Struct, frozen=True, array_like=True):
    """One attempt as its entity remembers it. Assessment and card are shortened, see `short`."""

    at_ms: int
    assessment: str
    card: str
    amount_minor: int
    currency: str


class Observation(Attempt, frozen=True, array_like=True):
    """An attempt that was counted, with the features that were told of it."""

    features: KeptFeatures


class Memory(NamedTuple):
    """What an entity remembers, ordered by event time and among equals by arrival.

    forgotten_to_ms: event time of the latest attempt that is no longer remembered; None: there is none.
    """

    attempts: Sequence[Attempt] = ()
    forgotten_to_ms: int | None = None


_at_ms: Final = attrgetter("at_ms")


def short(identifier: str) -> str:
    """The end of a derived id: enough of its hash to tell 128 attempts apart, in a third of the bytes."""
    return identifier[-_SHORT:]


def remember(memory: Memory, attempt: Attempt) -> Memory:
    """The memory with one more attempt: without those 24 h older than it, and of the rest the latest 128.

    An attempt of the far future therefore costs the entity its past once, and nothing of what follows.
    """
    attempts = memory.attempts
    start = bisect_right(attempts, attempt.at_ms - DAY_MS, key=_at_ms)
    place = bisect_right(attempts, attempt.at_ms, lo=start, key=_at_ms)
    known = (*attempts[:place], attempt, *attempts[place:])
    start = max(start, len(known) - REMEMBERED)
    if start == 0:
        return Memory(known, memory.forgotten_to_ms)
    forgotten_to_ms = known[start - 1].at_ms
    if memory.forgotten_to_ms is not None:
        forgotten_to_ms = max(forgotten_to_ms, memory.forgotten_to_ms)
    return Memory(known[start:], forgotten_to_ms)


def features_at(memory: Memory, attempt: Attempt) -> Features:
    """What the windows hold at an attempt, itself included, given what is remembered before it.

    is_saturated: something was forgotten that may have lain in the longest window; counts are
    then lower bounds.
    """
    after, now_ms = remember(memory, attempt), attempt.at_ms
    seen = after.attempts[
        bisect_right(after.attempts, now_ms - DAY_MS, key=_at_ms) : bisect_right(
            after.attempts, now_ms, key=_at_ms
        )
    ]
    # An attempt older than all 128 that are remembered still counts itself.
    seen = seen or (attempt,)
    last_hour = _since(seen, now_ms - HOUR_MS)
    return Features(
        attempts_1m=len(_since(seen, now_ms - MINUTE_MS)),
        attempts_10m=len(_since(seen, now_ms - 10 * MINUTE_MS)),
        attempts_1h=len(last_hour),
        attempts_24h=len(seen),
        cards_1h=len({one.card for one in last_hour}),
        cards_24h=len({one.card for one in seen}),
        amount_24h_minor=sum(one.amount_minor for one in seen if one.currency == attempt.currency),
        is_saturated=after.forgotten_to_ms is not None and after.forgotten_to_ms > now_ms - DAY_MS,
    )


def _since(attempts: Sequence[Attempt], after_ms: int) -> Sequence[Attempt]:
    return attempts[bisect_right(attempts, after_ms, key=_at_ms) :]
