"""Where does the money of a refund come from, may it, and where does it go back to when it fails?"""

from collections.abc import Sequence

from schemas import ids
from schemas.ledger import TransactionPosted
from schemas.outcomes import Outcome
from streams.ledger.chart import MERCHANT_AVAILABLE, MERCHANT_RECEIVABLE, account_id
from streams.ledger.payment import Refund, Sources, returned, taken
from streams.ledger.posting import Met, posted
from streams.ledger.templates import (
    REFUND_FAILED,
    REFUND_REQUESTED,
    REFUND_RESERVED,
    REFUND_REVERSED,
    REFUND_SUCCEEDED,
    Template,
)


def reserve(case: Met) -> Sequence[TransactionPosted] | Outcome:
    """Set the amount aside for a merchant's refund, if the book has it or may owe it."""
    if _open(case) is not None:
        return Outcome.UNEXPECTED_STATE
    sources = _sources(case)
    if sources.owed_minor and not _may_owe(case, sources.owed_minor):
        return Outcome.BALANCE_INSUFFICIENT
    return (_from_sources(case, REFUND_RESERVED, sources),)


def request(case: Met) -> Sequence[TransactionPosted] | Outcome:
    """Set the amount aside for a refund the platform gives; what is missing is owed."""
    if _open(case) is not None:
        return Outcome.UNEXPECTED_STATE
    return (_from_sources(case, REFUND_REQUESTED, _sources(case)),)


def succeed(case: Met) -> Sequence[TransactionPosted] | Outcome:
    """The provider gave back what was set aside; what was not set aside is so first."""
    command, refund = case.command, _open(case)
    if refund is None:
        begun_as = ids.transaction_id(case.names.merchant, command.transaction_id, REFUND_REQUESTED.name)
        requested = _from_sources(case, REFUND_REQUESTED, _sources(case), begun_as)
        return (requested, posted(case, REFUND_SUCCEEDED, command.amount_minor))
    if refund.status != "reserved" or refund.amount_minor != command.amount_minor:
        return Outcome.UNEXPECTED_STATE
    return (posted(case, REFUND_SUCCEEDED, command.amount_minor),)


def fail(case: Met) -> Sequence[TransactionPosted] | Outcome:
    """The provider did not give it back, or took it back: everything returns to where it came from."""
    refund = _open(case)
    if refund is None or refund.amount_minor != case.command.amount_minor:
        return Outcome.UNEXPECTED_STATE
    template = REFUND_FAILED if refund.status == "reserved" else REFUND_REVERSED
    return (_from_sources(case, template, returned(case.payment, refund, case.at_ms)),)


def _open(case: Met) -> Refund | None:
    """The refund the command is about, while anything is set aside or given back for it."""
    refund = case.payment.refund(case.command.operation_id)
    return None if refund is None or refund.status == "failed" else refund


def _sources(case: Met) -> Sources:
    """The payment's own pending money first, then the available balance, and what is missing is owed."""
    amount_minor = case.command.amount_minor
    pending = taken(case.payment.lots, amount_minor)
    left_minor = amount_minor - sum([part_minor for _, part_minor in pending])
    balance = case.rows.counters(account_id(MERCHANT_AVAILABLE, case.names))
    free_minor = balance.credits_posted - balance.debits_posted - balance.debits_pending
    available_minor = min(left_minor, free_minor)
    return Sources(pending, available_minor, left_minor - available_minor)


def _may_owe(case: Met, owed_minor: int) -> bool:
    """Whether the debt stays within what the platform kept of refunded payments, this one included."""
    if case.terms.refund_policy == "refuse":
        return False
    debt = case.rows.counters(account_id(MERCHANT_RECEIVABLE, case.names))
    kept_minor = case.payment.kept_minor - case.payment.allowance_minor
    allowed_minor = case.book.head.allowances.get(case.command.currency, 0) + kept_minor
    return debt.debits_posted - debt.credits_posted + owed_minor <= allowed_minor


def _from_sources(case: Met, template: Template, sources: Sources, begun_as: str = "") -> TransactionPosted:
    return posted(
        case,
        template,
        case.command.amount_minor,
        begun_as=begun_as,
        pending=sources.pending_minor,
        available=sources.available_minor,
        owed=sources.owed_minor,
    )
