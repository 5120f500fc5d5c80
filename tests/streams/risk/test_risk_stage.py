"""The risk stage told its rules while it runs: what comes into force, and what is set aside and why."""

from typing import Any

import msgspec
import pytest

from schemas import topics
from schemas.codec import codec_of
from schemas.envelope import PLATFORM, Message
from schemas.platform import Tick
from schemas.risk import RiskDecided, Rule, RulesDeployed
from schemas.settings import Settings
from schemas.testing import MERCHANT, PAYMENT_KEY, START_MS, envelope
from schemas.topics import Topic
from streams.ports import Outbox, Record
from streams.risk.app import risk
from streams.risk.default_rules import DEFAULT_RULESET
from streams.risk.rules import ruleset
from streams.risk.testing import DUE_MS, ENTITIES, gathered, request, rule
from streams.simulator import MemoryStore, UnitView
from streams.step import StageStep

BLOCK_ALL = rule("everything", ("amount_minor", "ge", 0))
ALLOW_ALL = rule("nothing", ("amount_minor", "ge", 0), verdict="allow")


class Stage:
    """One risk task; each record is a unit of work of its own."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self._step = StageStep(risk(Settings()))
        self._offset = 0
        self.outbox = Outbox([], [])

    def restart(self) -> None:
        self._step = StageStep(risk(Settings()))

    def take(self, topic: Topic, value: bytes, key: bytes = PAYMENT_KEY.encode()) -> None:
        self._offset += 1
        view = UnitView(self.store)
        self.outbox = self._step(view, [Record(topic.name, 0, self._offset, key, value, START_MS)])
        self.store.apply(view.changes.items())

    def say(self, topic: Topic, message: Message[Any]) -> None:
        self.take(topic, codec_of(topic).encode(message))

    def deploy(self, *rules: Rule, **changes: Any) -> None:
        self.take(topics.RISK_RULES, record_of(*rules, **changes), b"any key")

    def decide(self, attempt: int) -> RiskDecided:
        """Ask for a decision and let its features come; returns what is told."""
        self.say(topics.RISK_REQUESTS, request(attempt))
        for entity in ENTITIES:
            self.say(topics.RISK_FEATURES, gathered(entity, attempt))
        return self.told()

    def tick(self, now_ms: int) -> None:
        at = envelope(f"tick-{now_ms}", at_ms=now_ms, merchant_id="platform", actor=PLATFORM)
        self.say(topics.CLOCK_TICKS, Message(envelope=at, body=Tick(now_ms=now_ms)))

    def told(self) -> RiskDecided:
        (message,) = self.written(topics.RISK_DECISIONS)
        assert isinstance(message.body, RiskDecided)
        return message.body

    def written(self, topic: Topic) -> list[Message[Any]]:
        found = [one for one in self.outbox.outputs if one.topic == topic.name]
        assert all(one.key == PAYMENT_KEY.encode() for one in found)
        return [codec_of(topic).decode(one.value) for one in found]


def record_of(*rules: Rule, **changes: Any) -> bytes:
    """The record of a deployment; `changes` of its first rule as an analyst's tool may have written them."""
    body = RulesDeployed(ruleset_id="claimed", rules=rules, deployed_by="ada", reason="a test")
    at = envelope("rules", merchant_id="platform", actor=PLATFORM)
    plain = msgspec.to_builtins(Message(envelope=at, body=body))
    plain["body"]["rules"] = [{**plain["body"]["rules"][0], **changes}, *plain["body"]["rules"][1:]]
    return msgspec.json.encode(plain)


def test_the_default_rules_decide_until_others_are_deployed() -> None:
    """And every decision names the rules it was made by."""
    stage = Stage()
    assert ("allow", DEFAULT_RULESET.ruleset_id) == (stage.decide(1).verdict, stage.told().ruleset_id)
    stage.deploy(BLOCK_ALL)
    assert [] == stage.outbox.outputs
    decided = stage.decide(2)
    assert ("block", "everything") == (decided.verdict, decided.rule)
    assert ruleset([BLOCK_ALL]).ruleset_id == decided.ruleset_id


