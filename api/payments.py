"""How are payments captured, voided, refunded, read and listed?"""

from msgspec import Struct

from api import parsing
from api.answers import Answer
from api.calls import Call
from api.lists import list_answer, page_of
from api.payment_reads import read_payment
from api.problems import Problem
from api.requests_log import NOBODY
from api.services import Services
from schemas import ids
from schemas.outcomes import Outcome
from schemas.payment_commands import CapturePayment, RefundPayment, ReviewPayment, VoidPayment
from schemas.payments import PaymentStatus, ReviewDecision
from schemas.rendering import payment_answer


class CaptureBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /v1/payments/{id}/capture; without an amount all that is authorized."""

    amount: parsing.Amount | None = None
    idempotency_key: str | None = None


class VoidBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /v1/payments/{id}/void."""

    idempotency_key: str | None = None


class RefundBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /v1/payments/{id}/refunds; without an amount all that is left."""

    amount: parsing.Amount | None = None
    reason: parsing.Text | None = None
    idempotency_key: str | None = None


class ReviewBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /v1/payments/{id}/review."""

    decision: ReviewDecision
    reason: parsing.Text | None = None
    idempotency_key: str | None = None


async def capture(services: Services, call: Call) -> Answer:
    """POST /v1/payments/{payment_id}/capture."""
    payment_id = call.part("payment_id")
    body = parsing.parse_body(call.body, CaptureBody)
    command = CapturePayment(amount_minor=_amount(body.amount))
    scope = call.scope(body.idempotency_key)
    return await services.payments.answer(
        call,
        command,
        key=parsing.object_key(payment_id, "pay"),
        command_id=scope.command_id(payment_id),
        status_url=f"/v1/payments/{payment_id}",
    )


async def void(services: Services, call: Call) -> Answer:
    """POST /v1/payments/{payment_id}/void."""
    payment_id = call.part("payment_id")
    scope = call.scope(parsing.parse_body(call.body, VoidBody).idempotency_key)
    return await services.payments.answer(
        call,
        VoidPayment(),
        key=parsing.object_key(payment_id, "pay"),
        command_id=scope.command_id(payment_id),
        status_url=f"/v1/payments/{payment_id}",
    )


async def refund(services: Services, call: Call) -> Answer:
    """POST /v1/payments/{payment_id}/refunds."""
    payment_id = call.part("payment_id")
    body = parsing.parse_body(call.body, RefundBody)
    command = RefundPayment(amount_minor=_amount(body.amount), reason=body.reason)
    scope = call.scope(body.idempotency_key)
    key, command_id = parsing.object_key(payment_id, "pay"), scope.command_id(payment_id)
    return await services.payments.answer(
        call,
        command,
        key=key,
        command_id=command_id,
        status_url=f"/v1/refunds/{ids.operation_id('ref', key, command_id)}",
    )


async def review(services: Services, call: Call) -> Answer:
    """POST /v1/payments/{payment_id}/review: an operator approves or declines what risk held."""
    payment_id = call.part("payment_id")
    body = parsing.parse_body(call.body, ReviewBody)
    scope = call.scope(body.idempotency_key, owner=NOBODY)
    return await services.payments.answer(
        call,
        ReviewPayment(decision=body.decision, reason=body.reason),
        key=parsing.object_key(payment_id, "pay"),
        command_id=scope.command_id(payment_id),
        status_url=f"/v1/payments/{payment_id}",
        merchant_id=NOBODY,
    )


async def get(services: Services, call: Call) -> Answer:
    """GET /v1/payments/{payment_id}."""
    payment_id = call.part("payment_id")
    parsing.object_key(payment_id, "pay")
    return await read_payment(services, call, payment_id)


async def list_payments(services: Services, call: Call) -> Answer:
    """GET /v1/payments, newest first."""
    query = call.query("limit", "starting_after", "status", "customer_id", "created_after")
    page = page_of(query)
    filters: dict[str, object] = {}
    if "status" in query:
        filters["status"] = _status(query["status"])
    if "customer_id" in query:
        filters["customer_id"] = parsing.writable(query["customer_id"], "customer_id")
    if "created_after" in query:
        filters["created_after"] = parsing.time_of(query["created_after"], "created_after")
    if page.starting_after is not None:
        filters["starting_after"] = page.starting_after
        if await services.queries.payment(page.starting_after, call.merchant_id) is None:
            raise Problem(Outcome.PARAMETER_INVALID, "you have no such payment", param="starting_after")
    found = await services.queries.payments(call.merchant_id, filters, page.limit + 1)
    return list_answer(call, page, [payment_answer(view) for view in found])


def _amount(amount: parsing.Amount | None) -> int | None:
    return None if amount is None else parsing.amount_minor(amount, None)


def _status(value: str) -> str:
    try:
        return PaymentStatus(value).value
    except ValueError as error:
        detail = f"one of {', '.join(PaymentStatus)}"
        raise Problem(Outcome.PARAMETER_INVALID, detail, param="status") from error
