"""Positions only move forwards and can be read by those who come later."""

import pytest

from streams.engine import positions
from streams.engine.digest import Digest
from streams.engine.errors import GuardRefused


def test_a_record_survives_its_encoding() -> None:
    """What is read back decides where a task goes on."""
    first = positions.genesis({"a": 3, "b": 0}, {"a": "x", "b": "y"})
    table = Digest(123456789 << 90, 7)
    second = positions.following(first, {"a": 5, "b": 0}, records=2, checksum=99, table=table)
    assert second == positions.decode(positions.encode(second))
    assert (1, table) == (second.transaction, second.table)


def test_positions_never_go_back() -> None:
    """Going back would handle records twice."""
    first = positions.genesis({"a": 3}, {"a": "x"})
    with pytest.raises(AssertionError):
        positions.following(first, {"a": 2}, records=0, checksum=0, table=Digest())


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{}",
        positions.encode(positions.genesis({}, {})).replace(b'"format":1', b'"format":2'),
    ],
)
def test_what_cannot_be_understood_is_refused(value: bytes) -> None:
    """Guessing positions loses or repeats records."""
    with pytest.raises(GuardRefused):
        positions.decode(value)
