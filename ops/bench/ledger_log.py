"""What does the ledger's benchmark write and read: commands in, the journal out, and is it all there?"""

import time
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Final

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from ops.bench.commands import capture, envelope
from ops.bench.errors import BenchFailed
from schemas import ids, topics
from schemas.codec import codec_of
from schemas.envelope import Body, Message
from schemas.kafka import consumer_settings
from schemas.ledger import Terms, TransactionPosted
from schemas.merchants import MerchantTermsSet
from schemas.settings import Settings
from schemas.topics import Topic

_TIMEOUT_S: Final = 60.0
_READ: Final = 5_000
_POLL_S: Final = 0.05
_FLUSH_EVERY: Final = 50_000


class Captures:
    """Captures of 25.99 USD in so many books; the first as many go to one book each."""

    def __init__(self, books: int, *, seed: int = 0) -> None:
        self.books = books
        self._seed = seed
        self._random = Random(seed)  # noqa: S311  # a seed repeats it

    def open_books(self, producer: Producer) -> None:
        """Tell the ledger the terms of every merchant: the standard ones."""
        for number in range(self.books):
            merchant = self._merchant(number)
            body = MerchantTermsSet(merchant_id=merchant, number=1, terms=Terms())
            _produce(producer, topics.MERCHANTS_EVENTS, merchant, body, number)
        _flush(producer)

    def give(self, producer: Producer, count: int) -> None:
        """Write so many commands."""
        for number in range(count):
            self.give_one(producer, number)
        _flush(producer)

    def give_one(self, producer: Producer, number: int) -> str:
        """Write one command; the id of its transaction."""
        at = number % self.books if self._seed == 0 else self._random.randrange(self.books)
        merchant = self._merchant(at)
        payment = ids.payment_key(
            mode="test", merchant=merchant, source="api", idempotency_key=f"{self._seed}/{number}"
        )
        body = capture(merchant, payment)
        _produce(producer, topics.LEDGER_COMMANDS_PAYMENTS, merchant, body, number)
        return body.transaction_id

    def _merchant(self, number: int) -> str:
        name = f"hot-{self._seed}" if self.books == 1 else f"bench-{number}"
        return ids.merchant_id(cell="00", mode="test", idempotency_key=name)


class JournalEnds:
    """How many captures the journal has: committed records are read and not decoded."""

    def __init__(self, settings: Settings) -> None:
        self._consumer = _consumer(settings)
        self._counted = 0
        self._consumer.assign(
            [TopicPartition(topics.LEDGER_JOURNAL.name, one, 0) for one in range(settings.partitions)]
        )

    def captures(self, wanted: int) -> int:
        """Captures in the journal by now, at most those wanted."""
        while self._counted < wanted:
            messages = self._consumer.consume(_READ, _POLL_S)
            if not messages:
                break
            self._counted += sum(
                message.error() is None and b"capture" in (message.value() or b"") for message in messages
            )
        return self._counted

    def close(self) -> None:
        """Let go of the connections."""
        self._consumer.close()


def latencies_ms(
    settings: Settings, producer: Producer, captures: Captures, count: int, in_flight: int
) -> list[float]:
    """Milliseconds from each command to its committed record, with a new command for every record that came."""
    consumer = _consumer(settings)
    ends = [
        consumer.get_watermark_offsets(TopicPartition(topics.LEDGER_JOURNAL.name, one), timeout=_TIMEOUT_S)
        for one in range(settings.partitions)
    ]
    consumer.assign(
        [TopicPartition(topics.LEDGER_JOURNAL.name, one, end[1]) for one, end in enumerate(ends) if end]
    )
    consumer.poll(0.5)
    sent: dict[str, float] = {}
    taken: list[float] = []
    given = 0
    decode = codec_of(topics.LEDGER_JOURNAL).decode
    deadline = time.monotonic() + 2 * _TIMEOUT_S
    while len(taken) < count:
        while given < count and len(sent) < in_flight:
            sent[captures.give_one(producer, given)] = time.perf_counter()
            given += 1
        producer.poll(0)
        for message in consumer.consume(in_flight, 0.002):
            value = message.value()
            if message.error() is None and value is not None:
                at_s, body = time.perf_counter(), decode(value).body
                begun_s = sent.pop(getattr(body, "transaction_id", ""), None)
                if begun_s is not None:
                    taken.append((at_s - begun_s) * 1000)
        if time.monotonic() > deadline:
            raise BenchFailed(f"{len(taken)} of {count} captures came back")
    consumer.close()
    return taken


def check(settings: Settings, expected: int) -> None:
    """Raises BenchFailed unless every capture is in the journal once, and debits equal credits."""
    seen: set[str] = set()
    sums: Counter[str] = Counter()
    found = 0
    for body in _journal(settings):
        if not isinstance(body, TransactionPosted):
            continue
        found += 1
        seen.add(body.transaction_id)
        if len(body.legs) != 4:
            raise BenchFailed(f"{body.transaction_id} has {len(body.legs)} legs, a capture has 4")
        for leg in body.legs:
            sums[leg.side] += leg.amount_minor
    if found != expected or len(seen) != expected:
        raise BenchFailed(f"{found} captures, {len(seen)} different ones, where {expected} were due once")
    if sums["debit"] != sums["credit"]:
        raise BenchFailed(f"the books do not balance: {dict(sums)}")


def _journal(settings: Settings) -> Iterator[object]:
    consumer = _consumer(settings)
    consumer.assign(
        [TopicPartition(topics.LEDGER_JOURNAL.name, one, 0) for one in range(settings.partitions)]
    )
    decode, ended = codec_of(topics.LEDGER_JOURNAL).decode, 0
    try:
        while ended < settings.partitions:
            for message in consumer.consume(_READ, 0.2):
                error = message.error()
                if error is None:
                    yield decode(message.value()).body
                elif error.code() == KafkaError._PARTITION_EOF:
                    ended += 1
    finally:
        consumer.close()


def _consumer(settings: Settings) -> Consumer:
    wanted = consumer_settings(settings.kafka_bootstrap_servers, client_id="bench", group="bench")
    return Consumer({**wanted, "enable.partition.eof": True, "fetch.wait.max.ms": 5})


def _produce(producer: Producer, topic: Topic, merchant: str, body: Body, number: int) -> None:
    message_id = ids.digest(topic.name, merchant, str(number))
    key = merchant.partition("_")[2].encode()
    value = codec_of(topic).encode(Message(envelope=envelope(message_id, merchant), body=body))
    producer.produce(topic.name, value, key)
    if number % _FLUSH_EVERY == _FLUSH_EVERY - 1:
        _flush(producer)


def _flush(producer: Producer) -> None:
    if producer.flush(_TIMEOUT_S) > 0:
        raise BenchFailed(f"the broker did not take everything within {_TIMEOUT_S:.0f} s")
