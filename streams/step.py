"""What does a stage do with its records: the one generic step that runs any decider.

Decode, recognise repeats, decide, fold, react, and put what follows into the outbox. The engine
runs it on Kafka and RocksDB, the simulator on in-memory topics; it performs no I/O itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

from msgspec.structs import replace

from schemas import ids, topics
from schemas.api import Reply
from schemas.codec import CodecError, CorruptMessage, NewerVersion, codec_of
from schemas.envelope import (
    WALL_CLOCK,
    Body,
    CommandRefused,
    Envelope,
    Message,
    Recorded,
    ReplyAddress,
    Request,
)
from schemas.fingerprint import differing
from schemas.outcomes import Outcome
from schemas.platform import Tick
from schemas.topics import Topic
from streams import deadlines, handled
from streams.core import (
    NO_SUBJECT,
    Again,
    Decider,
    Delay,
    Effect,
    Elapsed,
    Moment,
    Refused,
    Repeated,
    Resolve,
    Send,
    record,
)
from streams.handled import Handled
from streams.ports import HandlerBug, Outbox, Output, Record, View
from streams.table import SHARED, Aggregate, Loaded, States, UnitTable

S = TypeVar("S", bound=Aggregate)

SWEEP_ROWS = 500
REFERENCE: Final = b"reference/"

Reader = Callable[[bytes | None], Message[Any]]
"""The message in a record's value. Raises CorruptMessage or NewerVersion."""


class EventLog(Protocol):
    """How the events of a stage are put on record.

    stamped  the event's body with what only its place in the log gives it, its partition of the log
             included; before it is folded
    write    the record, on that partition, of an event of the aggregate under this key
    """

    def stamped(self, view: View, partition: int, body: Any) -> Any: ...
    def write(self, view: View, partition: int, key: str, event: Recorded[Any, Any]) -> Output: ...


def registered_reader(topic: Topic) -> Reader:
    """Read a topic as the registry says."""
    return codec_of(topic).decode


class RegisteredLog:
    """Writes events as the registry says, on the partition of their aggregate."""

    def __init__(self, topic: Topic) -> None:
        self._name, self._encode = topic.name, codec_of(topic).encode

    def stamped(self, view: View, partition: int, body: Any) -> Any:
        """The body as it is."""
        return body

    def write(self, view: View, partition: int, key: str, event: Recorded[Any, Any]) -> Output:
        """The event under its aggregate's key."""
        return Output(self._name, key.encode(), self._encode(event))


