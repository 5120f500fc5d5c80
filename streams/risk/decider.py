"""What follows from a request, from features, or from their not coming: an assessment is decided once.

Features and requests come on different topics, so either may be first. What completes an assessment
leads to the decision alone, which names every input.
"""

from collections.abc import Sequence
from typing import Any, assert_never

from msgspec import Struct
from msgspec.structs import asdict, replace

from schemas import topics
from schemas.api import View
from schemas.envelope import Message
from schemas.risk import (
    AssessmentEvent,
    AssessmentOpened,
    AssessPayment,
    EntityFeatures,
    FeaturesGathered,
    GatheredEntity,
    RiskDecided,
)
from streams.core import Again, Decision, Elapsed, Moment, Send
from streams.risk.rules import Facts, Ruleset, evaluate
from streams.risk.state import (
    DECISIONS_KEPT,
    ENTITIES_KEPT,
    UNASKED_KEPT,
    Assessments,
    OpenAssessment,
    decision,
    features_of,
    is_complete,
    opened,
    to_message,
    to_row,
)


class Counts(Struct, frozen=True):
    """How many assessments are open and how many decisions remembered: as their events show them."""

    open: int
    decided: int


def decide(
    state: Assessments | None, message: Message[Any], *, ruleset: Ruleset
) -> Decision[AssessmentEvent]:
    """Decide a request or features of an assessment, or the coming of the earliest deadline."""
    body = message.body
    merchant_id = message.envelope.merchant_id if state is None else state.merchant_id
    match body:
        case AssessPayment():
            return _requested(state, body, merchant_id, ruleset)
        case EntityFeatures():
            return _gathered(state, body, merchant_id, ruleset)
        case Elapsed():
            return () if state is None else _elapsed(state, body.now_ms, merchant_id, ruleset)
        case _:
            raise AssertionError(f"nothing about assessments: {type(body).__name__}")


def evolve(state: Assessments | None, event: Message[AssessmentEvent]) -> Assessments:
    """The assessments after one event."""
    if state is None:
        state = Assessments(merchant_id=event.envelope.merchant_id, mode=event.envelope.mode, version=0)
    body, version = event.body, event.envelope.version
    match body:
        case AssessmentOpened(request=request):
            asked = _with_request(state, request)
            return replace(state, version=version, open=_put(state.open, asked))
        case FeaturesGathered():
            richer = _with_features(state, body)
            return replace(state, version=version, open=_put(state.open, richer))
        case RiskDecided():
            still_open = tuple(one for one in state.open if one.assessment_id != body.assessment_id)
            decided = (*state.decided, to_row(body))[-DECISIONS_KEPT:]
            return replace(state, version=version, open=still_open, decided=decided)
        case _:
            assert_never(body)


def react(state: Assessments, event: Message[AssessmentEvent]) -> Sequence[Send]:
    """A decision is told to the payment."""
    return (Send(topics.RISK_DECISIONS, event.body),) if isinstance(event.body, RiskDecided) else ()


def deadline_ms(state: Assessments) -> int | None:
    """The earliest time at which an open assessment is decided without what is missing."""
    return min((one.request.due_at_ms for one in state.open if one.request is not None), default=None)


def moment(state: Assessments, subject: int) -> Moment:
    """Requests for a decision are no commands; nobody waits for an answer."""
    return (state.version,)


def view(state: Assessments, at: Moment) -> View:
    """There is none: a decision is told on its topic."""
    raise AssertionError("an assessment is not shown to callers")


def after(state: Assessments) -> Counts:
    """The assessments as their events show them."""
    return Counts(len(state.open), len(state.decided))


