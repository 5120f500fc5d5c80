"""Which rows follow from events: pure, from decoded records to what the tables hold."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import structlog
from msgspec import Struct

from connectors.postgres import operations, tables
from connectors.postgres.personal import json_text, public_json
from connectors.postgres.tables import Lineage, OperationRow, Table, at
from connectors.runtime import Record
from schemas import topics
from schemas.envelope import Body, Envelope, Message, Recorded
from schemas.merchants import AccountSnapshot, MerchantCreated, OperatorCreated
from schemas.payments import OperationRequested, PaymentIntentCreated, PaymentSnapshot, RefundRequested

_log = structlog.get_logger(__name__)


class Event(NamedTuple):
    """A record, the key of the aggregate or request it belongs to, and the message in it."""

    record: Record
    key: str
    message: Message[Any]


class Row(NamedTuple):
    """A row and the record it follows from."""

    row: Struct
    lineage: Lineage


class Projection:
    """The rows of a batch: every logged event, and of every thing the last state."""

    def __init__(self) -> None:
        self._logged: dict[Table, list[Row]] = {table: [] for table in tables.LOGS}
        self._states: dict[Table, dict[str, Row]] = {table: {} for table in tables.STATES}

    def log(self, table: Table, event: Event, row: Struct) -> None:
        """Add an event to its log."""
        self._logged[table].append(Row(row, _lineage(event)))

    def put(self, table: Table, event: Event, row: Struct) -> None:
        """Let `row` be how its thing stands after the event."""
        self._states[table][getattr(row, table.key)] = Row(row, _lineage(event))

    def rows(self, table: Table) -> Sequence[Row]:
        """What is to be written to a table: of a log in the order of the events."""
        return self._logged[table] if table in self._logged else tuple(self._states[table].values())


def operations_needed(events: Iterable[Event]) -> set[str]:
    """Operations that the events change but do not start: `project` has to know how they stand."""
    started: set[str] = set()
    needed: set[str] = set()
    for event in events:
        operation_id = operations.operation_named(event.message.body)
        if isinstance(event.message.body, OperationRequested):
            started.add(event.message.body.operation_id)
        elif operation_id is not None and operation_id not in started:
            needed.add(operation_id)
    return needed


def project(events: Iterable[Event], known: Mapping[str, OperationRow]) -> Projection:
    """The rows that follow from events, which are in order by partition. `known`: operations as they stand."""
    projection = Projection()
    current = dict(known)
    newest: dict[str, Event] = {}
    for event in events:
        match event.record.partition.topic:
            case topics.PAYMENTS_EVENTS.name:
                _log_payment_event(projection, event)
                _change_operation(projection, event, current)
                _keep_notes(projection, event)
                if event.message.envelope.version > _version(newest.get(event.key)):
                    newest[event.key] = event
            case topics.MERCHANTS_EVENTS.name:
                _log_merchant_event(projection, event)
                _put_account(projection, event)
            case topics.API_REQUESTS.name:
                _log_request(projection, event)
            case topic:
                raise AssertionError(f"{topic} has no tables")
    for event in newest.values():
        projection.put(tables.PAYMENTS, event, _payment(event))
    return projection


def _log_payment_event(projection: Projection, event: Event) -> None:
    row = tables.PaymentEventRow(
        **_told(event.message),
        payment_id=f"pay_{event.key}",
        merchant_id=event.message.envelope.merchant_id,
        **_content(event.message),
    )
    projection.log(tables.PAYMENT_EVENTS, event, row)


def _change_operation(projection: Projection, event: Event, current: dict[str, OperationRow]) -> None:
    message = event.message
    operation_id = operations.operation_named(message.body)
    if operation_id is None:
        return
    before = current.get(operation_id)
    if before is not None and message.envelope.version <= before.version:
        # An event told again changes nothing.
        return
    if isinstance(message.body, OperationRequested):
        assert isinstance(message, Recorded), "an event topic's messages show their aggregate"
        current[operation_id] = operations.requested(message)
    elif before is not None:
        current[operation_id] = operations.evolved(before, message)
    else:
        # The event that started it is missing; the versions tell so, and an anomaly is written.
        _log.error("event about an unknown operation", operation_id=operation_id, **_place(event))
        return
    projection.put(tables.OPERATIONS, event, current[operation_id])


def _keep_notes(projection: Projection, event: Event) -> None:
    merchant_id = event.message.envelope.merchant_id
    match event.message.body:
        case PaymentIntentCreated() as created if created.notes.description or created.notes.metadata:
            notes = tables.PaymentNotesRow(
                payment_id=f"pay_{event.key}",
                merchant_id=merchant_id,
                description=created.notes.description,
                metadata=json_text(created.notes.metadata),
            )
            projection.put(tables.PAYMENT_NOTES, event, notes)
        case RefundRequested() as refund if refund.reason:
            reason = tables.RefundReasonRow(
                refund_id=refund.operation_id,
                payment_id=f"pay_{event.key}",
                merchant_id=merchant_id,
                reason=refund.reason,
            )
            projection.put(tables.REFUND_REASONS, event, reason)


def _payment(event: Event) -> tables.PaymentRow:
    after = _after(event, PaymentSnapshot)
    method = after.payment_method
    return tables.PaymentRow(
        payment_id=after.payment_id,
        payment_intent_id=after.payment_intent_id,
        merchant_id=after.merchant_id,
        customer_id=after.customer_id,
        amount_minor=after.amount,
        amount_authorized_minor=after.amount_authorized,
        amount_captured_minor=after.amount_captured,
        amount_refunded_minor=after.amount_refunded,
        currency=after.currency,
        status=after.status.value,
        capture_method=after.capture_method,
        payment_method_type=method.type if method else None,
        payment_method_token=method.token if method else None,
        authorization_id=after.authorization_id,
        next_action_url=after.next_action_url,
        failure_code=after.failure_code,
        provider=after.provider,
        provider_ref=after.provider_ref,
        version=after.version,
        mode=event.message.envelope.mode,
        created_at=at(after.created_at_ms),
        updated_at=at(after.updated_at_ms),
    )


def _log_merchant_event(projection: Projection, event: Event) -> None:
    is_refusal = event.message.envelope.version == 0
    row = tables.MerchantEventRow(
        **_told(event.message),
        account_key=event.key,
        account_id=None if is_refusal else _after(event, AccountSnapshot).account_id,
        merchant_id=event.message.envelope.merchant_id,
        **_content(event.message),
    )
    projection.log(tables.MERCHANT_EVENTS, event, row)


def _put_account(projection: Projection, event: Event) -> None:
    match event.message.body:
        case MerchantCreated() as created:
            after = _after(event, AccountSnapshot)
            merchant = tables.MerchantRow(
                merchant_id=created.merchant_id,
                key_id=after.key_id,
                mode=event.message.envelope.mode,
                version=after.version,
                created_at=at(after.created_at_ms),
            )
            projection.put(tables.MERCHANTS, event, merchant)
            _put_profile(projection, event, created.merchant_id, created.profile.display_name)
        case OperatorCreated() as created:
            after = _after(event, AccountSnapshot)
            operator = tables.OperatorRow(
                operator_id=created.operator_id,
                role=created.role,
                key_id=after.key_id,
                version=after.version,
                created_at=at(after.created_at_ms),
            )
            projection.put(tables.OPERATORS, event, operator)
            _put_profile(projection, event, created.operator_id, created.profile.display_name)


def _put_profile(projection: Projection, event: Event, account_id: str, display_name: str) -> None:
    profile = tables.AccountProfileRow(account_id=account_id, display_name=display_name)
    projection.put(tables.ACCOUNT_PROFILES, event, profile)


def _log_request(projection: Projection, event: Event) -> None:
    body = event.message.body
    answer = {name: getattr(body, name) for name in body.__struct_fields__ if name != "mode"}
    projection.log(tables.API_REQUESTS, event, tables.ApiRequestRow(**_told(event.message), **answer))


def _told(message: Message[Any]) -> dict[str, Any]:
    """The columns that every log fills from the envelope."""
    envelope = message.envelope
    return {
        "event_id": envelope.message_id,
        "occurred_at": at(envelope.occurred_at_ms),
        "mode": envelope.mode,
        "cell": envelope.cell,
        "clock_id": envelope.clock_id,
        "causation_id": envelope.causation_id,
        "correlation_id": envelope.correlation_id,
        "actor_role": envelope.actor.role,
        "actor_principal": envelope.actor.principal,
        "actor_key_id": envelope.actor.key_id,
    }


def _content(message: Message[Any]) -> dict[str, Any]:
    """The columns of a versioned event that tell what happened."""
    assert isinstance(message, Recorded), "an event topic's messages show their aggregate"
    schema = _schema(message.body)
    return {
        "version": message.envelope.version,
        "type": schema.partition(".")[0],
        "schema": schema,
        "body": public_json(message.body),
        "after": None if message.after is None else public_json(message.after),
    }


def _schema(body: Body) -> str:
    return str(body.__struct_config__.tag)


def _after(event: Event, kind: type[Any]) -> Any:
    message = event.message
    assert isinstance(message, Recorded), "an event topic's messages show their aggregate"
    assert isinstance(message.after, kind), (
        f"{message.envelope.message_id}: the event shows no {kind.__name__}"
    )
    return message.after


def _lineage(event: Event) -> Lineage:
    envelope: Envelope = event.message.envelope
    return Lineage(
        envelope.message_id,
        envelope.version,
        event.record.partition.topic,
        event.record.partition.number,
        event.record.offset,
        at(envelope.occurred_at_ms),
    )


def _version(event: Event | None) -> int:
    return 0 if event is None else event.message.envelope.version


def _place(event: Event) -> dict[str, Any]:
    (topic, number), offset = event.record.partition, event.record.offset
    return {"topic": topic, "partition": number, "offset": offset}
