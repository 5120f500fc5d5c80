"""What does the ledger post of holds and captures? Facts: what does not fit the books still happened."""

from collections.abc import Sequence
from typing import Final

from schemas.ledger import Terms, TransactionPosted
from schemas.outcomes import Outcome
from streams.ledger.posting import Met, posted
from streams.ledger.templates import CAPTURE, HOLD, RELEASE

_DAY_MS: Final = 86_400_000
_BASIS_POINTS: Final = 10_000


def hold(case: Met) -> Sequence[TransactionPosted] | Outcome:
    """Announce the amount."""
    return (posted(case, HOLD, case.command.amount_minor),)


def release(case: Met) -> Sequence[TransactionPosted] | Outcome:
    """Take back what is still announced, at most the amount; nothing happens when nothing is."""
    amount_minor = min(case.command.amount_minor, _held_minor(case))
    return (posted(case, RELEASE, amount_minor),) if amount_minor else Outcome.UNEXPECTED_STATE


def capture(case: Met) -> Sequence[TransactionPosted] | Outcome:
    """Post the amount, gross and then the fee; what was held of it is announced no longer."""
    command = case.command
    if case.payment.lot(command.operation_id) is not None:
        return Outcome.UNEXPECTED_STATE
    amount_minor = command.amount_minor
    transaction = posted(
        case,
        CAPTURE,
        amount_minor,
        available_at_ms=case.at_ms + case.terms.settlement_days * _DAY_MS,
        fee=fee_minor(amount_minor, case.terms),
        from_hold=min(amount_minor, _held_minor(case)),
    )
    return (transaction,)


def fee_minor(amount_minor: int, terms: Terms) -> int:
    """What the platform keeps of a capture, rounded down; never more than the capture."""
    return min(amount_minor, amount_minor * terms.fee_bps // _BASIS_POINTS + terms.fee_fixed_minor)


def _held_minor(case: Met) -> int:
    return case.payment.holds.get(case.command.provider, 0)