def _requested(
    state: Assessments | None, request: AssessPayment, merchant_id: str, ruleset: Ruleset
) -> Decision[AssessmentEvent]:
    decided = decision(state, request.assessment_id)
    if decided is not None:
        return Again((Send(topics.RISK_DECISIONS, to_message(decided)),))
    known = opened(state, request.assessment_id)
    if known is not None and known.request is not None:
        return ()
    asked = _with_request(state, request)
    if is_complete(asked):
        return (_decided(asked, request, merchant_id, ruleset),)
    return (AssessmentOpened(request=request),)


def _gathered(
    state: Assessments | None, body: EntityFeatures, merchant_id: str, ruleset: Ruleset
) -> Sequence[AssessmentEvent]:
    if decision(state, body.assessment_id) is not None:
        return ()
    known = opened(state, body.assessment_id)
    if known is not None and not _wants(known, body):
        return ()
    told = FeaturesGathered(assessment_id=body.assessment_id, entity=body.entity, features=body.features)
    richer = _with_features(state, told)
    if richer.request is None or not is_complete(richer):
        return (told,)
    return (_decided(richer, richer.request, merchant_id, ruleset),)


def _elapsed(
    state: Assessments, now_ms: int, merchant_id: str, ruleset: Ruleset
) -> Sequence[AssessmentEvent]:
    return [
        _decided(one, one.request, merchant_id, ruleset)
        for one in state.open
        if one.request is not None and one.request.due_at_ms <= now_ms
    ]


def _wants(assessment: OpenAssessment, body: EntityFeatures) -> bool:
    """The first features of an entity count; which entities are wanted is known from the request on."""
    if features_of(assessment, body.entity) is not None:
        return False
    if assessment.request is None:
        return len(assessment.gathered) < ENTITIES_KEPT
    return any(one.key == body.entity.key for one in assessment.request.entities)


def _decided(
    assessment: OpenAssessment, request: AssessPayment, merchant_id: str, ruleset: Ruleset
) -> RiskDecided:
    inputs = tuple(
        GatheredEntity(entity=one, features=features_of(assessment, one)) for one in request.entities
    )
    match = evaluate(ruleset.rules, _facts(request, merchant_id, inputs))
    return RiskDecided(
        assessment_id=request.assessment_id,
        payment_id=request.payment_id,
        attempt=request.attempt,
        amount_minor=request.amount_minor,
        currency=request.currency,
        verdict=match.verdict,
        reason_code=match.reason_code,
        ruleset_id=ruleset.ruleset_id,
        inputs=inputs,
        rule=match.rule,
    )


def _facts(request: AssessPayment, merchant_id: str, inputs: Sequence[GatheredEntity]) -> Facts:
    facts: dict[str, int | str] = {
        "amount_minor": request.amount_minor,
        "currency": request.currency,
        "merchant_id": merchant_id,
    }
    for one in inputs:
        if one.features is not None:
            for name, value in asdict(one.features).items():
                # Of two entities of one kind the first named counts.
                facts.setdefault(f"{one.entity.kind}.{name}", value)
    return facts


def _with_request(state: Assessments | None, request: AssessPayment) -> OpenAssessment:
    known = opened(state, request.assessment_id)
    return OpenAssessment(request.assessment_id, request, () if known is None else known.gathered)


def _with_features(state: Assessments | None, told: FeaturesGathered) -> OpenAssessment:
    known = opened(state, told.assessment_id) or OpenAssessment(told.assessment_id)
    more = GatheredEntity(entity=told.entity, features=told.features)
    return OpenAssessment(known.assessment_id, known.request, (*known.gathered, more))


def _put(assessments: Sequence[OpenAssessment], changed: OpenAssessment) -> tuple[OpenAssessment, ...]:
    """With `changed` in place of its former self; of those nobody asked for only the latest stay."""
    others = [one for one in assessments if one.assessment_id != changed.assessment_id]
    if changed.request is None:
        unasked = [one.assessment_id for one in others if one.request is None]
        dropped = unasked[: len(unasked) + 1 - UNASKED_KEPT]
        others = [one for one in others if one.assessment_id not in dropped]
    return (*others, changed)
