"""Rules on the real Kafka: shown, planned, deployed to every partition, and passed over where they are none."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from confluent_kafka import Producer

from ops import broadcast, rules
from ops.errors import Unwritable
from ops.stack import kafka as kafka_stack
from ops.verify.log import Log
from schemas import topics
from schemas.codec import codec_of
from schemas.kafka import producer_settings
from schemas.risk import RulesDeployed
from schemas.settings import Settings
from streams.risk.default_rules import DEFAULT_RULES, DEFAULT_RULESET
from streams.risk.rules import ruleset
from streams.risk.testing import rule
from tests.integration.sink_bench import PARTITIONS, create_topics

pytestmark = pytest.mark.integration

BLOCK = {
    "name": "everything",
    "when": [{"field": "amount_minor", "operator": "ge", "value": 0}],
    "verdict": "block",
    "reason_code": "closed",
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A broker of its own: rules are told to whoever reads the topic."""
    with kafka_stack.running(tmp_path_factory.mktemp("kafka")) as broker:
        create_topics(broker.bootstrap_servers, (topics.RISK_RULES,))
        yield Settings(kafka_bootstrap_servers=broker.bootstrap_servers, partitions=PARTITIONS)


def written(settings: Settings) -> list[int]:
    with Log(settings) as log:
        name = topics.RISK_RULES.name
        return [record.partition for record in log.records(name, log.ends(name))]


def test_rules_come_into_force(settings: Settings, tmp_path: Path) -> None:
    """Planned first, then told to every partition, with who and why."""
    before = rules.in_force(settings)
    assert (True, DEFAULT_RULESET.ruleset_id, DEFAULT_RULES) == (
        before.is_default,
        before.ruleset_id,
        before.rules,
    )
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"rules": [BLOCK]}))
    plan = rules.deploy(settings, file, reason="closed for today", is_dry_run=True)
    assert [] == written(settings)
    assert (("everything",), tuple(rule.name for rule in DEFAULT_RULES)) == (plan.added, plan.removed)

    done = rules.deploy(settings, file, reason="closed for today", is_dry_run=False)
    assert [0, 1] == written(settings)
    found = rules.in_force(settings)
    assert (done.ruleset_id, False, ()) == (found.ruleset_id, found.is_default, found.differing_partitions)
    assert (broadcast.user(), "closed for today") == (found.deployed_by, found.reason)

    file.write_text(yaml.safe_dump({"rules": [{**BLOCK, "verdict": "review"}]}))
    plan = rules.deploy(settings, file, reason="open again", is_dry_run=True)
    assert (("everything",), done.ruleset_id) == (plan.changed, plan.replaces)

    # What no reader takes is never written, and what somebody else wrote does not count.
    with pytest.raises(Unwritable, match="length <= 500"):
        rules.deploy(settings, file, reason="x" * 501, is_dry_run=False)
    producer = Producer(producer_settings(settings.kafka_bootstrap_servers, client_id="test"))
    producer.produce(topics.RISK_RULES.name, b"garbage", b"", 0)
    assert 0 == producer.flush(30)
    assert done.ruleset_id == rules.in_force(settings).ruleset_id

    # One partition that was told something else is a deployment that broke off.
    with Log(settings) as log:
        record = next(iter(log.read(topics.RISK_RULES.name, 0, 1)))
    message = codec_of(topics.RISK_RULES).decode(record.value)
    assert ("operator", broadcast.user()) == (message.envelope.actor.role, message.envelope.actor.principal)
    other = (rule("other", ("amount_minor", "ge", 0)),)
    body = RulesDeployed(
        ruleset_id=ruleset(other).ruleset_id, rules=other, deployed_by="ada", reason="half of it"
    )
    value = codec_of(topics.RISK_RULES).encode(type(message)(envelope=message.envelope, body=body))
    producer.produce(topics.RISK_RULES.name, value, b"", 1)
    assert 0 == producer.flush(30)
    assert (1,) == rules.in_force(settings).differing_partitions
