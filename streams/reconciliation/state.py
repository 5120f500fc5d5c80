"""What is known of one provider's reference: the movement we expect, the line that settles it, and what else came."""

from typing import Final

from msgspec import Struct

from schemas.envelope import WALL_CLOCK, Mode
from schemas.reconciliation import ExpectMovement, MatchSnapshot, MatchStatus, SettlementLine

MAX_REMEMBERED: Final = 16
"""Duplicate lines, and movements beyond the first, that are kept of one reference.

From then on more of them change nothing: a count of 16 reads "16 or more".
"""


class Match(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One reference. due_at_ms: how long it waits for its counterpart; None: it does not wait.

    line: the one that settles the movement, as told last. duplicates: further lines, as told last.
    contenders: movements of other operations under the reference, which no line can settle.
    """

    state_version: int = 1
    merchant_id: str
    mode: Mode
    version: int
    provider: str
    provider_ref: str
    status: MatchStatus
    due_at_ms: int | None = None
    movement: ExpectMovement | None = None
    line: SettlementLine | None = None
    duplicates: tuple[SettlementLine, ...] = ()
    contenders: tuple[ExpectMovement, ...] = ()
    clock_id: str = WALL_CLOCK


def snapshot(state: Match) -> MatchSnapshot:
    """The reference as its events show it: a movement nobody can settle before the one that is settled."""
    movement = state.contenders[-1] if state.contenders else state.movement
    line = state.line
    return MatchSnapshot(
        provider=state.provider,
        provider_ref=state.provider_ref,
        status=state.status,
        version=state.version,
        duplicates=len(state.duplicates),
        payment_id=None if movement is None else movement.payment_id,
        operation_id=None if movement is None else movement.operation_id,
        kind=_kind(movement, line),
        expected_minor=None if movement is None else movement.amount_minor,
        expected_currency=None if movement is None else movement.currency,
        line_id=None if line is None else line.line_id,
        file_id=None if line is None else line.file_id,
        settled_minor=None if line is None else line.gross_minor,
        settled_currency=None if line is None else line.currency,
        fee_minor=None if line is None else line.fee_minor,
        settled_on=None if line is None else line.settled_on,
    )


def _kind(movement: ExpectMovement | None, line: SettlementLine | None) -> str | None:
    if movement is not None:
        return movement.kind
    return None if line is None else line.kind
