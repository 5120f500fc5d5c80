"""What does one unit of work do: the aggregates it touches, and what it has to say about them.

Recognise repeats, decide, fold, react, and put what follows into the outbox.
"""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from msgspec.structs import replace

from schemas import ids, topics
from schemas.api import Reply
from schemas.codec import CodecError, codec_of
from schemas.envelope import CommandRefused, Envelope, Message, Recorded, ReplyAddress, Request
from schemas.fingerprint import differing
from schemas.outcomes import Outcome
from schemas.platform import Tick
from streams import deferred, handled
from streams.core import (
    NO_SUBJECT,
    Again,
    Decider,
    Deferred,
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
from streams.definition import EventLog, StageDefinition
from streams.handled import Handled
from streams.ports import Outbox, Output, Record, View
from streams.table import SHARED, Aggregate, Loaded, UnitTable

S = TypeVar("S", bound=Aggregate)


class Unit(Generic[S]):
    """One unit of work: the aggregates it touched and what it has to say."""

    def __init__(
        self,
        definition: StageDefinition[S],
        decider: Decider[S, Any],
        log: EventLog,
        view: View,
        partition: int,
    ) -> None:
        self.view = view
        self._definition = definition
        self.table = UnitTable(view, definition.states.within(view, partition), decider.deadline_ms)
        self.outbox = Outbox([], [])
        self.decider = decider
        self._partition = partition
        self._log = log
        self._recorded: list[Message[Any]] = []

    def command(self, key: str, message: Message[Any], one: Record) -> None:
        """A message that is deduplicated by its command id and answered, read from `one`."""
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
            case Again() | Deferred():
                raise AssertionError("a command is answered now, a repeated one by its handled row")
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
                self._apply_first(entry, events, message.envelope, one)

    def inform(self, key: str, message: Message[Any], one: Record) -> None:
        """A fact or a result from another context, read from `one`: judged by the state, never by its id."""
        entry = self.table.load(key)
        decision = self.decider.decide(entry.state, message)
        assert not isinstance(decision, Refused | Repeated), "only a command can be refused"
        if isinstance(decision, Deferred):
            deferred.keep(self.view, key, one)
            return
        if isinstance(decision, Again):
            for effect in decision.effects:
                self._carry_out(entry, message.envelope, effect)
            return
        self._apply_first(entry, decision, message.envelope, one)

    def write(self) -> None:
        """Write the aggregates as they stand, and say what their rows have to say."""
        self.outbox.outputs.extend(self.table.write(self._recorded))
        self._recorded.clear()

    def elapse(self, key: str, tick: Message[Tick]) -> bool:
        """The deadline of an aggregate has come; whether that of more of it has."""
        entry = self.table.load(key)
        assert entry.state is not None, f"a due row without its aggregate {key}"
        cause = Message(envelope=tick.envelope, body=Elapsed(tick.body.now_ms))
        events = self.decider.decide(entry.state, cause)
        assert not isinstance(events, Refused | Repeated | Again | Deferred), "time cannot be refused"
        self._apply(entry, events, tick.envelope)
        after_ms = self.decider.deadline_ms(entry.state)
        is_behind = after_ms is not None and after_ms <= tick.body.now_ms
        assert events or not is_behind, f"the deadline of {key} did not move on"
        return is_behind

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

    def _apply_first(self, entry: Loaded[S], events: Sequence[Any], cause: Envelope, one: Record) -> None:
        """Apply what may bring the aggregate about, for which other messages waited."""
        was_there = _is_there(entry)
        self._apply(entry, events, cause)
        if not was_there and _is_there(entry):
            self._catch_up(entry.key, one)

    def _catch_up(self, key: str, one: Record) -> None:
        """What waited for the aggregate is decided now, in the order it came."""
        for topic, value in deferred.take(self.view, key):
            message = self._definition.reader_of(topics.BY_NAME[topic])(value)
            self.inform(key, message, one._replace(topic=topic, value=value))

    def _apply(self, entry: Loaded[S], events: Sequence[Any], cause: Envelope) -> None:
        for decided in events:
            body = self._log.stamped(self.view, self._partition, decided)
            version = 1 if entry.state is None else entry.state.version + 1
            event = record(entry.key, version, body, _under(entry.state, cause))
            state = self.decider.evolve(entry.state, event)
            entry.state, entry.is_changed = state, True
            self._recorded.append(event)
            shown = Recorded(envelope=event.envelope, body=body, after=self.decider.after(state))
            self._publish(entry.key, shown)
            for effect in self.decider.react(state, event):
                self._carry_out(entry, event.envelope, effect)

    def _publish(self, key: str, event: Recorded[Any, Any]) -> None:
        self.outbox.outputs.append(self._log.write(self.view, self._partition, key, event))

    def _carry_out(self, entry: Loaded[S], cause: Envelope, effect: Effect) -> None:
        match effect:
            case Send(topic, body, not_after_ms, key, merchant_id):
                named = (cause.message_id, topic.name, *((key,) if key else ()))
                envelope = _caused_by(cause, ids.digest(*named), not_after_ms)
                if merchant_id is not None:
                    envelope = replace(envelope, merchant_id=merchant_id)
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
        refusal = CommandRefused(
            command_id=request.command_id, command=type(message.body).__name__, outcome=outcome.code
        )
        body = self._log.stamped(self.view, self._partition, refusal)
        envelope = _caused_by(message.envelope, ids.refusal_id(request.command_id))
        self._publish(entry.key, Recorded(envelope=envelope, body=body))
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


_write_reply = codec_of(topics.API_REPLIES).encode


def _request(message: Message[Any]) -> Request:
    request = message.envelope.request
    assert request is not None, "only a command is answered"
    return request


def _existing(entry: Loaded[S]) -> S:
    assert entry.state is not None, f"an effect of an aggregate that does not exist: {entry.key}"
    return entry.state


def _is_there(entry: Loaded[S]) -> bool:
    return entry.state is not None and entry.state.version > 0


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
