"""The tables are folds of the events: whatever the batches, the rows are the same and equal the aggregate."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from connectors.postgres import rows
from connectors.postgres.events import Event
from connectors.postgres.merchant_rows import ACCOUNT_PROFILES, MERCHANT_EVENTS, MERCHANTS, OPERATORS
from connectors.postgres.operations import OPERATIONS
from connectors.postgres.payment_rows import PAYMENT_EVENTS, PAYMENT_NOTES, PAYMENTS, REFUND_REASONS
from connectors.postgres.projection import Projection, Row
from connectors.postgres.request_rows import API_REQUESTS
from connectors.postgres.rows import needed_by, project
from connectors.postgres.tables import at
from connectors.runtime import Partition, Record
from ops.simulation.world import Plan, World
from schemas import topics
from schemas.api import AnsweredRequest
from schemas.codec import codec_of
from schemas.envelope import CommandRefused, Message, Recorded
from schemas.merchants import AccountSnapshot, ApiKey, MerchantCreated, OperatorCreated, Profile
from schemas.payment_views import PaymentSnapshot
from schemas.payments import PaymentIntentCreated, PaymentNotes, PaymentStatus, RefundRequested
from schemas.settings import Settings
from schemas.testing import MERCHANT, PAYMENT_KEY, START_MS, envelope
from schemas.topics import Topic
from streams.payments.app import payments
from streams.payments.state import Operation, Payment


def simulated(seed: int) -> list[Event]:
    """Every payment event of a world full of faults."""
    log = World(seed, Plan(fault_rate=0.5)).run().log.all(topics.PAYMENTS_EVENTS)
    decode = codec_of(topics.PAYMENTS_EVENTS).decode
    return [event_of(one.topic, one.key or b"", decode(one.value), one.partition, one.offset) for one in log]


def event_of(topic: str, key: bytes, message: Message[Any], partition: int = 0, offset: int = 0) -> Event:
    return Event(Record(Partition(topic, partition), offset, START_MS, key, b"", ()), key.decode(), message)


def loaded(events: Sequence[Event], batch: int) -> dict[str, dict[str, Row]]:
    """What the state tables hold after loading the events in batches of that size."""
    kept: dict[str, dict[str, Row]] = {table.name: {} for table in rows.STATES}
    for begin in range(0, len(events), batch):
        part = events[begin : begin + batch]
        known = {
            table: {key: kept[table.name][key].row for key in keys if key in kept[table.name]}
            for table, keys in needed_by(part).items()
        }
        merge(kept, project(part, known))
    return kept


def merge(kept: dict[str, dict[str, Row]], projection: Projection) -> None:
    for table in rows.STATES:
        for new in projection.rows(table):
            old = kept[table.name].get(getattr(new.row, table.key))
            if old is None or old.lineage.version < new.lineage.version:
                kept[table.name][getattr(new.row, table.key)] = new


def folded(events: Sequence[Event]) -> Iterator[Payment]:
    """The payments as their own stage folds them."""
    decider = payments(Settings()).decider
    states: dict[str, Payment] = {}
    for event in events:
        if event.message.envelope.version > 0:
            states[event.key] = decider.evolve(states.get(event.key), event.message)
    yield from states.values()


@pytest.mark.parametrize("seed", range(6))
def test_operations_stand_as_the_stage_has_them(seed: int) -> None:
    """The sink folds on its own; a difference to the stage would show merchants another truth."""
    events = simulated(seed)
    stored = loaded(events, 50)[OPERATIONS.name]
    expected = {one.operation_id: one for payment in folded(events) for one in payment.operations}
    assert expected.keys() == stored.keys()
    for operation_id, operation in expected.items():
        assert comparable(operation) == shown(stored[operation_id].row)


def comparable(operation: Operation) -> dict[str, Any]:
    return {
        "kind": operation.kind,
        "status": "in_review" if operation.status == "review" else operation.status,
        "amount_minor": operation.amount_minor,
        "provider": operation.provider,
        "call_attempt": operation.call_attempt,
        "queries": operation.queries,
        "command_id": operation.command_id,
        "is_late": operation.is_late,
        "requested_at": at(operation.requested_at_ms),
        "due_at": None if operation.due_at_ms is None else at(operation.due_at_ms),
        "resolved_at": None if operation.ended_at_ms is None else at(operation.ended_at_ms),
    }


def shown(row: Any) -> dict[str, Any]:
    names = comparable(
        Operation(
            operation_id="", kind="void", amount_minor=0, provider="", requested_at_ms=0, not_after_ms=0
        )
    )
    return {name: getattr(row, name) for name in names}


@pytest.mark.parametrize("batch", [1, 7, 10_000])
def test_batches_do_not_matter(batch: int) -> None:
    """How much was waiting when the sink looked is chance; the tables are not."""
    events = simulated(3)
    assert loaded(events, 50) == loaded(events, batch)


def test_loading_the_same_events_again_changes_nothing() -> None:
    """After a crash a batch may come again, or a part of it with what follows."""
    events = simulated(4)
    again = [*events[:200], *events[100:220], *events[150:]]
    assert loaded(events, 50) == loaded(again, 50)


def test_a_payment_is_its_last_snapshot() -> None:
    """mart.payments shows what the last event shows, field by field."""
    events = simulated(5)
    stored = loaded(events, 50)[PAYMENTS.name]
    last = {event.key: event.message for event in events if event.message.envelope.version > 0}
    assert {f"pay_{key}" for key in last} == stored.keys()
    for key, message in last.items():
        assert isinstance(message, Recorded)
        row: Any = stored[f"pay_{key}"].row
        after: Any = message.after
        assert (after.status.value, after.version) == (row.status, row.version)
        assert (after.amount, after.amount_authorized) == (row.amount_minor, row.amount_authorized_minor)
        assert (after.amount_captured, after.amount_refunded) == (
            row.amount_captured_minor,
            row.amount_refunded_minor,
        )


def test_every_event_is_logged_with_where_it_stood() -> None:
    """The log is the evidence: one row per event, refusals too, with its record's place."""
    events = simulated(1)
    logged = project(events, {}).rows(PAYMENT_EVENTS)
    assert [event.message.envelope.message_id for event in events] == [one.lineage.event_id for one in logged]
    places = [(event.record.partition.number, event.record.offset) for event in events]
    assert places == [(one.lineage.partition, one.lineage.offset) for one in logged]
    refused: Any = next(one.row for one in logged if one.lineage.version == 0)
    assert ("CommandRefused", "CommandRefused.v1", None) == (refused.type, refused.schema, refused.after)


