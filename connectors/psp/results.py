"""When is a result told: once the brokers have acknowledged its record."""

from collections.abc import Callable
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, Producer

from connectors.runtime import Undelivered
from schemas import topics
from schemas.codec import codec_of
from schemas.envelope import Message
from schemas.kafka import producer_settings
from schemas.psp import OperationResult

_encode: Callable[[Message[OperationResult]], bytes] = codec_of(topics.PSP_RESULTS).encode


class Results:
    """Writes psp.results. `tell` may be called from any thread; callbacks run inside `serve`."""

    def __init__(self, bootstrap_servers: str, *, client_id: str) -> None:
        self._producer = Producer(producer_settings(bootstrap_servers, client_id=client_id))
        self._refused: KafkaError | None = None

    def tell(self, key: bytes, result: Message[OperationResult], on_told: Callable[[], None]) -> None:
        """Write a result under its payment's key; `on_told` is called once it is durable."""
        self._producer.produce(
            topics.PSP_RESULTS.name,
            key=key,
            value=_encode(result),
            on_delivery=partial(self._delivered, on_told),
        )

    def serve(self, timeout_s: float = 0.0) -> None:
        """Call the callbacks of what was acknowledged. Raises Undelivered when the brokers refused one."""
        self._producer.poll(timeout_s)
        if self._refused is not None:
            raise Undelivered(f"{topics.PSP_RESULTS.name} refused a result: {self._refused}")

    def _delivered(self, on_told: Callable[[], None], error: KafkaError | None, _: Any) -> None:
        if error is None:
            on_told()
        else:
            self._refused = self._refused or error
