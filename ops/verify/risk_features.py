"""Which features should each attempt have been told: recomputed from the attempts alone.

Shares no code with the stage that told them: every attempt is judged by what came before it, by the
definition of the windows and nothing else.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from schemas.risk import Features

_SECONDS: Final = {"1m": 60, "10m": 600, "1h": 3_600, "24h": 86_400}
_REMEMBERED: Final = 128


class LookedUp(NamedTuple):
    """One attempt as it was looked up for one entity. at_ms: when it occurred."""

    entity_key: str
    at_ms: int
    assessment_id: str
    card_key: str
    amount_minor: int
    currency: str


class _Seen(NamedTuple):
    """Sorts by time, then by arrival; no two have the same arrival."""

    at_ms: int
    arrival: int
    attempt: LookedUp
    told: Features


class _Entity:
    """What one entity has seen, and the time of the latest attempt that it no longer remembers."""

    def __init__(self) -> None:
        self.arrivals = 0
        self.remembered: dict[str, _Seen] = {}
        self.forgotten_at_ms: list[int] = []


def expected_features(attempts: Iterable[LookedUp]) -> Iterator[Features]:
    """The features of every attempt of one partition, in the order the attempts were handled.

    An attempt that comes again while its entity remembers it is told what it was told before.
    """
    entities: defaultdict[str, _Entity] = defaultdict(_Entity)
    for attempt in attempts:
        entity = entities[attempt.entity_key]
        before = entity.remembered.get(attempt.assessment_id)
        yield before.told if before is not None else _counted(entity, attempt)


def _counted(entity: _Entity, attempt: LookedUp) -> Features:
    entity.arrivals += 1
    now_ms = attempt.at_ms
    day_ago_ms = now_ms - _SECONDS["24h"] * 1000
    alive = [one for one in entity.remembered.values() if one.at_ms > day_ago_ms]
    places = sorted([(one.at_ms, one.arrival) for one in alive] + [(now_ms, entity.arrivals)])
    first = places[-_REMEMBERED:][0]
    lost = [one.at_ms for one in entity.remembered.values() if one.at_ms <= day_ago_ms]
    lost += [at_ms for at_ms, arrival in places if (at_ms, arrival) < first]
    entity.forgotten_at_ms = [max([*entity.forgotten_at_ms, *lost])] if lost else entity.forgotten_at_ms
    alive = [one for one in alive if (one.at_ms, one.arrival) >= first]
    told = _features([one.attempt for one in alive], attempt, entity.forgotten_at_ms)
    entity.remembered = {one.attempt.assessment_id: one for one in alive}
    if (now_ms, entity.arrivals) >= first:
        entity.remembered[attempt.assessment_id] = _Seen(now_ms, entity.arrivals, attempt, told)
    return told


def _features(others: list[LookedUp], attempt: LookedUp, forgotten_at_ms: list[int]) -> Features:
    within = {
        name: [attempt]
        + [one for one in others if attempt.at_ms - seconds * 1000 < one.at_ms <= attempt.at_ms]
        for name, seconds in _SECONDS.items()
    }
    day = within["24h"]
    return Features(
        attempts_1m=len(within["1m"]),
        attempts_10m=len(within["10m"]),
        attempts_1h=len(within["1h"]),
        attempts_24h=len(day),
        cards_1h=len({one.card_key for one in within["1h"]}),
        cards_24h=len({one.card_key for one in day}),
        amount_24h_minor=sum(one.amount_minor for one in day if one.currency == attempt.currency),
        is_saturated=any(at_ms > attempt.at_ms - _SECONDS["24h"] * 1000 for at_ms in forgotten_at_ms),
    )
