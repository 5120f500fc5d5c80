"""What is said about reconciliation: movements we expect in a provider's files, lines found there, and how they match."""

from typing import Literal

from msgspec import Struct

from schemas.envelope import Body, Code, Identifier

MovementKind = Literal["capture", "refund"]
MatchStatus = Literal[
    "expected", "unexpected", "matched", "amount_mismatch", "missing_internal", "missing_external"
]
"""expected: no line yet. unexpected: a line of nothing we know yet. The rest are results."""


class ExpectMovement(Body, frozen=True, kw_only=True):
    """The provider moved money for us and will settle it. The record's key is provider and reference."""

    provider: Code
    provider_ref: Identifier
    payment_id: Identifier
    operation_id: Identifier
    kind: MovementKind
    amount_minor: int
    currency: Code


class SettlementLine(Body, frozen=True, kw_only=True):
    """One line of a settlement file. The record's key is provider and reference.

    line_id: of the line in the provider's own numbering; a line told again, or restated, has the same.
    gross_minor: moved for the customer, negative for refunds. fee_minor: what the provider keeps.
    net_minor: gross - fee. settled_on: ISO date.
    """

    line_id: Identifier
    file_id: Identifier
    provider: Code
    provider_ref: Identifier
    kind: MovementKind
    gross_minor: int
    fee_minor: int
    net_minor: int
    currency: Code
    settled_on: Code


class MovementExpected(Body, frozen=True, kw_only=True):
    """A movement waits for its line until due_at_ms."""

    movement: ExpectMovement
    due_at_ms: int


class LineFound(Body, frozen=True, kw_only=True):
    """A line waits for what it settles until due_at_ms."""

    line: SettlementLine
    due_at_ms: int


class LineMatched(Body, frozen=True, kw_only=True):
    """A movement and its line agree in kind, amount and currency. line: as first told or restated."""

    movement: ExpectMovement
    line: SettlementLine


class AmountMismatched(Body, frozen=True, kw_only=True):
    """A movement and its line differ in kind, amount or currency."""

    movement: ExpectMovement
    line: SettlementLine


class InternalMissing(Body, frozen=True, kw_only=True):
    """The provider settled what we know nothing of."""

    line: SettlementLine


class ExternalMissing(Body, frozen=True, kw_only=True):
    """The provider has not settled what we expected in time."""

    movement: ExpectMovement


class LineDuplicated(Body, frozen=True, kw_only=True):
    """The provider settled under another line what a line had settled before."""

    line: SettlementLine
    first_line_id: Identifier


AggregateEvent = (
    MovementExpected
    | LineFound
    | LineMatched
    | AmountMismatched
    | InternalMissing
    | ExternalMissing
    | LineDuplicated
)


class MatchSnapshot(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a provider's reference stands: what we expected, what its line says, amounts in minor units.

    duplicates: lines beyond the first that settle the same.
    """

    provider: Code
    provider_ref: Identifier
    status: MatchStatus
    version: int
    duplicates: int = 0
    payment_id: Identifier | None = None
    operation_id: Identifier | None = None
    kind: Code | None = None
    expected_minor: int | None = None
    expected_currency: Code | None = None
    line_id: Identifier | None = None
    file_id: Identifier | None = None
    settled_minor: int | None = None
    settled_currency: Code | None = None
    fee_minor: int | None = None
    settled_on: Code | None = None
