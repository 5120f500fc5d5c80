"""The stage as the engine runs it: keys, dead letters, deadlines by ticks, events on the contract topic."""

from typing import Any

import pytest

from schemas import ids, topics
from schemas.codec import codec_of
from schemas.envelope import PLATFORM, Body, Message
from schemas.platform import Tick
from schemas.testing import START_MS, envelope, from_provider
from schemas.topics import Topic
from streams.ports import Outbox, Record
from streams.reconciliation.app import reconciliation
from streams.reconciliation.testing import LINE_WINDOW_MS, PROVIDER, REF, SETTINGS, line, movement
from streams.simulator import MemoryStore
from streams.step import StageStep

KEY = ids.match_key(PROVIDER, REF).encode()


class Stage:
    """One task over a store in memory."""

    def __init__(self) -> None:
        self._store = MemoryStore()
        self._step = StageStep(reconciliation(SETTINGS))
        self._offset = 0

    def take(self, topic: Topic, value: bytes, key: bytes | None = KEY) -> Outbox:
        self._offset += 1
        return self._step(self._store, [Record(topic.name, 0, self._offset, key, value, START_MS)])

    def say(self, topic: Topic, body: Body, key: bytes | None = KEY) -> Outbox:
        return self.take(topic, codec_of(topic).encode(from_provider(body)), key)

    def tick(self, now_ms: int) -> Outbox:
        told = envelope(f"tick-{now_ms}", at_ms=now_ms, merchant_id="platform", actor=PLATFORM)
        message = Message(envelope=told, body=Tick(now_ms=now_ms))
        return self.take(topics.CLOCK_TICKS, codec_of(topics.CLOCK_TICKS).encode(message), None)


def results(outbox: Outbox) -> list[Any]:
    decode = codec_of(topics.RECON_RESULTS).decode
    return [decode(one.value) for one in outbox.outputs if one.topic == topics.RECON_RESULTS.name]


def test_results_stand_on_the_contract_topic_under_the_reference() -> None:
    """Readers outside the pipeline see both sides without folding."""
    stage = Stage()
    stage.say(topics.RECON_EXPECTED_PAYMENTS, movement())
    (matched,) = results(stage.say(topics.RECON_LINES, line()))
    assert ("matched", 1000, 1000) == (
        matched.after.status,
        matched.after.expected_minor,
        matched.after.settled_minor,
    )
    assert (KEY.decode(), 2) == (matched.envelope.aggregate_key, matched.envelope.version)


def test_a_tick_tells_what_is_late() -> None:
    """Time comes by messages alone."""
    stage = Stage()
    stage.say(topics.RECON_LINES, line())
    assert [] == results(stage.tick(START_MS + LINE_WINDOW_MS - 1))
    (late,) = results(stage.tick(START_MS + LINE_WINDOW_MS))
    assert "missing_internal" == late.after.status
    assert [] == results(stage.tick(START_MS + 2 * LINE_WINDOW_MS))


@pytest.mark.parametrize(
    ("key", "body"),
    [
        (b"simulator:psp_2", line()),
        (KEY, line(provider_ref="psp_2")),
        (KEY, line(provider="other")),
        (b"\xff\xfe", line()),
        (b"", line()),
        (None, line()),
        (ids.match_key("p" * 64, "r" * 255).encode(), line(provider="p" * 64, provider_ref="r" * 255)),
    ],
)
def test_a_record_under_a_key_its_body_denies_is_a_dead_letter(key: bytes | None, body: Body) -> None:
    """Folded under either name it would be matched with a stranger's money."""
    outbox = Stage().say(topics.RECON_LINES, body, key)
    assert [topics.RECON_LINES.dead_letters] == [one.topic for one in outbox.outputs]
    assert dict(outbox.outputs[0].headers)["dlq.reason"]
