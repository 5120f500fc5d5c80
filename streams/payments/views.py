"""How is a payment or refund shown, now and as it was when a command got its result?"""

from collections.abc import Sequence
from typing import Any, Final

from schemas.outcomes import Outcome
from schemas.payment_views import PaymentSnapshot, PaymentView, RefundView
from schemas.payments import PaymentStatus, RefundStatus
from streams.core import NO_SUBJECT, Moment
from streams.payments.state import (
    AUTHORIZING,
    Operation,
    Payment,
    authorization,
    authorized_minor,
    captured_minor,
    payment_status,
    refund_status,
    refunded_minor,
)

# Positions in these tuples are stored with handled commands: append only.
_BLOCK_CODES: Final = (Outcome.BLOCKED_BY_RISK.code, Outcome.NOT_EXECUTED.code)
_FIRST_BLOCK: Final = NO_SUBJECT - 1
"""In the place of an attempt's index: the attempt reached no provider, for the first of those codes."""
_PAYMENT_STATUSES: Final = tuple(PaymentStatus)
_REFUND_STATUSES: Final = tuple(RefundStatus)


def moment(payment: Payment, subject: int) -> Moment:
    """What of the payment may change later: version, age, status, the attempt that counts, amounts.

    Of a refund: version, age, status and the refund.
    """
    age_ms = payment.updated_at_ms - payment.created_at_ms
    if subject != NO_SUBJECT and payment.operations[subject].kind == "refund":
        status = _REFUND_STATUSES.index(refund_status(payment.operations[subject]))
        return (payment.version, age_ms, status, subject)
    attempt = _attempt_index(payment, subject)
    amounts = (authorized_minor(payment), captured_minor(payment), refunded_minor(payment))
    return (payment.version, age_ms, _PAYMENT_STATUSES.index(payment_status(payment)), attempt, *amounts)


def view(payment: Payment, at: Moment) -> PaymentView | RefundView:
    """The answer about the payment, or about the refund the moment names."""
    version, age_ms, status, subject, *amounts = at
    updated_at_ms = payment.created_at_ms + age_ms
    if not amounts:
        return _refund_view(
            payment, payment.operations[subject], version, updated_at_ms, _REFUND_STATUSES[status]
        )
    shown = _shown(payment, subject, version, updated_at_ms, _PAYMENT_STATUSES[status], amounts)
    return PaymentView(**shown, notes=payment.notes)


def after(payment: Payment) -> PaymentSnapshot:
    """The payment as its events show it."""
    amounts = [authorized_minor(payment), captured_minor(payment), refunded_minor(payment)]
    subject = _attempt_index(payment, NO_SUBJECT)
    status = payment_status(payment)
    return PaymentSnapshot(
        **_shown(payment, subject, payment.version, payment.updated_at_ms, status, amounts)
    )


def _attempt_index(payment: Payment, subject: int) -> int:
    """The authorization or sale an answer shows: the one asked about, else the one that counts now."""
    if subject != NO_SUBJECT and payment.operations[subject].kind in AUTHORIZING:
        return subject
    blocked = payment.assessment
    is_failed = payment_status(payment) is PaymentStatus.FAILED
    if is_failed and blocked is not None and blocked.code is not None:
        return _FIRST_BLOCK - _BLOCK_CODES.index(blocked.code)
    counting = authorization(payment)
    return NO_SUBJECT if counting is None else payment.operations.index(counting)


def _shown(
    payment: Payment,
    subject: int,
    version: int,
    updated_at_ms: int,
    status: PaymentStatus,
    amounts: Sequence[int],
) -> dict[str, Any]:
    attempt = payment.operations[subject] if subject > NO_SUBJECT else None
    # An answer told again must not know more than the first time, so a reference is shown only
    # in statuses that cannot come before it.
    is_known = amounts[0] > 0 or status == PaymentStatus.REQUIRES_ACTION
    return {
        "payment_intent_id": f"pi_{payment.payment_key}",
        "payment_id": f"pay_{payment.payment_key}",
        "merchant_id": payment.merchant_id,
        "status": status,
        "amount": payment.amount_minor,
        "amount_authorized": amounts[0],
        "amount_captured": amounts[1],
        "amount_refunded": amounts[2],
        "currency": payment.currency,
        "capture_method": payment.capture_method,
        "created_at_ms": payment.created_at_ms,
        "updated_at_ms": updated_at_ms,
        "version": version,
        "customer_id": payment.customer_id,
        "payment_method": attempt.payment_method if attempt else payment.payment_method,
        "authorization_id": attempt.operation_id if attempt else None,
        "next_action_url": attempt.next_action_url
        if attempt and status == PaymentStatus.REQUIRES_ACTION
        else None,
        "failure_code": _failure_code(attempt, subject) if status == PaymentStatus.FAILED else None,
        "provider": attempt.provider if attempt else None,
        "provider_ref": attempt.provider_ref if attempt and is_known else None,
    }


def _failure_code(attempt: Operation | None, subject: int) -> str | None:
    if subject <= _FIRST_BLOCK:
        return _BLOCK_CODES[_FIRST_BLOCK - subject]
    return attempt.code if attempt else None


def _refund_view(
    payment: Payment, refund: Operation, version: int, updated_at_ms: int, status: RefundStatus
) -> RefundView:
    return RefundView(
        refund_id=refund.operation_id,
        payment_id=f"pay_{payment.payment_key}",
        merchant_id=payment.merchant_id,
        status=status,
        amount=refund.amount_minor,
        currency=payment.currency,
        created_at_ms=refund.requested_at_ms,
        updated_at_ms=updated_at_ms,
        version=version,
        reason=refund.refund_reason,
        failure_code=refund.code if status is RefundStatus.FAILED else None,
        provider_ref=refund.provider_ref if status is RefundStatus.SUCCEEDED else None,
    )