class Reference(NamedTuple):
    """What every task is told alike, such as rules: a broadcast topic whose last message decides with.

    bind: the decider that decides with the body of that message, or with `initial` before there is one.
    """

    topic: Topic
    initial: Body
    bind: Callable[[Any], Decider[Any, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageDefinition(Generic[S]):
    """A decider bound to its topics. All inputs share one key domain; `ticks` is the broadcast clock.

    reader_of, log_of: how the records of inputs are read and those of events written.
    reference: what the decider decides with besides state and message; `decider` is bound to its initial.
    on_tick: what the task says at a wall tick, whatever is due; None: nothing.
    key_of: the key a body says itself; a record under another one is corrupt. Raises CorruptMessage.
    None: bodies name no key.
    """

    name: str
    version: int
    decider: Decider[S, Any]
    states: States[S]
    inputs: tuple[Topic, ...]
    events: Topic
    ticks: Topic = topics.CLOCK_TICKS
    reader_of: Callable[[Topic], Reader] = registered_reader
    log_of: Callable[[Topic], EventLog] = RegisteredLog
    reference: Reference | None = None
    on_tick: Callable[[View, Message[Tick]], Sequence[Output]] | None = None
    key_of: Callable[[Any], str] | None = None

    def __post_init__(self) -> None:
        domains = {topic.key_domain for topic in (*self.inputs, self.events)}
        assert len(domains) == 1, f"{self.name}: inputs and events span the key domains {sorted(domains)}"

    @property
    def all_inputs(self) -> tuple[Topic, ...]:
        """Every topic the stage reads, broadcast ones included."""
        told = () if self.reference is None else (self.reference.topic,)
        return (*self.inputs, *told, self.ticks)


class StageStep(Generic[S]):
    """The generic step of one task (one partition of a stage); remembers only where its scans stand."""

    def __init__(self, definition: StageDefinition[S]) -> None:
        self._definition = definition
        self._readers: Mapping[str, Reader] = {
            topic.name: definition.reader_of(topic) for topic in definition.all_inputs
        }
        self._log = definition.log_of(definition.events)
        self._bound: tuple[bytes | None, Decider[S, Any]] = (None, definition.decider)
        self._due_from_ms: dict[str, int] = {}
        self._sweep_cursor = b""

    def __call__(self, view: View, records: Sequence[Record]) -> Outbox:
        """Handle records in order as one unit of work. Raises HandlerBug naming the record that failed."""
        unit = _Unit(self._definition, self._decider(view), self._log, view)
        for one in records:
            try:
                self._handle(unit, one)
            except Exception as error:
                raise HandlerBug(one, error) from error
        unit.table.write()
        for clock_id, from_ms in self._due_from_ms.items():
            # A scan must not start behind a deadline that was written since.
            self._due_from_ms[clock_id] = int(min(from_ms, unit.table.earliest_ms))
        return unit.outbox

    def _handle(self, unit: "_Unit[S]", one: Record) -> None:
        unit.partition = one.partition
        try:
            message = self._readers[one.topic](one.value)
            self._check_key(one, message.body)
        except NewerVersion:
            raise
        except CodecError as error:
            unit.dead_letter(one, error)
            return
        reference = self._definition.reference
        if isinstance(message.body, Tick):
            self._tick(unit, message)
        elif reference is not None and one.topic == reference.topic.name:
            assert one.value is not None, "a decoded record has a value"
            unit.view.put(_reference_row(reference), one.value)
            unit.decider = self._decider(unit.view)
        elif one.key is None:
            unit.dead_letter(
                one, CorruptMessage(f"{one.topic}: a record without a key belongs to no aggregate")
            )
        elif message.envelope.request is None:
            unit.inform(one.key.decode(), message)
        else:
            unit.command(one.key.decode(), message)

    def _check_key(self, one: Record, body: object) -> None:
        key_of = self._definition.key_of
        if key_of is None or one.key is None or isinstance(body, Tick):
            return
        said = key_of(body)
        if said.encode() != one.key:
            raise CorruptMessage(
                f"{one.topic}: the body belongs under {said!r}, the record's key is {one.key!r}"
            )

    def _decider(self, view: View) -> Decider[S, Any]:
        """The decider bound to what the task was told last; bound anew only when that changed."""
        reference = self._definition.reference
        if reference is None:
            return self._definition.decider
        told = view.get(_reference_row(reference))
        if told != self._bound[0]:
            body = reference.initial if told is None else self._readers[reference.topic.name](told).body
            self._bound = (told, reference.bind(body))
        return self._bound[1]

    def _tick(self, unit: "_Unit[S]", message: Message[Tick]) -> None:
        clock_id, now_ms = message.envelope.clock_id, message.body.now_ms
        unit.table.write()
        popped = deadlines.due(unit.view, clock_id, from_ms=self._due_from_ms.get(clock_id, 0), now_ms=now_ms)
        for _, key in popped:
            unit.elapse(key, message)
        is_drained = len(popped) < deadlines.MAX_POPPED
        self._due_from_ms[clock_id] = now_ms if is_drained else popped[-1][0]
        if clock_id == WALL_CLOCK:
            before_ms = now_ms - handled.RETENTION_MS
            self._sweep_cursor = handled.sweep(unit.view, self._sweep_cursor, before_ms, SWEEP_ROWS)
            if self._definition.on_tick is not None:
                unit.outbox.outputs.extend(self._definition.on_tick(unit.view, message))


class _Unit(Generic[S]):
    """One unit of work: the aggregates it touched and what it has to say."""

    def __init__(
        self, definition: StageDefinition[S], decider: Decider[S, Any], log: EventLog, view: View
    ) -> None:
        self.view = view
        self.table = UnitTable(view, definition.states, decider.deadline_ms)
        self.outbox = Outbox([], [])
        self.partition = 0
        self.decider = decider
        self._log = log

    def command(self, key: str, message: Message[Any]) -> None:
        """A message that is deduplicated by its command id and answered."""
        request = _request(message)
        before = handled.load(self.view, key, request.command_id)
        if before is not None:
            self._repeat(key, message, before)
            return
        entry = self.table.load(key)
        if entry.state is not None and not _may_see(entry.state, message.envelope):
            self._refuse(entry, message, Outcome.NOT_FOUND)
            return
        match self.decider.decide(entry.state, message):
            case Refused(outcome):
                self._refuse(entry, message, outcome)
            case Again():
                raise AssertionError("a repeated command is told by its handled row")
            case Repeated(outcome, subject):
                moment = self.decider.moment(_existing(entry), subject)
                self._answer(message, outcome, entry=entry, moment=moment, is_replayed=True)
            case events:
                now_ms = message.envelope.occurred_at_ms
                handled.store(
                    self.view, key, request.command_id, Handled(request.fingerprint, now_ms, None, ())
                )
                if request.reply_to is not None:
                    handled.join(self.view, key, request.command_id, request.reply_to, now_ms)
                self._apply(entry, events, message.envelope)

    def inform(self, key: str, message: Message[Any]) -> None:
        """A fact or a result from another context: judged by the state, never by its id."""
        entry = self.table.load(key)
        decision = self.decider.decide(entry.state, message)
        assert not isinstance(decision, Refused | Repeated), "only a command can be refused"
        if isinstance(decision, Again):
            for effect in decision.effects:
                self._carry_out(entry, message.envelope, effect)
            return
        self._apply(entry, decision, message.envelope)

    def elapse(self, key: str, tick: Message[Tick]) -> None:
        """The deadline of an aggregate has come."""
        entry = self.table.load(key)
        assert entry.state is not None, f"a due row without its aggregate {key}"
        cause = Message(envelope=tick.envelope, body=Elapsed(tick.body.now_ms))
        events = self.decider.decide(entry.state, cause)
        assert not isinstance(events, Refused | Repeated | Again), "time cannot be refused"
        self._apply(entry, events, tick.envelope)
        after_ms = self.decider.deadline_ms(entry.state)
        has_moved = after_ms is None or after_ms > tick.body.now_ms or events
        assert has_moved, f"the deadline of {key} did not move on"

    def dead_letter(self, one: Record, error: CodecError) -> None:
        """Set a record aside whose bytes are no message, with the reason and where it was."""
        headers = (
            *one.headers,
            ("dlq.reason", str(error).encode()[:1000]),
            ("dlq.topic", one.topic.encode()),
            ("dlq.partition", str(one.partition).encode()),
            ("dlq.offset", str(one.offset).encode()),
        )
        letters = one.topic + topics.DEAD_LETTER_SUFFIX
        self.outbox.outputs.append(Output(letters, one.key or b"", one.value or b"", one.partition, headers))

    def _apply(self, entry: Loaded[S], events: Sequence[Any], cause: Envelope) -> None:
        for decided in events:
            body = self._log.stamped(self.view, self.partition, decided)
            version = 1 if entry.state is None else entry.state.version + 1
            event = record(entry.key, version, body, _under(entry.state, cause))
            state = self.decider.evolve(entry.state, event)
            entry.state, entry.is_changed = state, True
            shown = Recorded(envelope=event.envelope, body=body, after=self.decider.after(state))
            self._publish(entry.key, shown)
            for effect in self.decider.react(state, event):
                self._carry_out(entry, event.envelope, effect)

    def _publish(self, key: str, event: Recorded[Any, Any]) -> None:
        self.outbox.outputs.append(self._log.write(self.view, self.partition, key, event))

    def _carry_out(self, entry: Loaded[S], cause: Envelope, effect: Effect) -> None:
        match effect:
            case Send(topic, body, not_after_ms, key):
                named = (cause.message_id, topic.name, *((key,) if key else ()))
                envelope = _caused_by(cause, ids.digest(*named), not_after_ms)
                value = codec_of(topic).encode(Message(envelope=envelope, body=body))
                self.outbox.outputs.append(Output(topic.name, (key or entry.key).encode(), value))
            case Resolve(command_id, outcome, subject):
                before = handled.load(self.view, entry.key, command_id)
                assert before is not None, f"the result of a command nobody gave: {command_id}"
                moment = self.decider.moment(_existing(entry), subject)
                handled.store(
                    self.view, entry.key, command_id, before._replace(outcome=outcome, moment=moment)
                )
                self._tell_waiting(entry, cause, Resolve(command_id, outcome), moment)
            case Delay(command_id, subject):
                moment = self.decider.moment(_existing(entry), subject)
                self._tell_waiting(entry, cause, Resolve(command_id, Outcome.PENDING), moment)

    def _tell_waiting(self, entry: Loaded[S], cause: Envelope, result: Resolve, moment: Moment) -> None:
        view = self.decider.view(_existing(entry), moment)
        for caller in handled.take_waiting(self.view, entry.key, result.command_id):
            reply = Reply(
                request_id=caller.request_id,
                command_id=result.command_id,
                outcome=result.outcome.value.number,
                replayed=caller.is_repeat,
                view=view,
            )
            self._reply(caller, cause, reply)

    def _repeat(self, key: str, message: Message[Any], before: Handled) -> None:
        """Answer a command that was handled before; it does nothing else."""
        request = _request(message)
        if before.fingerprint != request.fingerprint:
            names = differing(message.body, before.fingerprint)
            self._answer(message, Outcome.IDEMPOTENCY_MISMATCH, differing=names)
        elif before.outcome is not None:
            self._answer(
                message, before.outcome, entry=self.table.load(key), moment=before.moment, is_replayed=True
            )
        elif request.reply_to is not None:
            now_ms = message.envelope.occurred_at_ms
            caller = replace(request.reply_to, is_repeat=True)
            if not handled.join(self.view, key, request.command_id, caller, now_ms):
                self._answer(message, Outcome.IDEMPOTENCY_KEY_IN_USE)

    def _refuse(self, entry: Loaded[S], message: Message[Any], outcome: Outcome) -> None:
        """Record a refusal under the caller's merchant; the aggregate keeps its version."""
        request = _request(message)
        is_shown = entry.state is not None and outcome is not Outcome.NOT_FOUND
        moment = self.decider.moment(_existing(entry), NO_SUBJECT) if is_shown else ()
        row = Handled(request.fingerprint, message.envelope.occurred_at_ms, outcome, moment)
        handled.store(self.view, entry.key, request.command_id, row)
        body = CommandRefused(
            command_id=request.command_id, command=type(message.body).__name__, outcome=outcome.code
        )
        envelope = _caused_by(message.envelope, ids.refusal_id(request.command_id))
        event: Recorded[CommandRefused, Any] = Recorded(envelope=envelope, body=body)
        self._publish(entry.key, event)
        self._answer(message, outcome, entry=entry if is_shown else None, moment=moment)

    def _answer(
        self,
        message: Message[Any],
        outcome: Outcome,
        *,
        entry: Loaded[S] | None = None,
        moment: Moment = (),
        is_replayed: bool = False,
        differing: tuple[str, ...] = (),
    ) -> None:
        """Answer the caller of this very message, if one waits."""
        request = _request(message)
        if request.reply_to is None:
            return
        reply = Reply(
            request_id=request.reply_to.request_id,
            command_id=request.command_id,
            outcome=outcome.value.number,
            replayed=is_replayed,
            differing=differing,
            view=self.decider.view(_existing(entry), moment) if entry is not None and moment else None,
        )
        self._reply(request.reply_to, message.envelope, reply)

    def _reply(self, caller: ReplyAddress, cause: Envelope, reply: Reply) -> None:
        envelope = _caused_by(cause, ids.digest(cause.message_id, caller.request_id))
        value = _write_reply(Message(envelope=envelope, body=reply))
        self.outbox.replies.append(
            Output(topics.API_REPLIES.name, caller.request_id.encode(), value, caller.partition)
        )


def _reference_row(reference: Reference) -> bytes:
    return REFERENCE + reference.topic.name.encode()


_write_reply = codec_of(topics.API_REPLIES).encode


def _request(message: Message[Any]) -> Request:
    request = message.envelope.request
    assert request is not None, "only a command is answered"
    return request


def _existing(entry: Loaded[S]) -> S:
    assert entry.state is not None, f"an effect of an aggregate that does not exist: {entry.key}"
    return entry.state


def _may_see(state: Aggregate, asked: Envelope) -> bool:
    is_own = state.merchant_id == asked.merchant_id and state.mode == asked.mode
    return is_own or asked.actor.role == "operator"


def _under(state: Aggregate | None, cause: Envelope) -> Envelope:
    """The cause, under the merchant whose aggregate it changes (a tick belongs to no merchant)."""
    if (
        state is None
        or state.merchant_id == SHARED
        or not state.version
        or (state.merchant_id == cause.merchant_id and state.mode == cause.mode)
    ):
        return cause
    return replace(cause, merchant_id=state.merchant_id, mode=state.mode)


def _caused_by(cause: Envelope, message_id: str, not_after_ms: int | None = None) -> Envelope:
    return replace(
        cause,
        message_id=message_id,
        causation_id=cause.message_id,
        not_after_ms=not_after_ms,
        aggregate_key="",
        version=0,
        request=None,
    )
