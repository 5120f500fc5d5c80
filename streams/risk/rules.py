"""Which rule decides an attempt: the first whose conditions all hold."""

from collections.abc import Callable, Mapping, Sequence
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Final, NamedTuple, get_args

import msgspec

from schemas import ids
from schemas.risk import Condition, Field, Operator, Rule, Verdict

Facts = Mapping[str, int | str]
"""What is known of an attempt by the names rules use; what was not gathered is not in it."""

TEXT_FIELDS: Final[frozenset[Field]] = frozenset({"currency", "merchant_id"})
FIELDS: Final[tuple[Field, ...]] = get_args(Field)
NO_RULE_MATCHED: Final = "no_rule_matched"

_COMPARE: Final[Mapping[Operator, Callable[[Any, Any], bool]]] = {
    "ge": ge,
    "gt": gt,
    "le": le,
    "lt": lt,
    "eq": eq,
    "ne": ne,
}


class Match(NamedTuple):
    """The verdict on an attempt. rule: the name of the rule that matched; None: none did."""

    verdict: Verdict
    rule: str | None
    reason_code: str


class Ruleset(NamedTuple):
    """Rules in the order they are tried, under the id that follows from them."""

    ruleset_id: str
    rules: tuple[Rule, ...]


def ruleset(rules: Sequence[Rule]) -> Ruleset:
    """These rules under their own id: whatever a record claims, a decision names what it was decided by."""
    return Ruleset(ids.digest(msgspec.json.encode(rules, order="sorted").decode()), tuple(rules))


def evaluate(rules: Sequence[Rule], facts: Facts) -> Match:
    """The first rule whose conditions all hold; allow when there is none.

    A condition on what is not among the facts does not hold, nor does one that compares what cannot
    be compared (see `mismatch`), whatever its operator.
    """
    for rule in rules:
        if all(_holds(condition, facts) for condition in rule.when):
            return Match(rule.verdict, rule.name, rule.reason_code)
    return Match("allow", None, NO_RULE_MATCHED)


def mismatch(condition: Condition) -> str | None:
    """What is wrong with a condition whose parts are each right, and the fix; None: nothing."""
    is_text = isinstance(condition.value, str)
    if condition.field not in TEXT_FIELDS:
        fix = f"{condition.field} is a number; compare it to a whole number without quotes"
        return f"value {condition.value!r} is text, {fix}" if is_text else None
    if not is_text:
        return f"value {condition.value} is a number, {condition.field} is text; put the value in quotes"
    if condition.operator not in ("eq", "ne"):
        return f"operator {condition.operator} orders numbers, {condition.field} is text; use eq or ne"
    return None


def _holds(condition: Condition, facts: Facts) -> bool:
    fact = facts.get(condition.field)
    if fact is None or mismatch(condition) is not None:
        return False
    return _COMPARE[condition.operator](fact, condition.value)
