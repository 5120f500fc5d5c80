"""Which partitions does this process hold, and up to where is each of them finished?"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from connectors.runtime import Assigned, Partition, Record
from connectors.watermark import Watermark

COMMIT_INTERVAL_S: Final = 0.1


class Positions(Protocol):
    """Where the group's next offsets are kept."""

    def commit(self, positions: Mapping[Partition, int]) -> None: ...
    def commit_and_wait(self, positions: Mapping[Partition, int]) -> None: ...


@dataclass(slots=True, kw_only=True, eq=False)
class Holding:
    """A partition while this process holds it.

    end_offset: where it ended when we got it; another process may have read what lies below.
    """

    partition: Partition
    end_offset: int
    watermark: Watermark
    committed_offset: int
    is_held: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A record that is worked on."""

    holding: Holding
    offset: int


class Holdings:
    """The partitions held now. Everything runs in the thread of the connector loop."""

    def __init__(self, positions: Positions) -> None:
        self._positions = positions
        self._held: dict[Partition, Holding] = {}
        self._commit_due_s = 0.0
        self._begun = 0
        self._finished = 0

    @property
    def is_empty(self) -> bool:
        """True when no partition is held."""
        return not self._held

    @property
    def unfinished(self) -> int:
        """Records begun and not finished, of released partitions too."""
        return self._begun - self._finished

    def take(self, assigned: Sequence[Assigned]) -> None:
        """Hold partitions from now on."""
        for partition, low_offset, end_offset in assigned:
            self._held[partition] = Holding(
                partition=partition,
                end_offset=end_offset,
                watermark=Watermark(low_offset),
                committed_offset=low_offset,
            )

    def begin(self, record: Record) -> Place:
        """A record is worked on from now on."""
        holding = self._held[record.partition]
        holding.watermark.begin(record.offset)
        self._begun += 1
        return Place(holding=holding, offset=record.offset)

    def finish(self, place: Place) -> None:
        """What followed from a record is durable."""
        place.holding.watermark.finish(place.offset)
        self._finished += 1

    def skip_to(self, partition: Partition, next_offset: int) -> None:
        """Only the markers of transactions lie between the last record and here."""
        self._held[partition].watermark.skip_to(next_offset)

    def commit_when_due(self) -> None:
        """Tell the group how far we are, now and then."""
        if time.monotonic() >= self._commit_due_s:
            self._commit_due_s = time.monotonic() + COMMIT_INTERVAL_S
            _commit_moved(self._held.values(), self._positions.commit)

    def take_out(self, partitions: Sequence[Partition]) -> list[Holding]:
        """Hold these partitions no longer; what is under way there may still finish before `release`."""
        return [self._held.pop(partition) for partition in partitions if partition in self._held]

    def release(self, holdings: Sequence[Holding]) -> None:
        """Tell the group how far we came in partitions that somebody else gets now."""
        _commit_moved(holdings, self._positions.commit_and_wait)


def _commit_moved(holdings: Iterable[Holding], commit: Callable[[Mapping[Partition, int]], None]) -> None:
    moved: dict[Partition, int] = {}
    for holding in holdings:
        if holding.watermark.next_offset > holding.committed_offset:
            moved[holding.partition] = holding.committed_offset = holding.watermark.next_offset
    if moved:
        commit(moved)
