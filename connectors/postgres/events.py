"""What does a decoded record tell every table: its envelope, its content, and where it stood."""

from typing import Any, NamedTuple

from connectors.postgres.personal import public_json
from connectors.postgres.tables import Lineage, at
from connectors.runtime import Record
from schemas.envelope import Body, Message, Recorded


class Event(NamedTuple):
    """A record, the key of the aggregate or request it belongs to, and the message in it."""

    record: Record
    key: str
    message: Message[Any]


def told(message: Message[Any]) -> dict[str, Any]:
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


def named(message: Message[Any]) -> dict[str, Any]:
    """The columns of a versioned event that tell what it is."""
    schema = schema_of(message.body)
    return {"version": message.envelope.version, "type": schema.partition(".")[0], "schema": schema}


def content(message: Message[Any]) -> dict[str, Any]:
    """The columns of a versioned event that tell what happened, and how its aggregate stands after it."""
    assert isinstance(message, Recorded), "an event topic's messages show their aggregate"
    return {
        **named(message),
        "body": public_json(message.body),
        "after": None if message.after is None else public_json(message.after),
    }


def schema_of(body: Body) -> str:
    """Name and version of a body, such as PaymentCaptured.v1."""
    return str(body.__struct_config__.tag)


def after_of(event: Event, kind: type[Any]) -> Any:
    """The aggregate after an event that must show it."""
    message = event.message
    assert isinstance(message, Recorded), "an event topic's messages show their aggregate"
    assert isinstance(message.after, kind), (
        f"{message.envelope.message_id}: the event shows no {kind.__name__}"
    )
    return message.after


def lineage_of(event: Event, version: int | None = None) -> Lineage:
    """Where a row came from; version: of what the row shows, if not the event's own."""
    envelope = event.message.envelope
    return Lineage(
        envelope.message_id,
        envelope.version if version is None else version,
        event.record.partition.topic,
        event.record.partition.number,
        event.record.offset,
        at(envelope.occurred_at_ms),
    )


def place_of(event: Event) -> dict[str, Any]:
    """Topic, partition and offset, as a log line names them."""
    (topic, number), offset = event.record.partition, event.record.offset
    return {"topic": topic, "partition": number, "offset": offset}
