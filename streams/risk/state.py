"""What is known of the assessments of one payment: those that are open, and what was decided."""

from typing import Final

from msgspec import Struct

from schemas.envelope import WALL_CLOCK, Mode
from schemas.risk import (
    AssessPayment,
    EntityKind,
    Features,
    GatheredEntity,
    RiskDecided,
    RiskEntity,
    Verdict,
)
from streams.features import KeptFeatures, kept, told

DECISIONS_KEPT: Final = 10
"""As many as a payment may have attempts; a repeated request of any of them is told its decision."""
UNASKED_KEPT: Final = 2
"""Assessments whose features came and whose request has not; it was written with the lookups, so it comes."""
ENTITIES_KEPT: Final = 8
"""Entities whose features are kept before the request says which it wants."""


class OpenAssessment(Struct, frozen=True, omit_defaults=True):
    """One that is not decided. request: None while only features have come."""

    assessment_id: str
    request: AssessPayment | None = None
    gathered: tuple[GatheredEntity, ...] = ()


class DecidedInput(Struct, frozen=True, array_like=True):
    """One input of a decision as a row keeps it."""

    kind: EntityKind
    key: str
    features: KeptFeatures | None


class KeptDecision(Struct, frozen=True, array_like=True):
    """A decision as a row keeps it: everything in it, without the names."""

    assessment_id: str
    payment_id: str
    attempt: int
    amount_minor: int
    currency: str
    verdict: Verdict
    reason_code: str
    ruleset_id: str
    inputs: tuple[DecidedInput, ...]
    rule: str | None


class Assessments(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The assessments of one payment. decided: the latest DECISIONS_KEPT, in the order they were made."""

    state_version: int = 1
    merchant_id: str
    mode: Mode
    version: int
    clock_id: str = WALL_CLOCK
    open: tuple[OpenAssessment, ...] = ()
    decided: tuple[KeptDecision, ...] = ()


def opened(state: Assessments | None, assessment_id: str) -> OpenAssessment | None:
    """The open assessment with this id."""
    for one in () if state is None else state.open:
        if one.assessment_id == assessment_id:
            return one
    return None


def decision(state: Assessments | None, assessment_id: str) -> KeptDecision | None:
    """The remembered decision of this assessment."""
    for one in () if state is None else state.decided:
        if one.assessment_id == assessment_id:
            return one
    return None


def features_of(assessment: OpenAssessment, entity: RiskEntity) -> Features | None:
    """What was gathered of an entity."""
    for one in assessment.gathered:
        if one.entity.key == entity.key:
            return one.features
    return None


def is_complete(assessment: OpenAssessment) -> bool:
    """True when it was asked for and everything it asks for has come."""
    request = assessment.request
    return request is not None and all(features_of(assessment, one) is not None for one in request.entities)


def to_row(body: RiskDecided) -> KeptDecision:
    """A decision in the form of a row."""
    return KeptDecision(
        assessment_id=body.assessment_id,
        payment_id=body.payment_id,
        attempt=body.attempt,
        amount_minor=body.amount_minor,
        currency=body.currency,
        verdict=body.verdict,
        reason_code=body.reason_code,
        ruleset_id=body.ruleset_id,
        inputs=tuple(
            DecidedInput(
                one.entity.kind, one.entity.key, None if one.features is None else kept(one.features)
            )
            for one in body.inputs
        ),
        rule=body.rule,
    )


def to_message(row: KeptDecision) -> RiskDecided:
    """A decision in the form of a message."""
    return RiskDecided(
        assessment_id=row.assessment_id,
        payment_id=row.payment_id,
        attempt=row.attempt,
        amount_minor=row.amount_minor,
        currency=row.currency,
        verdict=row.verdict,
        reason_code=row.reason_code,
        ruleset_id=row.ruleset_id,
        inputs=tuple(
            GatheredEntity(
                entity=RiskEntity(kind=one.kind, key=one.key),
                features=None if one.features is None else told(one.features),
            )
            for one in row.inputs
        ),
        rule=row.rule,
    )
