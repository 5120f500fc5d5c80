"""What does the ledger post of holds and captures? Facts: what does not fit the books still happened."""

from schemas.ledger import RecordCapture, RecordHold
from schemas.outcomes import Outcome
from streams.ledger.posting import Case, Posted, posted, sale
from streams.ledger.templates.payments import CAPTURE, HOLD, RELEASE


def hold(case: Case) -> Posted:
    """Announce the amount."""
    command = case.command
    assert isinstance(command, RecordHold), "a hold is recorded"
    amount_minor = command.amount_minor
    return (posted(case, HOLD, {"amount": amount_minor}, amount_minor, expires_at_ms=command.expires_at_ms),)


def release(case: Case) -> Posted:
    """Take back what is still announced, at most the amount; nothing happens when nothing is."""
    amount_minor = min(case.amount_minor, _held_minor(case))
    if amount_minor:
        return (posted(case, RELEASE, {"amount": amount_minor}, amount_minor),)
    is_expired = any(hold.is_expired for hold in case.payment.holds_of(case.command.operation_id))
    return Outcome.HOLD_EXPIRED if is_expired else Outcome.UNEXPECTED_STATE


def capture(case: Case) -> Posted:
    """Post the amount, gross and then what is deducted; what was held of it is announced no longer."""
    if case.payment.lot(case.command.operation_id) is not None:
        return Outcome.UNEXPECTED_STATE
    amount_minor = case.amount_minor
    amounts = {"amount": amount_minor, "from_hold": min(amount_minor, _held_minor(case))}
    command = case.command
    assert isinstance(command, RecordCapture), "a capture is recorded"
    return (sale(case, CAPTURE, amounts, command.method),)


def _held_minor(case: Case) -> int:
    return case.payment.held_minor(case.names.provider, case.command.operation_id, case.names.currency)
