"""Which row follows from a decision of risk?"""

from datetime import datetime
from typing import Final

from msgspec import Struct

from connectors.postgres.events import Event
from connectors.postgres.personal import json_text
from connectors.postgres.projection import Projection
from connectors.postgres.tables import Document, Table, at
from schemas.risk import RiskDecided


class RiskDecisionRow(Struct, frozen=True, kw_only=True):
    """A row of mart.risk_decisions; `inputs` is a JSON text."""

    assessment_id: str
    payment_id: str
    merchant_id: str
    mode: str
    attempt: int
    amount_minor: int
    currency: str
    verdict: str
    reason_code: str
    rule: str | None
    ruleset_id: str
    inputs: Document
    decided_at: datetime


RISK_DECISIONS: Final = Table("mart.risk_decisions", RiskDecisionRow, "assessment_id")


def project(projection: Projection, event: Event) -> None:
    """The decision; an attempt has one, and telling it again changes nothing."""
    envelope, body = event.message.envelope, event.message.body
    assert isinstance(body, RiskDecided), f"{type(body).__name__} is no decision of risk"
    row = RiskDecisionRow(
        assessment_id=body.assessment_id,
        payment_id=body.payment_id,
        merchant_id=envelope.merchant_id,
        mode=envelope.mode,
        attempt=body.attempt,
        amount_minor=body.amount_minor,
        currency=body.currency,
        verdict=body.verdict,
        reason_code=body.reason_code,
        rule=body.rule,
        ruleset_id=body.ruleset_id,
        inputs=json_text(body.inputs),
        decided_at=at(envelope.occurred_at_ms),
    )
    projection.log(RISK_DECISIONS, event, row)
