"""How are payment intents created, confirmed and canceled?"""

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated

from msgspec import Meta, Struct

from api import parsing
from api.answers import Answer
from api.calls import Call
from api.payment_reads import read_payment
from api.problems import Problem
from api.services import Services
from schemas import ids
from schemas.envelope import Mode
from schemas.outcomes import Outcome
from schemas.payment_commands import CancelPaymentIntent, ConfirmPaymentIntent, CreatePaymentIntent
from schemas.payments import CaptureMethod, CustomerContext, PaymentMethod, PaymentMethodType, PaymentNotes

MetadataKey = Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[^\x00]*\Z")]


class PaymentMethodBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the customer pays. token: stands for the card; a card number is refused."""

    type: PaymentMethodType
    token: Annotated[str, Meta(min_length=5, max_length=64, pattern=r"^tok_[A-Za-z0-9_]+\Z")]


class CreateBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /v1/payment_intents. amount: minor units. metadata: at most 50 entries."""

    amount: parsing.Amount
    currency: str
    capture_method: CaptureMethod = "automatic"
    merchant_id: str | None = None
    customer_id: parsing.Reference | None = None
    payment_method: PaymentMethodBody | None = None
    description: parsing.Text | None = None
    metadata: Annotated[dict[MetadataKey, parsing.Text], Meta(max_length=50)] = {}
    idempotency_key: str | None = None


class ConfirmBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /v1/payment_intents/{id}/confirm; without a payment method the stored one is used.

    customer_ip, device_id: where the attempt comes from, for risk; only digests of them are kept.
    """

    payment_method: PaymentMethodBody | None = None
    customer_ip: str | None = None
    device_id: parsing.Reference | None = None
    idempotency_key: str | None = None


class CancelBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /v1/payment_intents/{id}/cancel."""

    idempotency_key: str | None = None


async def create(services: Services, call: Call) -> Answer:
    """POST /v1/payment_intents."""
    body = parsing.parse_body(call.body, CreateBody)
    if body.merchant_id is not None and body.merchant_id != call.merchant_id:
        raise Problem(Outcome.FORBIDDEN, "the key belongs to another merchant", param="merchant_id")
    currency = parsing.currency_of(body.currency)
    command = CreatePaymentIntent(
        amount_minor=parsing.amount_minor(body.amount, currency),
        currency=currency,
        capture_method=body.capture_method,
        customer_id=body.customer_id,
        payment_method=_payment_method(body.payment_method),
        notes=PaymentNotes(description=body.description, metadata=body.metadata),
    )
    scope = call.scope(body.idempotency_key)
    key = scope.payment_key()
    return await services.payments.answer(
        call, command, key=key, command_id=scope.command_id(key), status_url=f"/v1/payment_intents/pi_{key}"
    )


async def confirm(services: Services, call: Call) -> Answer:
    """POST /v1/payment_intents/{payment_intent_id}/confirm."""
    intent_id = call.part("payment_intent_id")
    body = parsing.parse_body(call.body, ConfirmBody)
    scope = call.scope(body.idempotency_key)
    return await services.payments.answer(
        call,
        ConfirmPaymentIntent(
            payment_method=_payment_method(body.payment_method), context=_context(call.mode, body)
        ),
        key=parsing.object_key(intent_id, "pi"),
        command_id=scope.command_id(intent_id),
        status_url=f"/v1/payment_intents/{intent_id}",
    )


async def cancel(services: Services, call: Call) -> Answer:
    """POST /v1/payment_intents/{payment_intent_id}/cancel."""
    intent_id = call.part("payment_intent_id")
    scope = call.scope(parsing.parse_body(call.body, CancelBody).idempotency_key)
    return await services.payments.answer(
        call,
        CancelPaymentIntent(),
        key=parsing.object_key(intent_id, "pi"),
        command_id=scope.command_id(intent_id),
        status_url=f"/v1/payment_intents/{intent_id}",
    )


async def get(services: Services, call: Call) -> Answer:
    """GET /v1/payment_intents/{payment_intent_id}."""
    key = parsing.object_key(call.part("payment_intent_id"), "pi")
    return await read_payment(services, call, f"pay_{key}")


def _context(mode: Mode, body: ConfirmBody) -> CustomerContext:
    """Keys to count by. One address is written in one way, whichever of its forms was sent."""
    ip_key = device_key = None
    if body.customer_ip is not None:
        ip_key = ids.entity_key("ip", mode, str(_address(body.customer_ip)))
    if body.device_id is not None:
        device_key = ids.entity_key("device", mode, body.device_id)
    return CustomerContext(ip_key=ip_key, device_key=device_key)


def _address(text: str) -> IPv4Address | IPv6Address:
    """An IPv6 address counts by its /64, which is what one customer is given."""
    try:
        address = ip_address(text)
    except ValueError as error:
        detail = "an IPv4 or IPv6 address, such as 203.0.113.9"
        raise Problem(Outcome.PARAMETER_INVALID, detail, param="customer_ip") from error
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64)


def _payment_method(body: PaymentMethodBody | None) -> PaymentMethod | None:
    return None if body is None else PaymentMethod(type=body.type, token=body.token)
