"""The generic parts under every stage: state encodings, upcasters and the ordered index of deadlines."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import deadlines
from streams.simulator import MemoryStore
from streams.table import StateCodec


class Counter(msgspec.Struct, frozen=True, kw_only=True):
    state_version: int = 3
    merchant_id: str = "m"
    mode: str = "test"
    version: int = 1
    clock_id: str = "wall"
    count: int


def renamed(plain: dict[str, Any]) -> dict[str, Any]:
    return {**plain, "state_version": 2, "total": plain["number"]}


def renamed_again(plain: dict[str, Any]) -> dict[str, Any]:
    return {**plain, "state_version": 3, "count": plain["total"]}


CODEC: StateCodec[Any] = StateCodec(Counter, (renamed, renamed_again))


@pytest.mark.parametrize(
    "old",
    [b'{"state_version":1,"number":7}', b'{"state_version":2,"total":7}', b'{"state_version":3,"count":7}'],
)
def test_older_states_are_upcast_step_by_step(old: bytes) -> None:
    """A table outlives the program that wrote it."""
    assert 7 == CODEC.decode(old).count


def test_a_newer_state_is_refused() -> None:
    """An old program must not guess what a newer state means."""
    with pytest.raises(ValueError, match="newer"):
        CODEC.decode(b'{"state_version":4,"count":7}')


@given(
    st.dictionaries(st.text("abc", min_size=1, max_size=3), st.integers(0, 50), max_size=12),
    st.integers(0, 60),
)
def test_what_is_due_comes_in_order(wanted: dict[str, int], now_ms: int) -> None:
    """The earliest deadline first, nothing early, nothing forgotten."""
    store = MemoryStore()
    for key, deadline_ms in wanted.items():
        deadlines.move(store, "wall", key, old_ms=None, new_ms=deadline_ms)
    expected = sorted((deadline_ms, key) for key, deadline_ms in wanted.items() if deadline_ms <= now_ms)
    assert expected == deadlines.due(store, "wall", from_ms=0, now_ms=now_ms)


def test_clocks_do_not_mix() -> None:
    """Advancing a test clock must not move what runs on the wall clock."""
    store = MemoryStore()
    deadlines.move(store, "wall", "a", old_ms=None, new_ms=5)
    deadlines.move(store, "wall2", "b", old_ms=None, new_ms=5)
    assert [(5, "a")] == deadlines.due(store, "wall", from_ms=0, now_ms=9)


def test_a_moved_deadline_leaves_no_row() -> None:
    """A row left behind would wake an aggregate for nothing, for ever."""
    store = MemoryStore()
    deadlines.move(store, "wall", "a", old_ms=None, new_ms=5)
    deadlines.move(store, "wall", "a", old_ms=5, new_ms=9)
    deadlines.move(store, "wall", "a", old_ms=9, new_ms=None)
    assert {} == store.items()
