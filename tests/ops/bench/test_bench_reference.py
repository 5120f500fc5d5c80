"""The reference workload: the same for every variant, and its result known in closed form."""

from collections.abc import Sequence

import pytest
from msgspec import ValidationError
from msgspec.structs import replace

from ops.bench import reference
from ops.bench.reference import KINDS, PaymentRecord, Tally, expected_total, is_known, output_of, tallied
from ops.bench.reference_stage import definition
from schemas import topics
from streams.ports import Outbox, Record
from streams.simulator import MemoryStore
from streams.step import StageStep
from streams.table import STATE

RECORDS, TALLIES = "in", "out"


class Task:
    """One task of the reference stage over a store in memory."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self._step = StageStep(definition(RECORDS, TALLIES))

    def take(self, *values: bytes) -> Outbox:
        return self._step(
            self.store, [Record(RECORDS, 0, at, b"pay_1", value, 0) for at, value in enumerate(values)]
        )

    def tally(self) -> Tally:
        row = self.store.get(STATE + b"pay_1")
        assert row is not None
        return reference.decode_tally(row)


def of_one_payment() -> Sequence[PaymentRecord]:
    return [one for one in reference.records(3) if one.payment_id.endswith("1")]


def folded(records: Sequence[PaymentRecord]) -> Tally | None:
    state: Tally | None = None
    for one in records:
        if not is_known(state, one):
            state = tallied(state, one)
    return state


def test_records_are_as_large_as_the_workload_says() -> None:
    """A record of another size would be another workload."""
    assert all(280 <= len(reference.encode(one)) <= 320 for one in reference.records(1_000))


def test_every_payment_passes_through_every_event_in_order() -> None:
    """States can be judged only if each payment's history is complete."""
    records = list(reference.records(250))
    assert 250 * len(KINDS) == len({one.id for one in records})
    for payment_id in {one.payment_id for one in records}:
        assert list(KINDS) == [one.kind for one in records if one.payment_id == payment_id]
    assert reference.MERCHANTS == len({one.merchant_id for one in records})


@pytest.mark.parametrize("number", [0, 1, 996, 997, 1_000])
def test_totals_are_known_without_folding(number: int) -> None:
    """The judge must not share the code it judges."""
    records = [one for one in reference.records(number + 1) if int(one.payment_id[6:]) == number]
    state = folded(records)
    assert state is not None
    assert (len(KINDS), "settled", expected_total(number)) == (state.version, state.status, state.total)


def test_a_repeated_record_changes_nothing() -> None:
    """The workload deduplicates by the last eight ids."""
    records = of_one_payment()
    assert folded(records) == folded([records[0], *records, records[-1]])


def test_only_the_last_eight_ids_are_remembered() -> None:
    """A state must not grow with its history."""
    first = of_one_payment()[0]
    many = [replace(first, id=f"evt_{number}") for number in range(20)]
    state = folded(many)
    assert state is not None
    assert tuple(f"evt_{number}" for number in range(12, 20)) == state.recent_ids


def test_the_generic_step_does_the_workload() -> None:
    """What the engine is measured with is what the other variants do by hand."""
    task, records = Task(), of_one_payment()
    values = [reference.encode(one) for one in records]
    written = task.take(*values, values[0]).outputs
    assert folded(records) == task.tally()
    assert [one.id for one in records] == [reference.decode_output(out.value).id for out in written]
    assert {(TALLIES, records[0].merchant_id.encode())} == {(out.topic, out.key) for out in written}
    state = folded(records)
    assert state is not None
    assert output_of(state, "pay_1") == reference.decode_output(written[-1].value)


def test_bytes_that_are_no_record_become_a_dead_letter() -> None:
    """A reader of its own keeps the rules of the generic step."""
    (letter,) = Task().take(b"{}").outputs
    assert RECORDS + topics.DEAD_LETTER_SUFFIX == letter.topic
    with pytest.raises(ValidationError):
        reference.decode_record(b"{}")
