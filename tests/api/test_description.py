"""Does the API's description tell the truth, and all of it?"""

import msgspec
import pytest
from msgspec import Struct

from api import balance, merchants, operations, operators, payment_intents, payments
from api.description import described
from api.routes import ROUTES
from schemas.payments import PaymentStatus
from schemas.rendering import PaymentAnswer, RefundAnswer

DOCUMENT = described()


def test_every_route_is_documented_and_every_documented_route_exists() -> None:
    """A description that drifts is worse than none."""
    documented = {
        (method.upper(), path)
        for path, methods in DOCUMENT["paths"].items()
        for method in methods
        if method in ("get", "post", "put", "patch", "delete")
    }
    assert {(route.method, route.path) for route in ROUTES} == documented


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("CreatePaymentIntent", payment_intents.CreateBody),
        ("ConfirmPaymentIntent", payment_intents.ConfirmBody),
        ("OnlyKey", payment_intents.CancelBody),
        ("OnlyKey", payments.VoidBody),
        ("CapturePayment", payments.CaptureBody),
        ("RefundPayment", payments.RefundBody),
        ("CreateMerchant", merchants.CreateBody),
        ("CreateOperator", operators.CreateBody),
        ("ResolveOperation", operations.ResolveBody),
        ("Payment", PaymentAnswer),
        ("Refund", RefundAnswer),
        ("Balance", balance.BalanceAnswer),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.__module__}.{value.__name__}",
)
def test_bodies_and_answers_have_the_documented_fields(name: str, model: type[Struct]) -> None:
    """A client generated from the description must be able to send and read every field."""
    schema = DOCUMENT["components"]["schemas"][name]
    fields = msgspec.structs.fields(model)
    assert {field.encode_name for field in fields} == schema["properties"].keys()
    if model not in (PaymentAnswer, RefundAnswer, balance.BalanceAnswer):
        assert {field.encode_name for field in fields if field.required} == set(schema.get("required", ()))


def test_the_statuses_are_documented() -> None:
    """Clients switch on the status."""
    assert list(PaymentStatus) == DOCUMENT["components"]["schemas"]["PaymentStatus"]["enum"]


def test_every_reference_leads_somewhere() -> None:
    """A broken reference breaks every generator."""
    text = msgspec.json.encode(DOCUMENT).decode()
    for part in text.split('"$ref":"#/')[1:]:
        target = DOCUMENT
        for name in part.partition('"')[0].split("/"):
            target = target[name]
