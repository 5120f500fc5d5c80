"""Which rules decide before any are deployed, and why these numbers?

They stop the crudest card testing and nothing else: each number lies far above what a person who
mistypes, retries or shares a household does, so that a platform without an analyst turns away
next to nobody. None looks at amounts or currencies, which mean something else to every merchant.
"""

from typing import Final

from schemas.risk import Condition, Field, Rule, RulesDeployed, Verdict
from streams.risk.rules import ruleset


def _at_least(name: str, field: Field, value: int, verdict: Verdict) -> Rule:
    condition = Condition(field=field, operator="ge", value=value)
    return Rule(name=name, when=(condition,), verdict=verdict, reason_code=name)


DEFAULT_RULES: Final = (
    # A stolen list is tried out from one machine. An office behind one address rarely pays with ten
    # cards within an hour; a carrier's shared address may, and an analyst then raises the number.
    _at_least("card_testing_ip", "ip.cards_1h", 10, "block"),
    # A till in a shop aside, nobody owns ten cards.
    _at_least("card_testing_device", "device.cards_1h", 10, "block"),
    # Guessing an expiry date or a security code takes many attempts. Card networks let merchants
    # retry a declined card 10 to 15 times in 30 days; ten in ten minutes are a machine.
    _at_least("card_velocity", "card.attempts_10m", 10, "block"),
    # A stolen account is used with other people's cards. A long-standing customer may be buying for
    # a company, so a person looks at it.
    _at_least("customer_many_cards", "customer.cards_24h", 10, "review"),
)

DEFAULT_RULESET: Final = RulesDeployed(
    ruleset_id=ruleset(DEFAULT_RULES).ruleset_id,
    rules=DEFAULT_RULES,
    deployed_by="millrace",
    reason="the rules of the program",
)
"""What decides until the first deployment."""
