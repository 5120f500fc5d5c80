"""How is a payment or refund shown outside: flat JSON objects, times in RFC 3339; in answers and in webhooks alike."""

from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import UNSET, Struct, UnsetType

from schemas.outcomes import DECLINE_CODES, Outcome
from schemas.payment_views import PaymentView, RefundView
from schemas.payments import PaymentMethod

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# What a provider calls a refusal may read like one of our own, and means something else.
_OUTCOME_BY_CODE: Final = {outcome.code: outcome for outcome in Outcome if not outcome.is_refusal}


class NextAction(Struct, frozen=True, kw_only=True):
    """What the customer has to do: open this address."""

    redirect_url: str
    type: str = "redirect"


class LastError(Struct, frozen=True, kw_only=True):
    """Why the last attempt failed. decline_code: the issuer's reason, None when it was none of theirs."""

    type: str
    code: str
    message: str
    decline_code: str | None = None


class PaymentAnswer(Struct, frozen=True, kw_only=True):
    """A payment intent and its payment. Amounts in minor units; `stale`: a newer version was asked for."""

    object: str = "payment"
    payment_intent_id: str
    payment_id: str
    merchant_id: str
    status: str
    amount: int
    amount_authorized: int
    amount_captured: int
    amount_refunded: int
    currency: str
    capture_method: str
    customer_id: str | None
    payment_method: PaymentMethod | None
    authorization_id: str | None
    next_action: NextAction | None
    last_error: LastError | None
    description: str | None
    metadata: dict[str, str]
    created_at: str
    updated_at: str
    version: int
    stale: bool | UnsetType = UNSET


class RefundAnswer(Struct, frozen=True, kw_only=True):
    """A refund of a payment. Amount in minor units."""

    object: str = "refund"
    refund_id: str
    payment_id: str
    merchant_id: str
    status: str
    amount: int
    currency: str
    reason: str | None
    last_error: LastError | None
    created_at: str
    updated_at: str
    version: int
    stale: bool | UnsetType = UNSET


def shown(view: PaymentView | RefundView, stale: bool | UnsetType = UNSET) -> PaymentAnswer | RefundAnswer:
    """A payment or refund as answers show it."""
    return payment_answer(view, stale) if isinstance(view, PaymentView) else refund_answer(view, stale)


def payment_answer(view: PaymentView, stale: bool | UnsetType = UNSET) -> PaymentAnswer:
    """A payment as answers show it."""
    url = view.next_action_url
    return PaymentAnswer(
        payment_intent_id=view.payment_intent_id,
        payment_id=view.payment_id,
        merchant_id=view.merchant_id,
        status=view.status.value,
        amount=view.amount,
        amount_authorized=view.amount_authorized,
        amount_captured=view.amount_captured,
        amount_refunded=view.amount_refunded,
        currency=view.currency,
        capture_method=view.capture_method,
        customer_id=view.customer_id,
        payment_method=view.payment_method,
        authorization_id=view.authorization_id,
        next_action=None if url is None else NextAction(redirect_url=url),
        last_error=_last_error(view.failure_code),
        description=view.notes.description,
        metadata=view.notes.metadata,
        created_at=rfc3339(view.created_at_ms),
        updated_at=rfc3339(view.updated_at_ms),
        version=view.version,
        stale=stale,
    )


def refund_answer(view: RefundView, stale: bool | UnsetType = UNSET) -> RefundAnswer:
    """A refund as answers show it."""
    return RefundAnswer(
        refund_id=view.refund_id,
        payment_id=view.payment_id,
        merchant_id=view.merchant_id,
        status=view.status.value,
        amount=view.amount,
        currency=view.currency,
        reason=view.reason,
        last_error=_last_error(view.failure_code),
        created_at=rfc3339(view.created_at_ms),
        updated_at=rfc3339(view.updated_at_ms),
        version=view.version,
        stale=stale,
    )


def rfc3339(at_ms: int) -> str:
    """Unix milliseconds as `2026-01-31T12:00:00.000Z`."""
    return (_EPOCH + timedelta(milliseconds=at_ms)).isoformat(timespec="milliseconds")[:-6] + "Z"


def _last_error(code: str | None) -> LastError | None:
    if code is None:
        return None
    if code in DECLINE_CODES:
        declined = Outcome.DECLINED
        return LastError(
            type="card_error", code=declined.code, message=DECLINE_CODES[code], decline_code=code
        )
    known = _OUTCOME_BY_CODE.get(code, Outcome.REFUSED_BY_PROVIDER)
    return LastError(type=known.value.error_type or "api_error", code=code, message=known.value.message)
