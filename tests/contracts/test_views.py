"""The store of the simulator and the one of the engine answer alike, whatever is written and committed."""

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from streams.engine.overlay import Batch, UnitView
from streams.engine.store import TaskStore
from streams.ports import View
from streams.simulator import MemoryStore
from streams.simulator import UnitView as SimulatedView

KEYS = st.sampled_from([b"a", b"a/1", b"a/2", b"b", b"b/\xff", b"c"])
WRITES = st.lists(st.tuples(KEYS, st.one_of(st.none(), st.binary(max_size=3))), max_size=8)
UNITS = st.lists(st.tuples(WRITES, st.booleans()), max_size=6)
SCANS = ((b"a", b"b", 10), (b"a/", b"a0", 1), (b"", b"\xff", 3), (b"b", b"b", 5), (b"c", b"a", 5))


def write(view: View, writes: list[tuple[bytes, bytes | None]]) -> None:
    for key, value in writes:
        if value is None:
            view.delete(key)
        else:
            view.put(key, value)


def seen(view: View) -> list[object]:
    found: list[object] = [view.get(key) for key in (b"a", b"a/1", b"a/2", b"b", b"b/\xff", b"c", b"none")]
    return [*found, *(list(view.scan(*scan)) for scan in SCANS)]


@given(UNITS)
def test_both_views_answer_alike(units: list[tuple[list[tuple[bytes, bytes | None]], bool]]) -> None:
    """What the simulation proves of a step holds in the engine only if both stores behave the same."""
    memory = MemoryStore()
    with tempfile.TemporaryDirectory() as scratch:
        store = TaskStore(Path(scratch) / "store", write_ahead=False)
        pending = Batch()
        for writes, is_committed in units:
            ours, theirs = UnitView(pending, {}, store), SimulatedView(memory)
            write(ours, writes)
            write(theirs, writes)
            assert seen(theirs) == seen(ours)
            ours.finish()
            memory.apply(theirs.changes.items())
            if is_committed:
                store.apply_unfinished(pending.changes)
                pending = Batch()
        store.close()
