"""How many commands may wait for their result at once?"""

from collections.abc import Iterator
from contextlib import contextmanager

from api.problems import Problem
from schemas.outcomes import Outcome

_MASK = 0xFFFFFFFF
_MULTIPLIER = 0x5BD1E995
_SEED = 0x9747B28C


class InFlight:
    """Commands that wait, by the partition they were written to; beyond the cap new ones are turned away."""

    def __init__(self, *, partitions: int, cap: int) -> None:
        self._waiting = [0] * partitions
        self._cap = cap

    @property
    def total(self) -> int:
        """Commands that wait, over all partitions."""
        return sum(self._waiting)

    @contextmanager
    def slot(self, key: bytes) -> Iterator[None]:
        """Hold a place on the partition of `key`. Raises Problem before anything is written if there is none."""
        partition = partition_of(key, len(self._waiting))
        if self._waiting[partition] >= self._cap:
            raise Problem(Outcome.OVERLOADED)
        self._waiting[partition] += 1
        try:
            yield
        finally:
            self._waiting[partition] -= 1


def partition_of(key: bytes, partitions: int) -> int:
    """The partition every client of the platform puts `key` on: murmur2 as in Kafka's own partitioner."""
    return (_murmur2(key) & 0x7FFFFFFF) % partitions


def _murmur2(key: bytes) -> int:
    value = _SEED ^ len(key)
    whole = len(key) & ~3
    for start in range(0, whole, 4):
        word = int.from_bytes(key[start : start + 4], "little") * _MULTIPLIER & _MASK
        word = (word ^ word >> 24) * _MULTIPLIER & _MASK
        value = value * _MULTIPLIER & _MASK ^ word
    if rest := key[whole:]:
        value = (value ^ int.from_bytes(rest, "little")) * _MULTIPLIER & _MASK
    value = (value ^ value >> 13) * _MULTIPLIER & _MASK
    return value ^ value >> 15
