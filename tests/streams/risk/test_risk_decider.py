"""An assessment is decided once: at once when all has come, at its deadline with what there is."""

from typing import Any

import msgspec
import pytest

from schemas import topics
from schemas.envelope import Message
from schemas.risk import (
    EntityFeatures,
    GatheredEntity,
    RiskDecided,
    RulesDeployed,
)
from schemas.testing import MERCHANT, PAYMENT_KEY
from streams.core import Again, Send
from streams.risk.app import bound_to
from streams.risk.state import DECISIONS_KEPT, Assessments
from streams.risk.testing import (
    CARD,
    CUSTOMER,
    DEVICE,
    DUE_MS,
    ENTITIES,
    IP,
    features,
    gathered,
    request,
    rule,
)
from streams.table import StateCodec
from streams.testing import History

RULES = (
    rule("velocity", ("card.attempts_10m", "ge", 3)),
    rule("mine", ("merchant_id", "eq", MERCHANT), ("amount_minor", "ge", 50_000), verdict="review"),
)


def history(*messages: Message[Any]) -> History[Assessments]:
    deployed = RulesDeployed(ruleset_id="any", rules=RULES, deployed_by="ada", reason="a test")
    told = History(bound_to(deployed), PAYMENT_KEY)
    for message in messages:
        told.receive(message)
    return told


def names(decision: Any) -> list[str]:
    return [type(body).__name__ for body in decision]


ALL = [gathered(entity) for entity in ENTITIES]


def test_the_last_features_decide() -> None:
    """Nobody waits for a deadline once everything is known."""
    told = history(request(), *ALL[:3])
    (decided,) = told.receive(ALL[3])
    assert isinstance(decided, RiskDecided)
    assert ("allow", None, "no_rule_matched") == (decided.verdict, decided.rule, decided.reason_code)
    assert ("asm_1", "pay_1", 1, 10_000, "USD") == (
        decided.assessment_id,
        decided.payment_id,
        decided.attempt,
        decided.amount_minor,
        decided.currency,
    )
    assert tuple(GatheredEntity(entity=one, features=features()) for one in ENTITIES) == decided.inputs
    assert told.state is not None and () == told.state.open
    assert ["AssessmentOpened", *["FeaturesGathered"] * 3, "RiskDecided"] == names(
        event.body for event in told.events
    )


def test_features_may_come_before_the_request() -> None:
    """They travel on another topic, and topics are not read in step."""
    told = history(*ALL)
    (decided,) = told.receive(request())
    assert isinstance(decided, RiskDecided)
    assert all(one.features is not None for one in decided.inputs)


def test_an_attempt_without_entities_is_decided_at_once() -> None:
    """There is nothing to wait for."""
    assert ["RiskDecided"] == names(history().receive(request(entities=())))


def test_the_deadline_decides_with_what_there_is() -> None:
    """A window that is away must not hold up sales; what is missing is on record as missing."""
    told = history(request(), gathered(CARD, attempts_10m=3))
    assert () == told.elapse(DUE_MS - 1)
    (decided,) = told.elapse(DUE_MS)
    assert isinstance(decided, RiskDecided)
    assert ("block", "velocity", "VELOCITY") == (decided.verdict, decided.rule, decided.reason_code)
    assert [True, False, False, False] == [one.features is not None for one in decided.inputs]
    assert () == told.elapse(DUE_MS + 1)


def test_a_feature_that_did_not_come_fulfils_nothing() -> None:
    """Absence is not evidence."""
    told = history(request(), gathered(IP))
    (decided,) = told.elapse(DUE_MS)
    assert isinstance(decided, RiskDecided)
    assert "allow" == decided.verdict


def test_rules_see_the_payment_and_its_merchant() -> None:
    """A rule may be about one merchant, and about amounts."""
    (decided,) = history(*ALL).receive(request(amount_minor=50_000))
    assert isinstance(decided, RiskDecided)
    assert ("review", "mine") == (decided.verdict, decided.rule)


@pytest.mark.parametrize("late", [gathered(CARD), gathered(CARD, attempts_10m=9)])
def test_features_of_an_ended_assessment_are_ignored(late: Message[EntityFeatures]) -> None:
    """A decision stands, whatever comes after it."""
    told = history(request(), *ALL)
    before = told.state
    assert () == told.receive(late)
    missed = history(request())
    missed.elapse(DUE_MS)
    assert () == missed.receive(late)
    assert before == told.state


