"""What follows when a movement, a settlement line or a deadline comes for one provider's reference."""

from collections.abc import Sequence
from typing import Any, NoReturn

from msgspec import Struct

from schemas import ids
from schemas.api import View
from schemas.codec import CorruptMessage
from schemas.envelope import Message
from schemas.reconciliation import (
    AggregateEvent,
    ExpectMovement,
    ExternalMissing,
    InternalMissing,
    LineDuplicated,
    LineFound,
    MovementExpected,
    SettlementLine,
)
from streams.core import Decision, Effect, Elapsed, Moment
from streams.reconciliation.matching import is_same_line, is_same_movement, judged
from streams.reconciliation.state import MAX_REMEMBERED, Match

MAX_KEY_LENGTH = 255
"""Characters of an aggregate key on a contract topic."""


class Windows(Struct, frozen=True, kw_only=True):
    """How long a movement waits for its line, and a line for its movement, in milliseconds."""

    expected_ms: int
    line_ms: int


def key_of(body: ExpectMovement | SettlementLine) -> str:
    """The key a message belongs under. Raises CorruptMessage where the reference is too long for one."""
    key = ids.match_key(body.provider, body.provider_ref)
    if len(key) > MAX_KEY_LENGTH:
        raise CorruptMessage(
            f"provider and provider_ref make a key of {len(key)} characters, over {MAX_KEY_LENGTH}"
        )
    return key


def decide(state: Match | None, message: Message[Any], *, windows: Windows) -> Decision[AggregateEvent]:
    """What a message means for the reference; told again it means nothing."""
    now_ms, said = message.envelope.occurred_at_ms, message.body
    match said:
        case ExpectMovement():
            return _movement(state, said, now_ms + windows.expected_ms)
        case SettlementLine():
            return _line(state, said, now_ms + windows.line_ms)
        case Elapsed(now_ms=at_ms):
            assert state is not None, "time passes for what exists"
            return _elapsed(state, at_ms)
        case _:
            raise AssertionError(f"nothing about settlement: {type(said).__name__}")


def _movement(state: Match | None, movement: ExpectMovement, due_at_ms: int) -> Sequence[AggregateEvent]:
    if state is None:
        return (MovementExpected(movement=movement, due_at_ms=due_at_ms),)
    if state.movement is not None and not is_same_movement(state.movement, movement):
        return _contender(state, movement)
    if state.movement == movement:
        return ()
    if state.line is not None:
        return (judged(movement, state.line),)
    # A correction does not make the provider later than it was.
    return (MovementExpected(movement=movement, due_at_ms=state.due_at_ms or due_at_ms),)


def _contender(state: Match, movement: ExpectMovement) -> Sequence[AggregateEvent]:
    """A reference is of one movement. Another operation's cannot be settled under it: a break at once."""
    known = any(is_same_movement(one, movement) for one in state.contenders)
    if movement in state.contenders or (not known and _is_full(state.contenders)):
        return ()
    return (ExternalMissing(movement=movement),)


def _line(state: Match | None, line: SettlementLine, due_at_ms: int) -> Sequence[AggregateEvent]:
    if state is None:
        return (LineFound(line=line, due_at_ms=due_at_ms),)
    if state.line is None:
        assert state.movement is not None, "a reference has a movement or a line"
        return (judged(state.movement, line),)
    if not is_same_line(state.line, line):
        return _duplicate(state, state.line, line)
    if state.line == line:
        return ()
    if state.movement is not None:
        return (judged(state.movement, line),)
    return (LineFound(line=line, due_at_ms=state.due_at_ms or due_at_ms),)


def _duplicate(state: Match, first: SettlementLine, line: SettlementLine) -> Sequence[AggregateEvent]:
    known = any(is_same_line(one, line) for one in state.duplicates)
    if line in state.duplicates or (not known and _is_full(state.duplicates)):
        return ()
    return (LineDuplicated(line=line, first_line_id=first.line_id),)


def _is_full(remembered: tuple[Any, ...]) -> bool:
    return len(remembered) >= MAX_REMEMBERED


def _elapsed(state: Match, now_ms: int) -> Sequence[AggregateEvent]:
    if state.due_at_ms is None or now_ms < state.due_at_ms:
        return ()
    if state.line is not None:
        return (InternalMissing(line=state.line),)
    assert state.movement is not None, "a reference has a movement or a line"
    return (ExternalMissing(movement=state.movement),)


def react(state: Match, event: Message[AggregateEvent]) -> Sequence[Effect]:
    """Results are read from the events; nobody is asked anything."""
    return ()


def deadline_ms(state: Match) -> int | None:
    """When the counterpart is late."""
    return state.due_at_ms


def moment(state: Match, subject: int) -> Moment:
    """Nobody asks by command, so nothing is answered."""
    _never_asked()


def view(state: Match, at: Moment) -> View:
    """As `moment`."""
    _never_asked()


def _never_asked() -> NoReturn:
    raise AssertionError("reconciliation takes no commands, so nothing is answered")
