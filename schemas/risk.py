"""What is said about risk: what was seen of an entity, what is asked of a payment, what was decided and why."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.envelope import Body, Code, Identifier, PersonalText

EntityKind = Literal["card", "customer", "ip", "device"]
Verdict = Literal["allow", "review", "block"]
Field = Literal[
    "amount_minor",
    "currency",
    "merchant_id",
    "card.attempts_1m",
    "card.attempts_10m",
    "card.attempts_1h",
    "card.attempts_24h",
    "card.amount_24h_minor",
    "customer.attempts_1h",
    "customer.attempts_24h",
    "customer.cards_24h",
    "customer.amount_24h_minor",
    "ip.attempts_1m",
    "ip.attempts_10m",
    "ip.attempts_1h",
    "ip.cards_1h",
    "ip.cards_24h",
    "device.attempts_1h",
    "device.cards_1h",
    "device.cards_24h",
]
"""What a rule may look at: facts of the payment, and `<entity>.<feature>` of its entities."""
Operator = Literal["ge", "gt", "le", "lt", "eq", "ne"]
RuleName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}\Z", extra={"personal": False})]


class RiskEntity(Struct, frozen=True, kw_only=True):
    """Something attempts are counted by. key: `<kind>_` and a digest; what it stands for is on no topic."""

    kind: EntityKind
    key: Identifier


class LookUpEntity(Body, frozen=True, kw_only=True):
    """Count this attempt for one entity and tell what its windows hold. The record's key is the entity's.

    card_key: the card the attempt pays with; ips and devices count distinct ones.
    """

    assessment_id: Identifier
    payment_key: Identifier
    entity: RiskEntity
    card_key: Identifier
    amount_minor: int
    currency: Code


class Features(Struct, frozen=True, kw_only=True):
    """What the windows of one entity hold at an attempt, the attempt included, in event time.

    attempts_*: attempts in (t - window, t]. cards_*: distinct cards among them. amount_24h_minor: sum
    of the amounts in the attempt's currency. Windows remember the latest 128 attempts of 24 h, and
    is_saturated says that there were more.
    """

    attempts_1m: int
    attempts_10m: int
    attempts_1h: int
    attempts_24h: int
    cards_1h: int
    cards_24h: int
    amount_24h_minor: int
    is_saturated: bool = False


class EntityObserved(Body, frozen=True, kw_only=True):
    """An attempt was counted for an entity: an event of its windows."""

    assessment_id: Identifier
    payment_key: Identifier
    entity: RiskEntity
    card_key: Identifier
    amount_minor: int
    currency: Code
    features: Features


class EntityFeatures(Body, frozen=True, kw_only=True):
    """The features of one entity, told to the assessment that asked. The record's key is the payment's."""

    assessment_id: Identifier
    entity: RiskEntity
    features: Features


class AssessPayment(Body, frozen=True, kw_only=True):
    """Decide an attempt once the features of all `entities` have come, or without the missing at due_at_ms."""

    assessment_id: Identifier
    payment_id: Identifier
    attempt: int
    amount_minor: int
    currency: Code
    entities: tuple[RiskEntity, ...]
    due_at_ms: int


class Condition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`field` compared to `value`: a number for numbers, a text for currency and merchant_id.

    A feature nobody gathered fulfils no condition.
    """

    field: Field
    operator: Operator
    value: int | Identifier


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When every condition holds, the verdict, and the reason code it is told with."""

    name: RuleName
    when: Annotated[tuple[Condition, ...], Meta(min_length=1, max_length=8)]
    verdict: Verdict
    reason_code: Code


class RulesDeployed(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From now on these rules decide, in this order; the first that matches wins, none means allow.

    ruleset_id: derived from the rules, so the same rules have the same id.
    """

    ruleset_id: Identifier
    rules: Annotated[tuple[Rule, ...], Meta(max_length=64)]
    deployed_by: Identifier
    reason: PersonalText


class AssessmentOpened(Body, frozen=True, kw_only=True):
    """An assessment of a payment began; it waits for the features of its entities."""

    request: AssessPayment


class FeaturesGathered(Body, frozen=True, kw_only=True):
    """The features of one entity reached the assessment, perhaps before its request did."""

    assessment_id: Identifier
    entity: RiskEntity
    features: Features


class GatheredEntity(Struct, frozen=True, kw_only=True):
    """One input of a decision: an entity and its features; None where they did not come in time."""

    entity: RiskEntity
    features: Features | None = None


class RiskDecided(Body, frozen=True, kw_only=True):
    """The verdict on one attempt, with everything it was decided from.

    rule: the one that matched; None when none did. reason_code: its reason, or `no_rule_matched`.
    """

    assessment_id: Identifier
    payment_id: Identifier
    attempt: int
    amount_minor: int
    currency: Code
    verdict: Verdict
    reason_code: Code
    ruleset_id: Identifier
    inputs: tuple[GatheredEntity, ...]
    rule: Code | None = None


AssessmentEvent = AssessmentOpened | FeaturesGathered | RiskDecided
