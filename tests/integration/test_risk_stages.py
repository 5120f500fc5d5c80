"""Windows and risk on the real engine: a payment is decided, by rules deployed meanwhile, after a kill too."""

import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import yaml
from confluent_kafka import Producer

from ops import rules
from ops.provision import provision_topics
from ops.stack import kafka as kafka_stack
from ops.verify.log import Log
from ops.workers import engine_config
from schemas import ids, topics
from schemas.codec import codec_of
from schemas.envelope import PLATFORM, Body, Message
from schemas.kafka import producer_settings
from schemas.platform import Tick
from schemas.risk import AssessPayment, LookUpEntity, RiskDecided, RiskEntity
from schemas.settings import Settings, variable
from schemas.testing import MERCHANT, START_MS, envelope
from schemas.topics import Topic
from streams.engine.provisioning import provision_stage
from streams.stages import stage_specs
from tests.integration.sink_bench import DEADLINE_S, PARTITIONS, ROOT, until

pytestmark = pytest.mark.integration

STAGES = ("windows", "risk")
CARD = RiskEntity(kind="card", key=ids.entity_key("card", "test", "4242"))
IP = RiskEntity(kind="ip", key=ids.entity_key("ip", "test", "192.0.2.1"))


class Running:
    """A broker and one worker with both stages, spoken to as payments would."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._producer = Producer(producer_settings(settings.kafka_bootstrap_servers, client_id="test"))
        self.start()

    def start(self) -> None:
        given = {
            variable(name): str(getattr(self.settings, name))
            for name in ("kafka_bootstrap_servers", "data_dir", "partitions", "worker_session_timeout_ms")
        }
        with (Path(self.settings.data_dir) / "worker.log").open("ab") as log:
            self._worker = subprocess.Popen(
                [sys.executable, "-m", "ops.cli", "worker", *STAGES],
                cwd=ROOT,
                env=os.environ | given,
                stderr=log,
                stdout=log,
            )

    def kill(self) -> None:
        self._worker.kill()
        self._worker.wait(DEADLINE_S)

    def say(self, topic: Topic, key: str, body: Body, at_ms: int) -> None:
        at = envelope(f"m-{key}-{at_ms}", at_ms=at_ms)
        value = codec_of(topic).encode(Message(envelope=at, body=body))
        self._producer.produce(topic.name, value, key.encode())

    def rulesets(self, numbers: range) -> set[str]:
        """By which rules payments without entities are decided now; enough of them meet every partition."""
        return {self.decided(one).ruleset_id for one in [self.pay(number, entities=()) for number in numbers]}

    def pay(
        self, number: int, *, entities: tuple[RiskEntity, ...] = (CARD, IP), lost: tuple[RiskEntity, ...] = ()
    ) -> str:
        """Ask about a payment; lookups of `lost` entities never come. Returns its assessment."""
        key = ids.payment_key(mode="test", merchant=MERCHANT, source="api", idempotency_key=str(number))
        assessment_id, at_ms = ids.assessment_id(key, 1), START_MS + number
        for entity in entities:
            lookup = LookUpEntity(
                assessment_id=assessment_id,
                payment_key=key,
                entity=entity,
                card_key=CARD.key,
                amount_minor=2_599,
                currency="USD",
            )
            if entity not in lost:
                self.say(topics.RISK_LOOKUPS, entity.key, lookup, at_ms)
        request = AssessPayment(
            assessment_id=assessment_id,
            payment_id=f"pay_{key}",
            attempt=1,
            amount_minor=2_599,
            currency="USD",
            entities=entities,
            due_at_ms=START_MS + 60_000,
        )
        self.say(topics.RISK_REQUESTS, key, request, at_ms)
        assert 0 == self._producer.flush(30)
        return assessment_id

    def tick(self, now_ms: int) -> None:
        at = envelope(f"tick-{now_ms}", at_ms=now_ms, merchant_id="platform", actor=PLATFORM)
        value = codec_of(topics.CLOCK_TICKS).encode(Message(envelope=at, body=Tick(now_ms=now_ms)))
        for partition in range(PARTITIONS):
            self._producer.produce(topics.CLOCK_TICKS.name, value, b"wall", partition)
        assert 0 == self._producer.flush(30)

    def decisions(self) -> dict[str, RiskDecided]:
        name = topics.RISK_DECISIONS.name
        with Log(self.settings) as log:
            told = [
                codec_of(topics.RISK_DECISIONS).decode(one.value).body
                for one in log.records(name, log.ends(name))
            ]
        found = {one.assessment_id: one for one in told}
        assert len(found) == len(told), "a decision was told twice"
        return found

    def decided(self, assessment_id: str) -> RiskDecided:
        found = until(lambda: self.decisions().get(assessment_id), f"the decision of {assessment_id}")
        assert isinstance(found, RiskDecided)
        return found


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with kafka_stack.running(tmp_path / "kafka") as broker:
        settings = Settings(
            kafka_bootstrap_servers=broker.bootstrap_servers,
            data_dir=str(tmp_path),
            partitions=PARTITIONS,
            worker_session_timeout_ms=6_000,
        )
        provision_topics(settings)
        for spec in stage_specs(settings, STAGES):
            provision_stage(spec, engine_config(settings))
        started = Running(settings)
        try:
            yield started
        finally:
            started.kill()


def test_payments_are_decided_by_the_rules_in_force(running: Running, tmp_path: Path) -> None:
    """Counted in windows, gathered by payment, decided once; by new rules as soon as they are told."""
    first = running.decided(running.pay(1))
    assert ("allow", "no_rule_matched") == (first.verdict, first.reason_code)
    assert [1, 1] == [one.features.attempts_1m for one in first.inputs if one.features is not None]

    file = tmp_path / "rules.yaml"
    condition = {"field": "card.attempts_1m", "operator": "ge", "value": 3}
    rule = {"name": "third_time", "when": [condition], "verdict": "block", "reason_code": "third_time"}
    file.write_text(yaml.safe_dump({"rules": [rule]}))
    plan = rules.deploy(running.settings, file, reason="a test", is_dry_run=False)
    numbers = count(100, 12)
    until(
        lambda: {plan.ruleset_id} == running.rulesets(range(start := next(numbers), start + 12)),
        "the new rules on every partition",
    )
    second = running.decided(running.pay(2))
    assert ("allow", plan.ruleset_id) == (second.verdict, second.ruleset_id)

    # What was counted and what was deployed are in the tables, so a killed worker's successor knows both.
    running.kill()
    third = running.pay(3)
    missing = running.pay(4, lost=(IP,))
    running.start()
    found = running.decided(third)
    assert ("block", "third_time", plan.ruleset_id) == (found.verdict, found.rule, found.ruleset_id)
    assert missing not in running.decisions()
    running.tick(START_MS + 60_000)
    late = running.decided(missing)
    assert "block" == late.verdict
    assert [True, False] == [one.features is not None for one in late.inputs]
