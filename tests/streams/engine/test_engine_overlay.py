"""A unit of work reads its own writes over everything that is not stored yet."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.engine.overlay import Batch, UnitView

Rows = dict[bytes, bytes | None]

keys = st.binary(min_size=1, max_size=2).filter(lambda key: key[:1] != b"\x00")
layers = st.dictionaries(keys, st.none() | st.binary(max_size=2), max_size=8)


class Memory:
    def __init__(self, rows: dict[bytes, bytes]) -> None:
        self.rows = rows
        self.reads = 0

    def get(self, key: bytes) -> bytes | None:
        self.reads += 1
        return self.rows.get(key)

    def scan(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        return iter(sorted((key, value) for key, value in self.rows.items() if start <= key < end))


def written(rows: Rows, *layers: Rows) -> dict[bytes, bytes]:
    merged = dict(rows)
    for layer in layers:
        merged.update(layer)
    return {key: value for key, value in merged.items() if value is not None}


def view_of(stored: Rows, committing: Rows, pending: Rows, own: Rows) -> tuple[UnitView, Batch]:
    memory = Memory(written(stored))
    batch = Batch()
    earlier = UnitView(batch, committing, memory)
    for key, value in pending.items():
        earlier.delete(key) if value is None else earlier.put(key, value)
    earlier.finish()
    view = UnitView(batch, committing, memory)
    for key, value in own.items():
        view.delete(key) if value is None else view.put(key, value)
    return view, batch


@given(layers, layers, layers, layers, keys, keys, st.integers(0, 12))
def test_a_view_is_the_merge_of_its_layers(
    stored: Rows, committing: Rows, pending: Rows, own: Rows, start: bytes, end: bytes, limit: int
) -> None:
    """A read that misses a layer decides on a state that never was."""
    view, _ = view_of(stored, committing, pending, own)
    merged = written(stored, committing, pending, own)
    for key in {*stored, *committing, *pending, *own, b"absent"}:
        assert merged.get(key) == view.get(key)
    inside = sorted((key, value) for key, value in merged.items() if start <= key < end)
    assert inside[:limit] == list(view.scan(start, end, limit))


@given(layers, layers, layers, layers)
def test_a_batch_knows_what_every_changed_row_was_before_it(
    stored: Rows, committing: Rows, pending: Rows, own: Rows
) -> None:
    """The digest subtracts these values; a wrong one shows as damage at the next restore."""
    view, batch = view_of(stored, committing, pending, own)
    view.finish()
    before = written(stored, committing)
    assert {**pending, **own} == batch.changes
    assert {key: before.get(key) for key in batch.changes} == {
        key: batch.before[key] for key in batch.changes
    }


def test_a_row_is_read_from_the_store_once() -> None:
    """The store is the slowest thing a step touches."""
    memory = Memory({b"a": b"1"})
    batch = Batch()
    for _ in range(3):
        view = UnitView(batch, {}, memory)
        assert b"1" == view.get(b"a")
        view.finish()
    assert 1 == memory.reads


def test_the_engines_own_rows_are_out_of_reach() -> None:
    """A step that overwrote the positions would lose or repeat records."""
    view = UnitView(Batch(), {}, Memory({}))
    with pytest.raises(AssertionError):
        view.put(b"\x00positions", b"")
    with pytest.raises(AssertionError):
        view.delete(b"\x00local")
