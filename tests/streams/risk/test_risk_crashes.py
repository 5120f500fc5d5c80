"""Windows and risk together, with crashes at every point of a commit: the same decisions as without."""

from collections import defaultdict
from random import Random
from typing import Any

import pytest

from ops.verify.risk_features import LookedUp, expected_features
from schemas import ids, topics
from schemas.codec import codec_of
from schemas.envelope import PLATFORM, Message
from schemas.platform import Tick
from schemas.risk import (
    AssessPayment,
    EntityKind,
    EntityObserved,
    LookUpEntity,
    RiskDecided,
    RiskEntity,
    RulesDeployed,
)
from schemas.settings import Settings
from schemas.testing import MERCHANT, OTHER_MERCHANT, START_MS, envelope
from schemas.topics import Topic
from streams.ports import Output
from streams.risk.app import risk
from streams.risk.testing import rule
from streams.simulator import CrashPoint, Log, SimulatedTask
from streams.windows.app import windows

PARTITIONS = 2
PAYMENTS = 60
DUE_MS = START_MS + PAYMENTS * 40_000
RULES = (
    rule("many_cards", ("ip.cards_1h", "ge", 6)),
    rule("often", ("card.attempts_1h", "ge", 5), verdict="review"),
)


class World:
    """Both stages on topics in memory; who pays when and with what follows from the seed."""

    def __init__(self, seed: int, crash_rate: float) -> None:
        self._random = Random(seed)
        self._chance = Random(seed + 1)
        self._crash_rate = crash_rate
        self.log = Log(PARTITIONS, lambda key: sum(key) % PARTITIONS)
        self.tasks = [
            SimulatedTask(self.log, definition(Settings()), partition)
            for definition in (windows, risk)
            for partition in range(PARTITIONS)
        ]
        self.now_ms = START_MS

    def run(self) -> "World":
        """Every payment in turn, some twice and some late, then time until everything is decided."""
        deployed = RulesDeployed(ruleset_id="any", rules=RULES, deployed_by="ada", reason="a test")
        at = envelope("rules", merchant_id="platform", actor=PLATFORM)
        self._tell(topics.RISK_RULES, Message(envelope=at, body=deployed))
        self._work()
        for number in range(PAYMENTS):
            self.now_ms += self._random.choice((0, 300, 40_000))
            self._pay(number)
            if self._random.random() < 0.2:
                self._pay(self._random.randrange(number + 1))
            self._work()
        for _ in range(4):
            self._work()
        self.now_ms = DUE_MS
        at = envelope(f"tick-{self.now_ms}", at_ms=self.now_ms, merchant_id="platform", actor=PLATFORM)
        self._tell(topics.CLOCK_TICKS, Message(envelope=at, body=Tick(now_ms=self.now_ms)))
        self._work()
        assert all(task.is_idle() for task in self.tasks)
        return self

    def messages(self, topic: Topic) -> list[tuple[str, Message[Any]]]:
        """Everything said on a topic, with its key."""
        codec = codec_of(topic)
        return [((one.key or b"").decode(), codec.decode(one.value)) for one in self.log.all(topic)]

    def decisions(self) -> dict[str, RiskDecided]:
        """What was decided by assessment; a decision told again must be the same."""
        found: dict[str, RiskDecided] = {}
        for _, message in self.messages(topics.RISK_DECISIONS):
            assert message.body == found.setdefault(message.body.assessment_id, message.body)
        return found

    def _pay(self, number: int) -> None:
        """Ask about a payment's only attempt; the same number always asks the same."""
        choice = Random(number)
        merchant = choice.choice((MERCHANT, OTHER_MERCHANT))
        key = ids.payment_key(mode="test", merchant=merchant, source="api", idempotency_key=str(number))
        card = _entity("card", choice.randrange(9))
        entities = (card, _entity("customer", number % 20), _entity("ip", choice.randrange(3)))
        occurred_ms = START_MS + number * 20_000 - choice.choice((0, 0, 7_200_000))
        at = envelope(f"confirm-{number}", at_ms=occurred_ms, merchant_id=merchant)
        for entity in entities:
            lookup = LookUpEntity(
                assessment_id=ids.assessment_id(key, 1),
                payment_key=key,
                entity=entity,
                card_key=card.key,
                amount_minor=1_000 + number,
                currency="USD",
            )
            # Lost for ever, as if the windows were away; the deadline has to decide.
            if (number, entity.kind) != (7, "ip"):
                self._append(topics.RISK_LOOKUPS, entity.key, Message(envelope=at, body=lookup))
        request = AssessPayment(
            assessment_id=ids.assessment_id(key, 1),
            payment_id=f"pay_{key}",
            attempt=1,
            amount_minor=1_000 + number,
            currency="USD",
            entities=entities,
            due_at_ms=DUE_MS,
        )
        self._append(topics.RISK_REQUESTS, key, Message(envelope=at, body=request))

    def _work(self) -> None:
        for task in self.tasks:
            while not task.is_idle():
                crash = None
                if self._chance.random() < self._crash_rate:
                    crash = self._chance.choice(list(CrashPoint))
                if task.work(5, self.now_ms, crash) is None:
                    task.take_over(is_disk_lost=self._chance.random() < 0.5)

    def _tell(self, topic: Topic, message: Message[Any]) -> None:
        value = codec_of(topic).encode(message)
        for partition in range(PARTITIONS):
            self.log.append(Output(topic.name, b"all", value, partition), self.now_ms)

    def _append(self, topic: Topic, key: str, message: Message[Any]) -> None:
        self.log.append(Output(topic.name, key.encode(), codec_of(topic).encode(message)), self.now_ms)


