"""Are commands counted on the partition they go to, and turned away beyond the cap?"""

import pytest

from api.limits import InFlight, partition_of
from api.problems import Problem
from schemas.outcomes import Outcome


@pytest.mark.parametrize(
    ("key", "partition"),
    # From Kafka's own tests of its murmur2: hash of each key, positive, modulo 1000.
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"abc", 479470107),
    ],
)
def test_keys_go_where_kafka_puts_them(key: bytes, partition: int) -> None:
    """The cap of a partition must count what is really on it."""
    assert (partition & 0x7FFFFFFF) % 1000 == partition_of(key, 1000)


def test_the_cap_is_per_partition_and_given_back() -> None:
    """A stuck partition must not stop the others, nor a failed command its own for ever."""
    in_flight = InFlight(partitions=2, cap=1)
    first, second = (
        next(key for key in (b"a", b"b", b"c", b"d", b"e") if partition_of(key, 2) == n) for n in (0, 1)
    )
    with in_flight.slot(first):
        with pytest.raises(Problem) as caught, in_flight.slot(first):
            pass
        assert Outcome.OVERLOADED is caught.value.outcome
        assert "1" == caught.value.headers["Retry-After"]
        with in_flight.slot(second):
            assert 2 == in_flight.total
    assert 0 == in_flight.total
    with pytest.raises(KeyError), in_flight.slot(first):
        raise KeyError
    assert 0 == in_flight.total