def recorded(body: Any, version: int, after: Any = None) -> Message[Any]:
    return Recorded(envelope=envelope(f"evt_{version}", version=version), body=body, after=after)


SNAPSHOT = PaymentSnapshot(
    payment_intent_id=f"pi_{PAYMENT_KEY}",
    payment_id=f"pay_{PAYMENT_KEY}",
    merchant_id=MERCHANT,
    status=PaymentStatus.CAPTURED,
    amount=5,
    amount_authorized=5,
    amount_captured=5,
    amount_refunded=0,
    currency="JPY",
    capture_method="automatic",
    created_at_ms=START_MS,
    updated_at_ms=START_MS,
    version=1,
)


def of_payment(body: Any, version: int) -> Event:
    after = SNAPSHOT if version else None
    return event_of(topics.PAYMENTS_EVENTS.name, PAYMENT_KEY.encode(), recorded(body, version, after))


def test_what_the_merchant_typed_is_kept_apart() -> None:
    """Notes and reasons are in tables of their own, and nowhere else."""
    created = PaymentIntentCreated(
        amount_minor=5,
        currency="JPY",
        capture_method="automatic",
        fingerprint=b"f",
        notes=PaymentNotes(description="for Ada", metadata={"who": "Ada"}),
    )
    refund = RefundRequested(
        operation_id="ref_1",
        amount_minor=5,
        provider="simulator",
        not_after_ms=START_MS,
        due_at_ms=START_MS,
        original_ref="sim_1",
        cause="requested",
        reason="Ada did not like it",
    )
    projection = project([of_payment(created, 1), of_payment(refund, 2)], {})
    notes: Any = projection.rows(PAYMENT_NOTES)[0].row
    reason: Any = projection.rows(REFUND_REASONS)[0].row
    assert ("for Ada", '{"who":"Ada"}', f"pay_{PAYMENT_KEY}") == (
        notes.description,
        notes.metadata,
        notes.payment_id,
    )
    assert ("Ada did not like it", "ref_1") == (reason.reason, reason.refund_id)
    assert "Ada" not in str([projection.rows(table) for table in (*rows.LOGS, PAYMENTS, OPERATIONS)])


