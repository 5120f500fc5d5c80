"""Which rule wins, what a condition holds for, and what the default rules stop."""

from typing import Any

import pytest

from schemas.risk import Features
from streams.risk.default_rules import DEFAULT_RULES, DEFAULT_RULESET
from streams.risk.rules import FIELDS, TEXT_FIELDS, Facts, Match, evaluate, mismatch, ruleset
from streams.risk.testing import rule

FACTS: Facts = {"amount_minor": 500, "currency": "USD", "merchant_id": "mer_1", "ip.cards_1h": 3}
ALLOW = Match("allow", None, "no_rule_matched")


def check(*rules: Any, then: Match) -> None:
    assert then == evaluate(rules, FACTS)


def test_the_first_match_wins() -> None:
    """An analyst reads the rules from the top and stops where the platform stops."""
    trusted = rule("trusted", ("merchant_id", "eq", "mer_1"), verdict="allow")
    testing = rule("testing", ("ip.cards_1h", "ge", 3))
    check(trusted, testing, then=Match("allow", "trusted", "TRUSTED"))
    check(testing, trusted, then=Match("block", "testing", "TESTING"))


def test_nothing_matched_is_allowed_and_said() -> None:
    """A platform without rules sells."""
    check(then=ALLOW)
    check(rule("huge", ("amount_minor", "gt", 500)), then=ALLOW)


def test_every_condition_has_to_hold() -> None:
    """Conditions of one rule are joined by and; or is another rule."""
    check(rule("both", ("currency", "eq", "USD"), ("amount_minor", "ge", 501)), then=ALLOW)
    check(
        rule("both", ("currency", "eq", "USD"), ("amount_minor", "ge", 500)),
        then=Match("block", "both", "BOTH"),
    )


@pytest.mark.parametrize(
    ("operator", "below", "equal", "above"),
    [
        ("ge", True, True, False),
        ("gt", True, False, False),
        ("le", False, True, True),
        ("lt", False, False, True),
        ("eq", False, True, False),
        ("ne", True, False, True),
    ],
)
def test_operators_compare_the_fact_with_the_value(
    operator: str, below: bool, equal: bool, above: bool
) -> None:
    """`amount_minor ge 499` reads as it is written."""
    for value, holds in ((499, below), (500, equal), (501, above)):
        assert holds == (ALLOW != evaluate([rule("one", ("amount_minor", operator, value))], FACTS))


@pytest.mark.parametrize("operator", ["ge", "gt", "le", "lt", "eq", "ne"])
def test_what_nobody_gathered_fulfils_nothing(operator: str) -> None:
    """Windows that are away must not block everybody; not even by `ne`."""
    check(rule("absent", ("device.cards_1h", operator, 3)), then=ALLOW)


@pytest.mark.parametrize(
    ("condition", "named"),
    [
        (("ip.cards_1h", "ge", "3"), "ip.cards_1h is a number"),
        (("ip.cards_1h", "ne", "3"), "ip.cards_1h is a number"),
        (("amount_minor", "eq", "500"), "amount_minor is a number"),
        (("currency", "ne", 840), "currency is text"),
        (("merchant_id", "eq", 1), "merchant_id is text"),
        (("currency", "ge", "EUR"), "use eq or ne"),
        (("merchant_id", "lt", "mer_2"), "use eq or ne"),
    ],
)
def test_what_cannot_be_compared_is_named_and_fulfils_nothing(condition: Any, named: str) -> None:
    """It is refused at deployment; written past it, it neither blocks nor stops the stage."""
    wrong = rule("wrong", condition)
    told = mismatch(wrong.when[0])
    assert told is not None and named in told
    check(wrong, then=ALLOW)
    check(wrong, rule("next", ("amount_minor", "eq", 500)), then=Match("block", "next", "NEXT"))


def test_every_field_of_an_entity_is_one_of_its_features() -> None:
    """A field that no window fills would be a rule that never matches."""
    names = {name for name in FIELDS if "." in name}
    assert set() == {name.partition(".")[2] for name in names} - set(Features.__struct_fields__)
    assert set() == TEXT_FIELDS - set(FIELDS)


def test_the_same_rules_have_the_same_id() -> None:
    """A decision names its rules by what they say, not by when they were deployed."""
    one, other = rule("one", ("amount_minor", "ge", 1)), rule("one", ("amount_minor", "ge", 2))
    assert ruleset([one]).ruleset_id == ruleset((one,)).ruleset_id
    assert 4 == len({ruleset(rules).ruleset_id for rules in ([one], [other], [one, other], [other, one])})


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"ip.cards_1h": 9, "device.cards_1h": 9, "card.attempts_10m": 9, "customer.cards_24h": 9}, None),
        ({"ip.cards_1h": 10}, ("block", "card_testing_ip")),
        ({"device.cards_1h": 10}, ("block", "card_testing_device")),
        ({"card.attempts_10m": 10}, ("block", "card_velocity")),
        ({"customer.cards_24h": 10}, ("review", "customer_many_cards")),
        ({"customer.cards_24h": 10, "card.attempts_10m": 10}, ("block", "card_velocity")),
    ],
)
def test_the_default_rules_stop_card_testing(facts: dict[str, int], expected: tuple[str, str] | None) -> None:
    """They are what protects a platform nobody has written rules for."""
    found = evaluate(DEFAULT_RULES, facts)
    assert (("allow", "no_rule_matched") if expected is None else expected) == (
        found.verdict,
        found.reason_code,
    )
    assert DEFAULT_RULESET.ruleset_id == ruleset(DEFAULT_RULES).ruleset_id
    assert [] == [one for rule_ in DEFAULT_RULES for one in rule_.when if mismatch(one)]
