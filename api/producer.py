"""How does a record reach Kafka: one idempotent producer, served by the event loop."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka import Producer as KafkaProducer

from api.problems import Problem
from schemas.kafka import producer_settings
from schemas.outcomes import Outcome

Delivered = Callable[[KafkaError | None], None]
"""Called once with None when every in-sync replica has the record, or with why it may be lost."""

_POLL_S: Final = 0.005
_log = structlog.get_logger(__name__)


class Producer:
    """Writes records; `send` returns at once and reports later.

    Delivery reports are collected by a timer of the event loop that runs only while records are under
    way: no thread competes with the handlers for the interpreter. linger_ms: how long a record
    may wait for company. on_fatal: the producer is of no further use.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        *,
        client_id: str,
        linger_ms: int,
        on_fatal: Callable[[BaseException], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_fatal = on_fatal
        self._is_polled = False
        self._kafka = KafkaProducer(
            {
                **producer_settings(bootstrap_servers, client_id=client_id),
                "linger.ms": linger_ms,
                "error_cb": self._on_error,
            }
        )

    def send(self, topic: str, key: bytes, value: bytes, on_delivered: Delivered) -> None:
        """Write one record. Raises Problem when not even the local queue takes it."""

        def report(error: KafkaError | None, _: Message) -> None:
            on_delivered(error)

        try:
            self._kafka.produce(topic, value, key, on_delivery=report)
        except BufferError as error:
            raise Problem(Outcome.OVERLOADED) from error
        except KafkaException as error:
            _log.error("produce_refused", topic=topic, error=str(error))
            raise Problem(Outcome.UNAVAILABLE) from error
        if not self._is_polled:
            self._is_polled = True
            self._loop.call_later(_POLL_S, self._poll)

    async def send_acknowledged(self, topic: str, key: bytes, value: bytes) -> None:
        """Write one record and wait until it cannot be lost. Raises Problem when that is not certain."""
        done: asyncio.Future[None] = self._loop.create_future()

        def finish(error: KafkaError | None) -> None:
            if done.done():
                return
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(Problem(Outcome.UNAVAILABLE))

        self.send(topic, key, value, finish)
        await done

    async def flush(self, timeout_s: float) -> int:
        """Wait until nothing is under way, at most so long; returns how many records still are."""
        ends_at = self._loop.time() + timeout_s
        while len(self._kafka) and self._loop.time() < ends_at:
            self._kafka.poll(0)
            await asyncio.sleep(_POLL_S)
        return len(self._kafka)

    def _poll(self) -> None:
        self._kafka.poll(0)
        self._is_polled = len(self._kafka) > 0
        if self._is_polled:
            self._loop.call_later(_POLL_S, self._poll)

    def _on_error(self, error: KafkaError) -> None:
        _log.warning("producer_error", error=str(error))
        if error.fatal():
            self._on_fatal(KafkaException(error))