def _entity(kind: EntityKind, number: int) -> RiskEntity:
    return RiskEntity(kind=kind, key=ids.entity_key(kind, "test", str(number)))


@pytest.mark.parametrize("seed", range(4))
def test_crashes_change_no_decision(seed: int) -> None:
    """Nothing is counted twice and nothing forgotten, so the verdicts are those of a calm day."""
    calm, rough = World(seed, 0.0).run(), World(seed, 0.4).run()
    assert calm.decisions() == rough.decisions()
    assert PAYMENTS == len(calm.decisions())
    for topic in (topics.RISK_OBSERVATIONS, topics.RISK_ASSESSMENTS):
        assert calm.messages(topic) == rough.messages(topic)
    met = {decided.verdict for decided in calm.decisions().values()}
    assert {"allow", "review", "block"} == met


@pytest.mark.parametrize("seed", range(4))
def test_features_are_those_of_the_batch(seed: int) -> None:
    """Counted again from the observations alone, by other code."""
    world = World(seed, 0.3).run()
    observed = [(key, message) for key, message in world.messages(topics.RISK_OBSERVATIONS)]
    attempts = [
        LookedUp(
            key,
            message.envelope.occurred_at_ms,
            message.body.assessment_id,
            message.body.card_key,
            message.body.amount_minor,
            message.body.currency,
        )
        for key, message in observed
    ]
    told = [message.body.features for _, message in observed]
    assert told == list(expected_features(attempts))
    assert all(isinstance(message.body, EntityObserved) for _, message in observed)
    assert len({(key, message.body.assessment_id) for key, message in observed}) == len(observed)


def test_a_decision_names_every_input_as_it_was_told() -> None:
    """What an analyst reads is what the windows said; the one that never came is named too."""
    world = World(1, 0.3).run()
    told: dict[str, dict[str, Any]] = defaultdict(dict)
    for _, message in world.messages(topics.RISK_FEATURES):
        told[message.body.assessment_id].setdefault(message.body.entity.key, message.body.features)
    missing = 0
    for assessment_id, decided in world.decisions().items():
        for one in decided.inputs:
            assert told[assessment_id].get(one.entity.key) == one.features
            missing += one.features is None
    assert 1 == missing


def test_every_message_is_under_the_merchant_of_its_payment() -> None:
    """Entities are shared by merchants; what is told of a payment is not."""
    world = World(2, 0.3).run()
    owners = {
        message.body.assessment_id: message.envelope.merchant_id
        for _, message in world.messages(topics.RISK_REQUESTS)
    }
    assert 2 == len(set(owners.values()))
    for topic in (topics.RISK_OBSERVATIONS, topics.RISK_FEATURES, topics.RISK_DECISIONS):
        for _, message in world.messages(topic):
            assert owners[message.body.assessment_id] == message.envelope.merchant_id
