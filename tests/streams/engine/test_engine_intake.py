"""Records reach their task once, in order, and no task waits behind another's backlog."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.engine.errors import OrderBroken
from streams.engine.intake import Intake
from streams.ports import Record


def record(topic: str, partition: int, offset: int) -> Record:
    return Record(topic, partition, offset, b"k", b"v", 0)


def intake_at(*partitions: int, chunk_records: int = 3, buffered_records: int = 6) -> Intake:
    intake = Intake(chunk_records=chunk_records, buffered_records=buffered_records, on_ready=lambda: None)
    intake.open(1, {partition: {"a": 0, "b": 0} for partition in partitions})
    return intake


def test_tasks_take_turns() -> None:
    """A task with a backlog must not keep the others waiting."""
    intake = intake_at(0, 1)
    intake.put(1, [record("a", 0, offset) for offset in range(6)], [])
    intake.put(1, [record("a", 1, 0)], [])
    taken = []
    while (chunk := intake.take()) is not None:
        taken.append((chunk.partition, len(chunk.records)))
        intake.release(1, chunk.partition)
    assert [(0, 3), (1, 1), (0, 3)] == taken


def test_a_task_gets_no_second_chunk_before_it_asks() -> None:
    """A task decides itself how far it runs ahead of its commit."""
    intake = intake_at(0)
    intake.put(1, [record("a", 0, offset) for offset in range(6)], [])
    assert intake.take() is not None
    assert intake.take() is None
    intake.release(1, 0)
    assert intake.take() is not None


def test_reading_pauses_while_a_task_has_its_share() -> None:
    """Memory is bounded whatever the producers do."""
    intake = intake_at(0)
    assert intake.wait_for_room(0)
    intake.put(1, [record("a", 0, offset) for offset in range(6)], [])
    assert not intake.wait_for_room(0)
    intake.take()
    assert intake.wait_for_room(0)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 3)), max_size=40), st.integers(1, 7))
def test_every_record_is_given_once_and_chunks_join(steps: list[tuple[str, int]], most: int) -> None:
    """Offsets have holes where transactions end; positions must still follow one another."""
    intake = intake_at(0, chunk_records=most, buffered_records=1_000)
    offsets = {"a": -1, "b": -1}
    sent = []
    for topic, step in steps:
        offsets[topic] += step
        sent.append(record(topic, 0, offsets[topic]))
    intake.put(1, sent, [])
    got: list[Record] = []
    at: dict[str, int] = {"a": 0, "b": 0}
    while (chunk := intake.take()) is not None:
        assert at == chunk.base
        got, at = got + chunk.records, chunk.next
        intake.release(1, 0)
    assert sent == got
    assert {topic: offset + 1 for topic, offset in offsets.items()} == at


@pytest.mark.parametrize("offset", [4, 3])
def test_a_record_from_before_the_position_breaks_the_order(offset: int) -> None:
    """Handling it would repeat it."""
    intake = intake_at(0)
    intake.put(1, [record("a", 0, 4)], [])
    with pytest.raises(OrderBroken):
        intake.put(1, [record("a", 0, offset)], [])


def test_what_was_read_for_an_ended_assignment_is_dropped() -> None:
    """Its next owner reads it again."""
    intake = intake_at(0)
    intake.put(1, [record("a", 0, 0)], [])
    intake.close(2)
    intake.put(1, [record("a", 0, 1)], [])
    assert intake.take() is None
    intake.open(3, {0: {"a": 0, "b": 0}})
    assert intake.take() is None


def test_positions_move_behind_control_records_once_there_is_nothing_to_do() -> None:
    """Retention would otherwise pass a position that waits before the end of a transaction."""
    intake = intake_at(0)
    intake.put(1, [record("a", 0, 0)], [("a", 0, 2), ("b", 0, 5)])
    assert intake.quiet_positions(0) is None
    chunk = intake.take()
    assert chunk is not None
    assert {"a": 2, "b": 5} == chunk.next
    assert intake.quiet_positions(0) is None
    intake.release(1, 0)
    intake.put(1, [], [("a", 0, 9)])
    assert {"a": 9, "b": 5} == intake.quiet_positions(0)
    intake.put(1, [record("a", 0, 9)], [])
    chunk = intake.take()
    assert chunk is not None
    assert {"a": 9, "b": 5} == chunk.base
