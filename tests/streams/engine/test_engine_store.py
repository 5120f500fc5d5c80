"""A local copy says what it is a copy of, in the same batch as its rows."""

from pathlib import Path

import pytest

from streams.engine.config import EngineConfig
from streams.engine.restore import open_store
from streams.engine.store import LocalCopy, TaskStore

LOCAL = LocalCopy(owner="task", changelog_id="l", positions_offset=3, written_at_ms=1)


@pytest.fixture(params=[False, True], ids=["without log", "with log"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> TaskStore:
    return TaskStore(tmp_path / "stage" / "0", write_ahead=request.param)


def test_rows_are_found_again_with_what_they_are(store: TaskStore, tmp_path: Path) -> None:
    """A copy without its positions would be continued at the wrong place."""
    store.apply({b"a": b"1", b"c": b""}, LOCAL, b"positions")
    store.apply({b"a": None, b"b": b"2"}, LOCAL, b"later")
    store.close()
    again = TaskStore(tmp_path / "stage" / "0", write_ahead=False)
    assert [(b"b", b"2"), (b"c", b"")] == list(again.scan(b"a", b"z"))
    assert (LOCAL, b"later") == again.local_copy()
    again.close()


def test_a_scan_keeps_to_its_bounds(store: TaskStore) -> None:
    """The end is exclusive, as everywhere."""
    store.apply({b"a": b"1", b"b": b"2", b"c": b"3"}, LOCAL, b"")
    assert [(b"a", b"1"), (b"b", b"2")] == list(store.scan(b"a", b"c"))
    assert [] == list(store.scan(b"x", b"y"))
    store.close()


def test_rows_without_positions_are_no_copy(store: TaskStore) -> None:
    """A restore that stops in the middle must begin again."""
    store.apply({b"a": b"1"}, LOCAL, b"positions")
    store.apply_unfinished({b"b": b"2"})
    assert store.local_copy() is None
    store.close()


def test_a_wiped_store_is_empty(store: TaskStore) -> None:
    """A doubtful copy leaves nothing behind."""
    store.apply({b"a": b"1"}, LOCAL, b"positions")
    store.wipe()
    assert [] == list(store.rows())
    store.close()


@pytest.mark.parametrize("damaged", ["CURRENT", "MANIFEST-*", "*.sst"])
def test_an_unreadable_copy_is_forgotten(damaged: str, tmp_path: Path) -> None:
    """The changelog has it all; a worker that never starts again helps nobody."""
    config = EngineConfig(bootstrap_servers="none:1", worker="w", data_dir=tmp_path)
    directory = tmp_path / "stage" / "0"
    store = TaskStore(directory, write_ahead=False)
    store.apply({b"a": b"1"}, LOCAL, b"positions")
    store.close()
    for path in directory.glob(damaged):
        path.write_bytes(b"no database")
    opened = open_store(directory, config)
    assert [] == list(opened.rows())
    opened.close()


def test_a_copy_in_use_is_not_forgotten(tmp_path: Path) -> None:
    """Two workers on one directory are a mistake, not damage."""
    config = EngineConfig(bootstrap_servers="none:1", worker="w", data_dir=tmp_path)
    store = TaskStore(tmp_path / "0", write_ahead=False)
    with pytest.raises(Exception, match="lock"):
        open_store(tmp_path / "0", config)
    store.close()
