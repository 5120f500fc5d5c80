"""When is something told: once the brokers have acknowledged every record that says it."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, Producer

from connectors.runtime import Undelivered
from schemas.kafka import producer_settings


class Said(NamedTuple):
    """A record to write."""

    topic: str
    key: bytes
    value: bytes


class AcknowledgedWriter:
    """Writes records. `write` may be called from any thread; callbacks run inside `serve`."""

    def __init__(self, bootstrap_servers: str, *, client_id: str) -> None:
        self._producer = Producer(producer_settings(bootstrap_servers, client_id=client_id))
        self._refused: tuple[str, KafkaError] | None = None

    def write(self, records: Sequence[Said], on_acknowledged: Callable[[], None]) -> None:
        """Write records, at least one; `on_acknowledged` is called once all of them are durable."""
        waiting = _Waiting(len(records), on_acknowledged)
        for topic, key, value in records:
            self._producer.produce(
                topic, key=key, value=value, on_delivery=partial(self._delivered, topic, waiting)
            )

    def serve(self, timeout_s: float = 0.0) -> None:
        """Call the callbacks of what was acknowledged. Raises Undelivered when the brokers refused a record."""
        self._producer.poll(timeout_s)
        if self._refused is not None:
            topic, error = self._refused
            raise Undelivered(f"{topic} refused a record: {error}")

    def _delivered(self, topic: str, waiting: "_Waiting", error: KafkaError | None, _: Any) -> None:
        if error is None:
            waiting.acknowledge()
        else:
            self._refused = self._refused or (topic, error)


class _Waiting:
    def __init__(self, records: int, on_acknowledged: Callable[[], None]) -> None:
        assert records > 0, "nothing is written, so nothing will ever be acknowledged"
        self._records = records
        self._on_acknowledged = on_acknowledged

    def acknowledge(self) -> None:
        self._records -= 1
        if self._records == 0:
            self._on_acknowledged()
