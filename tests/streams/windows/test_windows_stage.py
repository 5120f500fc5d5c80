"""The windows stage: each attempt counted once, told to its payment, and told again what it was told."""

from typing import Any

import msgspec

from schemas import ids, topics
from schemas.codec import codec_of
from schemas.envelope import Message
from schemas.risk import EntityFeatures, Features, LookUpEntity, RiskEntity
from schemas.settings import Settings
from schemas.testing import MERCHANT, OTHER_MERCHANT, START_MS, envelope
from streams.ports import Record
from streams.simulator import MemoryStore
from streams.step import StageStep
from streams.windows.app import windows
from streams.windows.decider import EntityWindows

CARD = RiskEntity(kind="card", key=ids.entity_key("card", "test", "4242"))


class Stage:
    """One windows task over a store in memory."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self._step = StageStep(windows(Settings()))

    def say(self, number: int, *, at_ms: int | None = None, merchant: str = MERCHANT) -> list[Message[Any]]:
        """Look attempt `number` up; returns the features that were told."""
        key = ids.payment_key(mode="test", merchant=merchant, source="api", idempotency_key=str(number))
        lookup = LookUpEntity(
            assessment_id=ids.assessment_id(key, 1),
            payment_key=key,
            entity=CARD,
            card_key=CARD.key,
            amount_minor=2_599,
            currency="USD",
        )
        time_ms = START_MS + number if at_ms is None else at_ms
        message = Message(envelope=envelope(f"m{number}", at_ms=time_ms, merchant_id=merchant), body=lookup)
        value = codec_of(topics.RISK_LOOKUPS).encode(message)
        record = Record(topics.RISK_LOOKUPS.name, 0, number, CARD.key.encode(), value, time_ms)
        self.outputs = self._step(self.store, [record]).outputs
        told = [one for one in self.outputs if one.topic == topics.RISK_FEATURES.name]
        assert [key.encode()] == [one.key for one in told]
        return [codec_of(topics.RISK_FEATURES).decode(one.value) for one in told]

    def features(self, number: int, **changes: Any) -> Features:
        (message,) = self.say(number, **changes)
        assert isinstance(message.body, EntityFeatures)
        return message.body.features

    def row(self) -> bytes:
        found = self.store.get(b"state/" + CARD.key.encode())
        assert found is not None
        return found


def test_an_attempt_is_counted_and_told() -> None:
    """The payment's key, so that the assessment and its features meet."""
    stage = Stage()
    stage.say(1)
    assert [topics.RISK_OBSERVATIONS.name, topics.RISK_FEATURES.name] == [one.topic for one in stage.outputs]
    assert 2 == stage.features(2).attempts_1m


def test_a_repeat_is_told_what_it_was_told() -> None:
    """Whatever came since, even if it lies before the attempt in time; and nothing is counted again."""
    stage = Stage()
    first = stage.features(1)
    stage.say(2)
    stage.say(3, at_ms=START_MS)
    before = stage.row()
    assert first == stage.features(1) == stage.features(1, at_ms=START_MS + 10)
    assert [topics.RISK_FEATURES.name] == [one.topic for one in stage.outputs]
    assert before == stage.row()


def test_a_repeat_of_a_forgotten_attempt_is_counted_at_its_own_time() -> None:
    """Memory is bounded; what is forgotten and comes again changes nobody else's counts much, and says so."""
    stage = Stage()
    for number in range(1, 130):
        stage.say(number)
    assert stage.features(1).is_saturated
    assert 128 == stage.features(130).attempts_24h


def test_merchants_share_an_entity_and_keep_their_messages() -> None:
    """A card tester moves from shop to shop; a shop's features stay under its own name."""
    stage = Stage()
    stage.say(1)
    (message,) = stage.say(2, merchant=OTHER_MERCHANT)
    assert (OTHER_MERCHANT, 2) == (message.envelope.merchant_id, message.body.features.attempts_1m)
    (observed,) = (one for one in stage.outputs if one.topic == topics.RISK_OBSERVATIONS.name)
    assert OTHER_MERCHANT == codec_of(topics.RISK_OBSERVATIONS).decode(observed.value).envelope.merchant_id


def test_rows_are_small() -> None:
    """Every card ever used has a row."""
    stage = Stage()
    stage.say(1)
    assert len(stage.row()) <= 160
    for number in range(2, 300):
        stage.say(number)
    assert len(stage.row()) <= 12_000
    assert {b"state/" + CARD.key.encode()} == set(stage.store.items())
    state = msgspec.json.decode(stage.row(), type=EntityWindows)
    assert (299, 128) == (state.version, len(state.observations))
