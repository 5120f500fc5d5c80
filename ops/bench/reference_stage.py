"""How does the generic step run the reference workload: a decider of its own, on records without envelope."""

from collections.abc import Sequence
from typing import Any

from msgspec import DecodeError, Struct

from ops.bench import reference
from ops.bench.reference import PaymentRecord, Tally, is_known, output_of, tallied
from schemas.api import View
from schemas.codec import CorruptMessage
from schemas.envelope import Actor, Body, Envelope, Message, Recorded
from schemas.topics import Topic
from streams.core import Decider, Moment
from streams.definition import Reader, StageDefinition, registered_reader
from streams.ports import Output
from streams.ports import View as Store
from streams.table import StateCodec

STAGE = "reference"
VERSION = 1
_DAY_MS = 24 * 60 * 60 * 1000
_SOURCE = Actor(role="system", principal=STAGE)


class Told(Body, frozen=True, kw_only=True):
    """A record of the workload as the body of a message, and as the event that follows from it."""

    record: PaymentRecord


def definition(records: str, tallies: str) -> StageDefinition[Tally]:
    """The reference workload as a stage between the topics of these names."""
    return StageDefinition(
        name=STAGE,
        version=VERSION,
        decider=Decider(
            decide=_decide,
            evolve=_evolve,
            react=_react,
            deadline_ms=_never,
            moment=_moment,
            view=_view,
            after=_after,
        ),
        states=StateCodec(Tally),
        inputs=(Topic(records, "payment", "bench", (STAGE,), "json", Told, _DAY_MS),),
        events=Topic(tallies, "payment", STAGE, ("bench",), "json", Told, _DAY_MS, Tally),
        reader_of=_reader_of,
        log_of=_TallyLog,
    )


def _reader_of(topic: Topic) -> Reader:
    return _read if topic.body is Told else registered_reader(topic)


def _read(value: bytes | None) -> Message[Told]:
    try:
        one = reference.decode_record(value or b"")
    except DecodeError as error:
        raise CorruptMessage(f"no record of the workload: {error}") from error
    envelope = Envelope(
        message_id=one.id,
        causation_id=one.id,
        correlation_id=one.id,
        occurred_at_ms=one.at,
        mode="test",
        merchant_id=one.merchant_id,
        cell="00",
        actor=_SOURCE,
    )
    return Message(envelope=envelope, body=Told(record=one))


class _TallyLog:
    """Tallies as the workload writes them: without envelope."""

    def __init__(self, topic: Topic) -> None:
        self._name = topic.name

    def stamped(self, view: Store, partition: int, body: Told) -> Told:
        return body

    def write(self, view: Store, partition: int, key: str, event: Recorded[Told, Tally]) -> Output:
        assert event.after is not None, "every event of the workload changes a tally"
        changed = output_of(event.after, key)
        return Output(self._name, changed.merchant_id.encode(), reference.encode(changed))


def _decide(state: Tally | None, message: Message[Any]) -> Sequence[Told]:
    return () if is_known(state, message.body.record) else (message.body,)


def _evolve(state: Tally | None, event: Message[Told]) -> Tally:
    return tallied(state, event.body.record)


def _react(state: Tally, event: Message[Told]) -> Sequence[Any]:
    return ()


def _never(state: Tally) -> int | None:
    return None


def _moment(state: Tally, subject: int) -> Moment:
    return ()


def _view(state: Tally, moment: Moment) -> View:
    raise AssertionError("records of the workload are not answered")


def _after(state: Tally) -> Struct:
    return state
