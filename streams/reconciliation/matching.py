"""When does a line settle a movement, and when are two lines or two movements the same?"""

from schemas.reconciliation import (
    AmountMismatched,
    ExpectMovement,
    LineMatched,
    SettlementLine,
)


def judged(movement: ExpectMovement, line: SettlementLine) -> LineMatched | AmountMismatched:
    """Whether a movement and its line agree in kind, amount and currency."""
    if (
        line.kind == movement.kind
        and line.currency == movement.currency
        and moved(line) == moved_by(movement)
    ):
        return LineMatched(movement=movement, line=line)
    return AmountMismatched(movement=movement, line=line)


def moved(line: SettlementLine) -> int:
    """What a line says was moved for the customer, in minor units: negative when it was given back."""
    return line.gross_minor


def moved_by(movement: ExpectMovement) -> int:
    """What our movement should read in the provider's file, in minor units."""
    return -movement.amount_minor if movement.kind == "refund" else movement.amount_minor


def is_same_line(one: SettlementLine, other: SettlementLine) -> bool:
    """Whether `other` is `one` told again or restated: the same number in the same batch.

    The same number in another batch is money settled a second time, not a correction: a batch is
    restated as a whole, under its own name.
    """
    return one.line_id == other.line_id and one.file_id == other.file_id


def is_same_movement(one: ExpectMovement, other: ExpectMovement) -> bool:
    """Whether `other` is `one` told again or corrected: the movement of the same operation."""
    return one.operation_id == other.operation_id