def test_a_repeated_request_is_told_its_decision() -> None:
    """Payments asks again when it is not sure to have been heard."""
    told = history(request(), *ALL)
    decided = told.events[-1].body
    before = told.state
    assert Again((Send(topics.RISK_DECISIONS, decided),)) == told.receive(request())
    assert before == told.state


def test_a_repeated_request_of_an_open_assessment_changes_nothing() -> None:
    """The first deadline and the first amount stand."""
    told = history(request(), gathered(CARD))
    before = told.state
    assert () == told.receive(request(due_at_ms=DUE_MS + 1, amount_minor=1))
    assert before == told.state


def test_the_first_features_of_an_entity_count() -> None:
    """A repeat is told the same; anything else is no reason to change a decision on its way."""
    told = history(request(), gathered(CARD))
    assert () == told.receive(gathered(CARD, attempts_10m=9))


def test_features_nobody_asked_for_are_no_input() -> None:
    """The decision record names what the request named."""
    told = history(request(entities=(CARD, CUSTOMER)), gathered(CARD))
    assert () == told.receive(gathered(DEVICE))
    early = history(gathered(DEVICE), gathered(CARD))
    (decided,) = early.receive(request(entities=(CARD,)))
    assert isinstance(decided, RiskDecided)
    assert [CARD] == [one.entity for one in decided.inputs]


def test_attempts_follow_each_other() -> None:
    """Each attempt of a payment has its own features and its own decision."""
    told = history(request(), *ALL)
    told.receive(request(attempt=2))
    for entity in (CUSTOMER, IP, DEVICE):
        told.receive(gathered(entity, attempt=2))
    (decided,) = told.receive(gathered(CARD, attempt=2, attempts_10m=3))
    assert isinstance(decided, RiskDecided)
    assert (2, "block") == (decided.attempt, decided.verdict)


def test_two_open_attempts_have_their_own_deadlines() -> None:
    """The earliest is decided first, and only it."""
    told = history(request(due_at_ms=DUE_MS + 5), request(attempt=2))
    (first,) = told.elapse(DUE_MS)
    (second,) = told.elapse(DUE_MS + 5)
    assert isinstance(first, RiskDecided)
    assert isinstance(second, RiskDecided)
    assert (2, 1) == (first.attempt, second.attempt)


def test_what_nobody_asks_for_is_kept_within_bounds() -> None:
    """Features without a request must not fill a table."""
    told = history(*(gathered(CARD, attempt=number) for number in range(1, 50)))
    assert told.state is not None
    assert ["asm_48", "asm_49"] == [one.assessment_id for one in told.state.open]
    for number in range(30):
        told.receive(gathered(msgspec.structs.replace(CARD, key=f"card_{number}"), attempt=49))
    assert len(told.state.open[-1].gathered) == 8


def test_states_are_small() -> None:
    """Every payment has one for ever."""
    told = history(request(), *ALL)
    assert len(msgspec.json.encode(told.state)) <= 600
    for attempt in range(2, 40):
        told.receive(request(attempt=attempt, entities=()))
    assert told.state is not None
    assert DECISIONS_KEPT == len(told.state.decided)
    for attempt in range(40, 60):
        for message in (request(attempt=attempt), *(gathered(one, attempt=attempt) for one in ENTITIES)):
            told.receive(message)
    assert len(msgspec.json.encode(told.state)) <= 5_000
    assert told.state == StateCodec(Assessments).decode(msgspec.json.encode(told.state))


def test_a_decision_is_sent_to_its_payment() -> None:
    """Under the payment's own key."""
    told = history(request(), *ALL)
    event = told.events[-1]
    assert told.state is not None
    react = bound_to(RulesDeployed(ruleset_id="any", rules=RULES, deployed_by="ada", reason="")).react
    assert [(topics.RISK_DECISIONS, event.body, None)] == [
        (one.topic, one.body, one.key) for one in react(told.state, event) if isinstance(one, Send)
    ]
    assert [] == [one for event in told.events[:-1] for one in react(told.state, event)]
