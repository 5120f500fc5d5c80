"""How is a payment or refund shown, now and as it was when a command got its result?"""

from collections.abc import Sequence
from typing import Any, Final

from schemas.payments import PaymentSnapshot, PaymentStatus, PaymentView, RefundStatus, RefundView
from streams.core import NO_SUBJECT, Moment
from streams.payments.state import (
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
_PAYMENT_STATUSES: Final = tuple(PaymentStatus)
_REFUND_STATUSES: Final = tuple(RefundStatus)


def moment(payment: Payment, subject: int) -> Moment:
    """What of the payment may change later: version, age, status, amounts; and the operation asked about."""
    age_ms = payment.updated_at_ms - payment.created_at_ms
    if subject != NO_SUBJECT and payment.operations[subject].kind == "refund":
        status = _REFUND_STATUSES.index(refund_status(payment.operations[subject]))
        return (payment.version, age_ms, status, subject)
    amounts = (authorized_minor(payment), captured_minor(payment), refunded_minor(payment))
    return (payment.version, age_ms, _PAYMENT_STATUSES.index(payment_status(payment)), subject, *amounts)


def view(payment: Payment, at: Moment) -> PaymentView | RefundView:
    """The answer about the payment, or about the refund the moment names."""
    version, age_ms, status, subject, *amounts = at
    updated_at_ms = payment.created_at_ms + age_ms
    if not amounts:
        return _refund_view(
            payment, payment.operations[subject], version, updated_at_ms, _REFUND_STATUSES[status]
        )
    named = payment.operations[subject] if subject != NO_SUBJECT else None
    attempt = named if named is not None and named.kind in ("authorize", "sale") else authorization(payment)
    snapshot = _snapshot(payment, attempt, version, updated_at_ms, _PAYMENT_STATUSES[status], amounts)
    return PaymentView(**snapshot, notes=payment.notes)


def after(payment: Payment) -> PaymentSnapshot:
    """The payment as its events show it."""
    amounts = [authorized_minor(payment), captured_minor(payment), refunded_minor(payment)]
    shown = _snapshot(
        payment,
        authorization(payment),
        payment.version,
        payment.updated_at_ms,
        payment_status(payment),
        amounts,
    )
    return PaymentSnapshot(**shown)


def _snapshot(
    payment: Payment,
    attempt: Operation | None,
    version: int,
    updated_at_ms: int,
    status: PaymentStatus,
    amounts: Sequence[int],
) -> dict[str, Any]:
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
        "next_action_url": attempt.next_action_url if attempt and status == "requires_action" else None,
        "failure_code": attempt.code if attempt and status == "failed" else None,
        "provider": attempt.provider if attempt else None,
        "provider_ref": attempt.provider_ref if attempt else None,
    }


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
        failure_code=refund.code if status == "failed" else None,
        provider_ref=refund.provider_ref,
    )
