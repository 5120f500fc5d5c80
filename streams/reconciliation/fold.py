"""How does one recorded event change what is known of a reference?"""

from typing import assert_never

from msgspec.structs import replace

from schemas.envelope import Message
from schemas.reconciliation import (
    AggregateEvent,
    AmountMismatched,
    ExpectMovement,
    ExternalMissing,
    InternalMissing,
    LineDuplicated,
    LineFound,
    LineMatched,
    MatchStatus,
    MovementExpected,
    SettlementLine,
)
from streams.reconciliation.matching import is_same_line, is_same_movement
from streams.reconciliation.state import Match


def evolve(state: Match | None, event: Message[AggregateEvent]) -> Match:
    """The reference after one more event; its first one says whose it is."""
    body = event.body
    known = _opened(event) if state is None else state
    assert event.envelope.version == known.version + 1, "events are folded in order, each once"
    after = replace(known, version=event.envelope.version)
    match body:
        case MovementExpected():
            return replace(
                after, movement=body.movement, status=_status(after, "expected"), due_at_ms=body.due_at_ms
            )
        case LineFound():
            return replace(after, line=body.line, status="unexpected", due_at_ms=body.due_at_ms)
        case LineMatched():
            return _settled(after, body.movement, body.line, "matched")
        case AmountMismatched():
            return _settled(after, body.movement, body.line, "amount_mismatch")
        case InternalMissing():
            return replace(after, status="missing_internal", due_at_ms=None)
        case ExternalMissing():
            return _missed(after, body.movement)
        case LineDuplicated():
            return replace(after, duplicates=_with(after.duplicates, body.line))
        case _:
            assert_never(body)


def _opened(event: Message[AggregateEvent]) -> Match:
    envelope, body = event.envelope, event.body
    assert isinstance(body, MovementExpected | LineFound), "a reference begins with a movement or a line"
    about = body.movement if isinstance(body, MovementExpected) else body.line
    return Match(
        merchant_id=envelope.merchant_id,
        mode=envelope.mode,
        clock_id=envelope.clock_id,
        version=0,
        provider=about.provider,
        provider_ref=about.provider_ref,
        status="expected",
    )


def _settled(after: Match, movement: ExpectMovement, line: SettlementLine, status: MatchStatus) -> Match:
    return replace(after, movement=movement, line=line, status=_status(after, status), due_at_ms=None)


def _status(after: Match, status: MatchStatus) -> MatchStatus:
    """What an event says, but for a reference of two movements: that stays a break whatever its line is."""
    return "missing_external" if after.contenders else status


def _missed(after: Match, movement: ExpectMovement) -> Match:
    assert after.movement is not None, "only a movement is missed"
    if is_same_movement(after.movement, movement):
        return replace(after, status="missing_external", due_at_ms=None)
    others = [one for one in after.contenders if not is_same_movement(one, movement)]
    return replace(after, status="missing_external", contenders=(*others, movement))


def _with(duplicates: tuple[SettlementLine, ...], line: SettlementLine) -> tuple[SettlementLine, ...]:
    """The duplicates with a further one, or with a known one as it was told last."""
    return (*(one for one in duplicates if not is_same_line(one, line)), line)
