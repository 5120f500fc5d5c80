"""Who answers the API in its tests: the real stage steps and a small provider, on the real broker."""

import threading
import time
from collections.abc import Sequence
from typing import Any

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from schemas import ids, topics
from schemas.codec import codec_of
from schemas.envelope import Message as Said
from schemas.kafka import consumer_settings, producer_settings
from schemas.psp import ExecuteOperation, OperationResult
from schemas.settings import Settings
from streams.definition import StageDefinition
from streams.ports import Output, Record
from streams.simulator import MemoryStore
from streams.stages import DEFINITIONS
from streams.step import StageStep

DECLINED = "tok_insufficient_funds"
SILENT = "tok_psp_timeout_then_success"


class Stages:
    """All stages in one thread, with their tables in memory, without commits: enough to be asked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._steps: dict[tuple[str, int], tuple[StageStep[Any], MemoryStore]] = {}
        self._readers_of: dict[str, list[StageDefinition[Any]]] = {}
        for define in DEFINITIONS.values():
            definition = define(settings)
            for topic in definition.inputs:
                self._readers_of.setdefault(topic.name, []).append(definition)
        self._write_result = codec_of(topics.PSP_RESULTS).encode
        self._read_request = codec_of(topics.PSP_REQUESTS).decode
        self.paused = threading.Event()
        self.commands = 0
        self._stopping = threading.Event()
        self._assigned = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stages")

    def start(self) -> None:
        self._thread.start()
        assert self._assigned.wait(30), "the stages did not get their partitions"

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def settled(self) -> int:
        """How many commands were read, once none comes any more: one that was answered 202 is read later."""
        seen = -1
        while seen != self.commands:
            seen = self.commands
            time.sleep(1)
        return seen

    def _run(self) -> None:
        servers = self._settings.kafka_bootstrap_servers
        consumer = Consumer(consumer_settings(servers, client_id="test-stages", group="test-stages"))
        producer = Producer({**producer_settings(servers, client_id="test-stages"), "linger.ms": 0})
        partitions = range(self._settings.partitions)
        consumer.assign([TopicPartition(topic, one, 0) for topic in self._readers_of for one in partitions])
        self._assigned.set()
        while not self._stopping.is_set():
            first = consumer.poll(0.05)
            while self.paused.is_set() and not self._stopping.wait(0.01):
                pass
            if first is not None:
                self._handle(producer, [first, *consumer.consume(200, 0)])
        producer.flush(10)
        consumer.close()

    def _handle(self, producer: Producer, polled: Sequence[Message]) -> None:
        replies: list[Output] = []
        for message in polled:
            assert message.error() is None, message.error()
            one = _record(message)
            # What stages tell each other may come long after the answer to the request that led to it.
            self.commands += ".commands." in one.topic and topics.BY_NAME[one.topic].writer == "api"
            for definition in self._readers_of[one.topic]:
                step, store = self._task(definition, one.partition)
                outbox = step(store, [one])
                for output in outbox.outputs:
                    _produce(producer, output)
                    if output.topic == topics.PSP_REQUESTS.name:
                        self._provide(producer, output)
                replies.extend(outbox.replies)
        assert producer.flush(10) == 0
        for reply in replies:
            _produce(producer, reply)
        producer.poll(0)

    def _task(self, definition: StageDefinition[Any], partition: int) -> tuple[StageStep[Any], MemoryStore]:
        name = (definition.name, partition)
        if name not in self._steps:
            self._steps[name] = (StageStep(definition), MemoryStore())
        return self._steps[name]

    def _provide(self, producer: Producer, asked: Output) -> None:
        """Answer a provider request at once; the silent token is never answered."""
        request = self._read_request(asked.value)
        body = request.body
        token = (
            body.payment_method.token if isinstance(body, ExecuteOperation) and body.payment_method else ""
        )
        if not isinstance(body, ExecuteOperation) or token == SILENT:
            return
        is_declined = token == DECLINED
        result = OperationResult(
            operation_id=body.operation_id,
            psp_key=body.psp_key,
            call_attempt=body.call_attempt,
            provider=body.provider,
            source="answer",
            outcome="declined" if is_declined else "succeeded",
            code="insufficient_funds" if is_declined else None,
            provider_ref=None if is_declined else f"sim_{body.psp_key}",
            amount_minor=None if is_declined else body.amount_minor,
            currency=None if is_declined else body.currency,
        )
        envelope = request.envelope.__class__(
            message_id=ids.digest("answer", body.psp_key),
            causation_id=request.envelope.message_id,
            correlation_id=request.envelope.correlation_id,
            occurred_at_ms=request.envelope.occurred_at_ms + 1,
            mode=request.envelope.mode,
            merchant_id=request.envelope.merchant_id,
            cell=request.envelope.cell,
            actor=request.envelope.actor,
        )
        value = self._write_result(Said(envelope=envelope, body=result))
        _produce(producer, Output(topics.PSP_RESULTS.name, asked.key, value))


def _record(message: Message) -> Record:
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    key, value = message.key(), message.value()
    assert topic is not None
    assert partition is not None
    assert offset is not None
    assert isinstance(key, bytes)
    assert isinstance(value, bytes)
    return Record(topic, partition, offset, key, value, 0)


def _produce(producer: Producer, output: Output) -> None:
    partition = -1 if output.partition is None else output.partition
    producer.produce(output.topic, output.value, output.key, partition=partition)