def test_nothing_typed_is_no_row() -> None:
    """Empty notes say nothing, so there is nothing to erase."""
    created = PaymentIntentCreated(
        amount_minor=5, currency="JPY", capture_method="automatic", fingerprint=b"f"
    )
    assert () == project([of_payment(created, 1)], {}).rows(PAYMENT_NOTES)


def of_account(body: Any, version: int, after: AccountSnapshot | None) -> Event:
    return event_of(topics.MERCHANTS_EVENTS.name, b"00abc", recorded(body, version, after))


KEY = ApiKey(key_id="key_1", key_sha256="0" * 64, last4="wxyz")
PROFILE = Profile(display_name="Ada's books")


def test_merchants_and_operators_are_told_apart() -> None:
    """They share a topic, not a table; their names are personal."""
    shown_as = AccountSnapshot(account_id="mer_1", key_id="key_1", created_at_ms=START_MS, version=1)
    merchant = MerchantCreated(merchant_id="mer_1", profile=PROFILE, api_key=KEY, fingerprint=b"f")
    operator = OperatorCreated(
        operator_id="opr_1", profile=PROFILE, role="viewer", api_key=KEY, fingerprint=b"f"
    )
    refused = CommandRefused(command_id="cmd_1", command="CreateMerchant", outcome="forbidden")
    projection = project(
        [of_account(merchant, 1, shown_as), of_account(operator, 1, shown_as), of_account(refused, 0, None)],
        {},
    )
    assert ["mer_1"] == [one.row.merchant_id for one in projection.rows(MERCHANTS)]  # type: ignore[attr-defined]  # rows of that table
    assert ["opr_1"] == [one.row.operator_id for one in projection.rows(OPERATORS)]  # type: ignore[attr-defined]  # rows of that table
    assert 2 == len(projection.rows(ACCOUNT_PROFILES))
    assert 3 == len(projection.rows(MERCHANT_EVENTS))


def test_an_answer_is_logged_as_given() -> None:
    """What acknowledged means is a 2xx in this table."""
    answer = AnsweredRequest(
        request_id="req_1",
        method="POST",
        route="payments.capture",
        status=200,
        outcome="succeeded",
        mode="test",
    )
    event = event_of(topics.API_REQUESTS.name, b"req_1", Message(envelope=envelope("evt_1"), body=answer))
    row: Any = project([event], {}).rows(API_REQUESTS)[0].row
    assert ("req_1", 200, "succeeded", None, False) == (
        row.request_id,
        row.status,
        row.outcome,
        row.object_id,
        row.is_replayed,
    )


def test_a_topic_without_tables_is_a_bug() -> None:
    """A topic added to the subscription and forgotten here must not vanish."""
    topic: Topic = topics.CLOCK_TICKS
    with pytest.raises(AssertionError, match="has no tables"):
        project([event_of(topic.name, b"k", Message(envelope=envelope("evt_1"), body=None))], {})
