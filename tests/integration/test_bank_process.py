"""The reader's process on the real Kafka: files in, lines and events out, also through kill -9."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from ops.stack import kafka as kafka_stack
from schemas import ids, topics
from schemas.bank import SettlementFileAccepted, SettlementFileRefused
from schemas.codec import codec_of
from schemas.topics import Topic
from tests.connectors.bank.settlement_bytes import batch, capture, csv, jsonl
from tests.integration.sink_bench import PARTITIONS, Process, create_topics, until

pytestmark = pytest.mark.integration

MANY = 60_000


class Bank:
    """A reader's process over a directory, and what it said."""

    def __init__(self, broker: kafka_stack.Broker, root: Path) -> None:
        self._broker, self.root = broker, root
        # Connected before anything is counted: a kill has to come soon after what it waits for.
        self._counting = Consumer({"bootstrap.servers": broker.bootstrap_servers, "group.id": "none"})
        (root / "inbox").mkdir(parents=True)
        self._process: Process | None = None

    def start(self) -> Process:
        settings: dict[str, object] = {
            "kafka_bootstrap_servers": self._broker.bootstrap_servers,
            "bank_dir": self.root,
            "bank_poll_ms": 50,
        }
        self._process = Process("connectors.bank", self.root / "log", **settings)
        return self._process

    def stop(self) -> None:
        if self._process is not None and self._process.is_running:
            self._process.kill()
        self._counting.close()

    def deliver(self, name: str, content: bytes) -> None:
        part = self.root / "inbox" / f".{name}.part"
        part.write_bytes(content)
        part.rename(part.with_name(name))

    def kept(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.root / folder).rglob("*") if path.is_file())

    def count(self, topic: Topic) -> int:
        """How many records a topic has so far."""
        places = [TopicPartition(topic.name, number) for number in range(PARTITIONS)]
        ends = [self._counting.get_watermark_offsets(place, 10) for place in places]
        return sum(end[1] for end in ends if end is not None)

    def has_said(self, topic: Topic, count: int) -> bool:
        return self.count(topic) >= count

    def said(self, topic: Topic) -> list[tuple[str, Any]]:
        """Keys and messages of a topic so far."""
        consumer = Consumer(
            {
                "bootstrap.servers": self._broker.bootstrap_servers,
                "group.id": "none",
                "enable.partition.eof": True,
            }
        )
        places = [TopicPartition(topic.name, number, 0) for number in range(PARTITIONS)]
        consumer.assign(places)
        decode, found, ended = codec_of(topic).decode, [], set()
        while len(ended) < PARTITIONS:
            for message in consumer.consume(5_000, 0.2):
                key, value = message.key(), message.value()
                if message.error() is None and key is not None:
                    found.append((key.decode(), decode(value)))
                elif message.error() is not None:
                    ended.add(message.partition())
        consumer.close()
        return found


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    with kafka_stack.running(tmp_path / "kafka") as broker:
        create_topics(broker.bootstrap_servers, [topics.RECON_LINES, topics.BANK_FILES])
        bank = Bank(broker, tmp_path / "bank")
        yield bank
        bank.stop()


def test_files_become_lines_and_events(bank: Bank) -> None:
    """Whole files are told in both formats; a broken one is set aside and stops nobody."""
    bank.deliver("1.jsonl", jsonl(batch()))
    bank.deliver("2.csv", csv(batch([capture(line_id="b2-1", provider_ref="psp_3")], batch_id="b2")))
    bank.deliver("3.jsonl", jsonl(batch()[:-1]))
    process = bank.start()
    until(lambda: len(bank.kept("accepted")) == 2 and len(bank.kept("refused")) == 2, "the files")
    assert 0 == process.ask_to_stop()
    lines = bank.said(topics.RECON_LINES)
    assert ["simulator:psp_1", "simulator:psp_2", "simulator:psp_3"] == sorted(key for key, _ in lines)
    assert all(key == ids.match_key(one.body.provider, one.body.provider_ref) for key, one in lines)
    events = {one.body.file_name: one.body for _, one in bank.said(topics.BANK_FILES)}
    assert isinstance(events["1.jsonl"], SettlementFileAccepted)
    assert isinstance(events["2.csv"], SettlementFileAccepted)
    assert isinstance(events["3.jsonl"], SettlementFileRefused)
    assert "truncated" == events["3.jsonl"].problem
    assert [] == bank.kept("inbox")


def test_a_killed_reader_says_everything_and_nothing_else(bank: Bank) -> None:
    """kill -9 in the middle of a file: every line is told, repeats have the ids they had."""
    lines = [capture(line_id=f"l{n}", provider_ref=f"psp_{n}") for n in range(MANY)]
    bank.deliver("day.jsonl", jsonl(batch(lines)))
    for _ in range(2):
        process, enough = bank.start(), bank.count(topics.RECON_LINES) + 1_000
        until(partial(bank.has_said, topics.RECON_LINES, enough), "the first lines")
        process.kill()
        assert [] == bank.kept("accepted"), "the kill came too late to prove anything"
    process = bank.start()
    until(lambda: bool(bank.kept("accepted")), "the file")
    process.ask_to_stop()
    told = bank.said(topics.RECON_LINES)
    assert {f"simulator:psp_{n}" for n in range(MANY)} == {key for key, _ in told}
    assert MANY == len({one.envelope.message_id for _, one in told})
    assert MANY == len({one.body for _, one in told})
    events = [one.body for _, one in bank.said(topics.BANK_FILES)]
    assert events
    assert {MANY} == {one.lines for one in events}
    assert 1 == len({one.sha256 for one in events})
