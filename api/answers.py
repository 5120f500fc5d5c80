"""What does an answer look like: flat JSON objects, times in RFC 3339, and what the request log keeps of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from api.problems import Problem
from schemas.api import Reply
from schemas.merchants import AccountView
from schemas.outcomes import DECLINE_CODES, GENERIC_DECLINE, Outcome
from schemas.payments import PaymentMethod, PaymentView, RefundView

JSON: Final = "application/json"
REPLAYED_HEADER: Final = "Idempotent-Replayed"

_ACCEPTED: Final = 202
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# What a provider calls a refusal may read like one of our own, and means something else.
_OUTCOME_BY_CODE: Final = {outcome.code: outcome for outcome in Outcome if not outcome.is_refusal}
to_json = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer to send. object_id and object_version: what it is about, for the request log."""

    outcome: Outcome
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON
    object_id: str | None = None
    object_version: int | None = None
    is_replayed: bool = False


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


class ListAnswer(Struct, frozen=True, kw_only=True):
    """One page of a list, newest first."""

    object: str = "list"
    url: str
    has_more: bool
    data: list[Any]  # each list fills it with one kind of answer


class PendingAnswer(Struct, frozen=True, kw_only=True):
    """A request that was accepted and has no result yet."""

    object: str = "pending"
    object_id: str
    status_url: str


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


def view_id(view: PaymentView | RefundView) -> str:
    """Id by which a view is found."""
    return view.payment_id if isinstance(view, PaymentView) else view.refund_id


def reply_answer(reply: Reply, status_url: str) -> Answer:
    """The answer to a command about a payment. Raises Problem for refusals and declines."""
    outcome = Outcome.numbered(reply.outcome)
    view = reply.view
    assert not isinstance(view, AccountView), "a payment command is answered with a payment or refund"
    headers = {REPLAYED_HEADER: "true"} if reply.replayed else {}
    if outcome.value.error_type is not None:
        raise _refusal(outcome, reply, view, headers)
    assert view is not None, f"{outcome} is told without its object"
    if outcome.value.http_status == _ACCEPTED:
        headers["Location"] = status_url
    return Answer(
        outcome=outcome,
        body=to_json(shown(view)),
        headers=headers,
        object_id=view_id(view),
        object_version=view.version,
        is_replayed=reply.replayed,
    )


def rfc3339(at_ms: int) -> str:
    """Unix milliseconds as `2026-01-31T12:00:00.000Z`."""
    return (_EPOCH + timedelta(milliseconds=at_ms)).isoformat(timespec="milliseconds")[:-6] + "Z"


def _refusal(
    outcome: Outcome, reply: Reply, view: PaymentView | RefundView | None, headers: Mapping[str, str]
) -> Problem:
    detail = None
    if reply.differing:
        detail = f"differing parameters: {', '.join(reply.differing)}"
    elif outcome is Outcome.UNEXPECTED_STATE and view is not None:
        detail = f"the status is {view.status.value}"
    return Problem(
        outcome,
        detail,
        param=reply.differing[0] if reply.differing else None,
        decline_code=_decline_code(view) if outcome is Outcome.DECLINED else None,
        shown=None if view is None else shown(view),
        object_id=None if view is None else view_id(view),
        headers=headers,
    )


def _decline_code(view: PaymentView | RefundView | None) -> str:
    code = None if view is None else view.failure_code
    return code if code in DECLINE_CODES else GENERIC_DECLINE


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