def test_deployed_rules_survive_a_restart() -> None:
    """They are part of the table, so a restored task decides as the one before it."""
    stage = Stage()
    stage.deploy(BLOCK_ALL)
    stage.restart()
    assert "block" == stage.decide(1).verdict


def test_a_decision_stands_when_rules_change() -> None:
    """A repeated request is told what was decided, not what would be decided now."""
    stage = Stage()
    decided = stage.decide(1)
    stage.deploy(BLOCK_ALL)
    stage.say(topics.RISK_REQUESTS, request(1))
    assert decided == stage.told()
    assert [topics.RISK_DECISIONS.name] == [one.topic for one in stage.outbox.outputs]


def test_rules_change_between_the_records_of_one_unit() -> None:
    """What comes behind a deployment is decided by it, wherever a commit falls."""
    stage = Stage()
    requests = [codec_of(topics.RISK_REQUESTS).encode(request(one, entities=())) for one in (1, 2)]
    key = PAYMENT_KEY.encode()
    records = [
        Record(topics.RISK_REQUESTS.name, 0, 0, key, requests[0], START_MS),
        Record(topics.RISK_RULES.name, 0, 0, b"", record_of(BLOCK_ALL), START_MS),
        Record(topics.RISK_REQUESTS.name, 0, 1, key, requests[1], START_MS),
    ]
    stage.outbox = StageStep(risk(Settings()))(UnitView(stage.store), records)
    assert ["allow", "block"] == [one.body.verdict for one in stage.written(topics.RISK_DECISIONS)]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"shadow": True}, "unknown field `shadow`"),
        ({"name": "Not A Name"}, "regex"),
        ({"verdict": "challenge"}, "challenge"),
        ({"when": [{"field": "ip.cards_2h", "operator": "ge", "value": 1}]}, "ip.cards_2h"),
        ({"when": [{"field": "ip.cards_1h", "operator": "gte", "value": 1}]}, "gte"),
        ({"when": [{"field": "ip.cards_1h", "operator": "ge", "value": 1, "unit": "h"}]}, "`unit`"),
        ({"when": [{"field": "ip.cards_1h", "operator": "ge", "value": 1.5}]}, "float"),
        ({"when": []}, "length"),
    ],
)
def test_rules_nobody_understands_are_set_aside(changes: dict[str, Any], named: str) -> None:
    """The rules in force stay in force, and the dead letter says what was wrong."""
    stage = Stage()
    stage.deploy(BLOCK_ALL)
    stage.deploy(ALLOW_ALL, **changes)
    (letter,) = stage.outbox.outputs
    assert topics.RISK_RULES.dead_letters == letter.topic
    assert named in dict(letter.headers)["dlq.reason"].decode()
    assert "block" == stage.decide(1).verdict


@pytest.mark.parametrize(
    "when",
    [
        [{"field": "amount_minor", "operator": "ge", "value": "0"}],
        [{"field": "amount_minor", "operator": "ne", "value": "0"}],
        [{"field": "currency", "operator": "ne", "value": 840}],
        [{"field": "currency", "operator": "ge", "value": "A"}],
    ],
)
def test_rules_that_compare_what_cannot_be_compared_do_no_harm(when: list[dict[str, Any]]) -> None:
    """Written past the check of a deployment they match nothing; the stage runs on, the other rules decide."""
    stage = Stage()
    stage.deploy(ALLOW_ALL, BLOCK_ALL, when=when)
    assert [] == stage.outbox.outputs
    assert "everything" == stage.decide(1).rule


def test_the_deadline_of_an_assessment_is_in_the_table() -> None:
    """A task that was restarted decides in time all the same; the merchant is the payment's."""
    stage = Stage()
    stage.say(topics.RISK_REQUESTS, request())
    stage.restart()
    stage.tick(DUE_MS - 1)
    assert [] == stage.outbox.outputs
    stage.tick(DUE_MS)
    assert [None] * 4 == [one.features for one in stage.told().inputs]
    (message,) = stage.written(topics.RISK_DECISIONS)
    assert MERCHANT == message.envelope.merchant_id
    stage.tick(DUE_MS)
    assert [] == stage.outbox.outputs
