"""How do tests of risk speak: requests, features and rules, with defaults that match nothing."""

from typing import Any

from schemas.envelope import Message
from schemas.risk import (
    AssessPayment,
    Condition,
    EntityFeatures,
    Features,
    RiskEntity,
    Rule,
)
from schemas.testing import START_MS, envelope

CARD = RiskEntity(kind="card", key="card_0000000000000000000000aa")
CUSTOMER = RiskEntity(kind="customer", key="customer_0000000000000000bb")
IP = RiskEntity(kind="ip", key="ip_00000000000000000000cc")
DEVICE = RiskEntity(kind="device", key="device_000000000000000000dd")
ENTITIES = (CARD, CUSTOMER, IP, DEVICE)
DUE_MS = START_MS + 2_000


def features(**changes: Any) -> Features:
    """The features of a first attempt."""
    fields: dict[str, Any] = {
        "attempts_1m": 1,
        "attempts_10m": 1,
        "attempts_1h": 1,
        "attempts_24h": 1,
        "cards_1h": 1,
        "cards_24h": 1,
        "amount_24h_minor": 10_000,
    }
    return Features(**{**fields, **changes})


def request(attempt: int = 1, **changes: Any) -> Message[AssessPayment]:
    """Payments asks for a decision on an attempt."""
    fields: dict[str, Any] = {
        "assessment_id": f"asm_{attempt}",
        "payment_id": "pay_1",
        "attempt": attempt,
        "amount_minor": 10_000,
        "currency": "USD",
        "entities": ENTITIES,
        "due_at_ms": DUE_MS,
    }
    body = AssessPayment(**{**fields, **changes})
    return Message(envelope=envelope(f"request-{attempt}"), body=body)


def gathered(entity: RiskEntity, attempt: int = 1, **changes: Any) -> Message[EntityFeatures]:
    """The windows tell what they hold of an entity at an attempt."""
    body = EntityFeatures(assessment_id=f"asm_{attempt}", entity=entity, features=features(**changes))
    return Message(envelope=envelope(f"features-{entity.key}-{attempt}"), body=body)


def rule(name: str, *when: tuple[Any, Any, Any], verdict: Any = "block") -> Rule:
    """A rule whose reason code is its name in capitals."""
    conditions = tuple(
        Condition(field=field, operator=operator, value=value) for field, operator, value in when
    )
    return Rule(name=name, when=conditions, verdict=verdict, reason_code=name.upper())
