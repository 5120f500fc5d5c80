"""What stands around the gateway in its tests: a simulator, gateway processes, and the payments stage's side."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka import Message as KafkaMessage
from confluent_kafka.admin import AdminClient, NewTopic

from ops.stack.ports import free_port
from schemas import ids, topics
from schemas.codec import codec_of
from schemas.envelope import Actor, Envelope, Message
from schemas.kafka import producer_settings
from schemas.payments import OperationKind, PaymentMethod
from schemas.psp import ExecuteOperation, OperationResult, QueryOperation, Request

PARTITIONS = 2
DEADLINE_S = 30.0
CALL_TIMEOUT_MS = 1_000
SETTLE_MS = 200


class Provider:
    """The simulator in its own process."""

    def __init__(self, book: Path, *options: str) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._log = book.with_suffix(".log").open("wb")
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "connectors.psp.simulator",
                "--port",
                str(port),
                "--book",
                str(book),
                *options,
            ],
            stderr=self._log,
        )
        until(self._is_up)

    def effects(self, payment_id: str | None = None) -> list[dict[str, Any]]:
        """What was really done, for one payment or all."""
        query = "" if payment_id is None else f"?payment_reference={payment_id}"
        effects: list[dict[str, Any]] = json.loads(self._get("/_simulator/effects" + query))
        return effects

    def behave(self, **conduct: object) -> None:
        """Change its faults; what is not named is as when it started."""
        request = urllib.request.Request(
            self.url + "/_simulator/faults", data=json.dumps(conduct).encode(), method="PUT"
        )
        urllib.request.urlopen(request, timeout=5).close()

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._log.close()

    def _is_up(self) -> bool:
        assert self._process.poll() is None, "the simulator ended"
        try:
            return bool(self._get("/healthz"))
        except OSError:
            return False

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            body: bytes = answer.read()
        return body


class Gateway:
    """The gateway in its own process; ready once it holds the partitions."""

    def __init__(self, bootstrap_servers: str, provider: Provider, log: Path, **settings: object) -> None:
        given = {
            "kafka_bootstrap_servers": bootstrap_servers,
            "psp_base_url": provider.url,
            "psp_call_timeout_ms": CALL_TIMEOUT_MS,
            "psp_settle_ms": SETTLE_MS,
            "worker_session_timeout_ms": 6_000,
            **settings,
        }
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MILLRACE_")}
        environment |= {f"MILLRACE_{name.upper()}": str(value) for name, value in given.items()}
        self.log = log
        with log.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "connectors.psp"], env=environment, stderr=stderr
            )
        until(self._is_ready)

    def kill(self) -> None:
        """SIGKILL: no chance to finish anything."""
        self.process.kill()
        self.process.wait()

    def terminate(self) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self.process.wait(DEADLINE_S)

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return "partitions assigned" in self.log.read_text()


class Payments:
    """Stands where the payments stage stands: asks, and reads the results of its own payments.

    last_partition, last_offset: where the request written last is.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        self._producer = Producer(producer_settings(bootstrap_servers, client_id="test"))
        self._consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": "test-gateway"})
        self._consumer.assign([self._end(number) for number in range(PARTITIONS)])
        self._results: dict[str, list[Message[OperationResult]]] = {}

    def ask(self, key: str, request: Request, *, valid_ms: int = 60_000) -> Message[Request]:
        """Ask for something; the request as it was sent."""
        now_ms = wall_ms()
        envelope = Envelope(
            message_id=ids.digest("test", key, str(time.monotonic_ns())),
            causation_id="evt_cause",
            correlation_id="req_1",
            occurred_at_ms=now_ms,
            mode="test",
            merchant_id="mer_1",
            cell="00",
            actor=Actor(role="merchant", principal="mer_1"),
            not_after_ms=now_ms + valid_ms if isinstance(request, ExecuteOperation) else None,
        )
        message: Message[Request] = Message(envelope=envelope, body=request)
        self.write(key, codec_of(topics.PSP_REQUESTS).encode(message))
        return message

    def write(self, key: str, value: bytes) -> None:
        """Write bytes on the request topic."""
        self._producer.produce(
            topics.PSP_REQUESTS.name, key=key.encode(), value=value, on_delivery=self._written
        )
        self._producer.flush(DEADLINE_S)

    def results(self, key: str, count: int = 1) -> list[Message[OperationResult]]:
        """The first `count` results of a payment, in their order."""
        until(lambda: self._count(key) >= count)
        return self._results[key]

    def settled(self, keys: set[str]) -> dict[str, list[Message[OperationResult]]]:
        """The results of many payments, once each has one."""
        until(lambda: self._count(*keys) >= 0 and keys <= set(self._results))
        return self._results

    def close(self) -> None:
        """Leave no connection behind."""
        self._consumer.close()

    def _written(self, error: KafkaError | None, record: KafkaMessage) -> None:
        assert error is None, error
        self.last_partition, self.last_offset = record.partition(), record.offset()

    def _count(self, *keys: str) -> int:
        for record in self._consumer.consume(500, 0.05):
            if record.error() is not None:
                raise KafkaException(record.error())
            result = codec_of(topics.PSP_RESULTS).decode(record.value())
            self._results.setdefault((record.key() or b"").decode(), []).append(result)
        return min(len(self._results.get(key, ())) for key in keys)

    def _end(self, number: int) -> TopicPartition:
        place = TopicPartition(topics.PSP_RESULTS.name, number)
        _, end_offset = self._consumer.get_watermark_offsets(place, timeout=10)
        return TopicPartition(topics.PSP_RESULTS.name, number, end_offset)


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; fails after the deadline."""
    deadline_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s, "waited too long"
        time.sleep(0.02)


def wall_ms() -> int:
    """Now, Unix milliseconds."""
    return time.time_ns() // 1_000_000


def fresh_key() -> str:
    """The key of a payment nobody has seen."""
    return "00" + ids.digest("gateway test", str(time.monotonic_ns()))


def execute(
    key: str,
    kind: OperationKind = "sale",
    *,
    token: str = "tok_visa",
    amount_minor: int = 2_599,
    original_ref: str | None = None,
    number: int = 1,
) -> ExecuteOperation:
    """Operation `number` of a payment."""
    operation_id = f"op{number}_{key}"
    return ExecuteOperation(
        operation_id=operation_id,
        payment_id=f"pay_{key}",
        kind=kind,
        amount_minor=amount_minor,
        currency="EUR",
        psp_key=ids.psp_key(operation_id, 0),
        call_attempt=0,
        provider="simulator",
        payment_method=PaymentMethod(type="card", token=token) if original_ref is None else None,
        original_ref=original_ref,
    )


def query(asked: ExecuteOperation, called_not_after_ms: int) -> QueryOperation:
    """The question what became of an operation."""
    return QueryOperation(
        operation_id=asked.operation_id,
        payment_id=asked.payment_id,
        kind=asked.kind,
        psp_key=asked.psp_key,
        call_attempt=asked.call_attempt,
        provider=asked.provider,
        called_not_after_ms=called_not_after_ms,
    )


def provide_topics(bootstrap_servers: str) -> None:
    """Create the gateway's topics where they are missing, and wait until they can be read."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    names = [topics.PSP_REQUESTS.name, topics.PSP_REQUESTS.dead_letters, topics.PSP_RESULTS.name]
    missing = [name for name in names if name not in admin.list_topics(timeout=10).topics]
    for created in admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in missing]).values():
        created.result(10)
    with Consumer({"bootstrap.servers": bootstrap_servers, "group.id": "test-gateway"}) as consumer:
        until(lambda: all(_has_leaders(consumer, name) for name in names))


def _has_leaders(consumer: Consumer, name: str) -> bool:
    try:
        for number in range(PARTITIONS):
            consumer.get_watermark_offsets(TopicPartition(name, number), timeout=10)
    except KafkaException:
        return False
    return True
