"""How do answers leave a worker: after the commit, never waited for, lost when the worker dies."""

import logging
from collections.abc import Iterable

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streams.engine import clients
from streams.engine.config import EngineConfig
from streams.ports import Output

_log = logging.getLogger(__name__)


class Replies:
    """The plain producer of a worker. A lost reply is a 202 or a retry at the caller."""

    def __init__(self, config: EngineConfig) -> None:
        self._producer = Producer(clients.replying(config))

    def send(self, replies: Iterable[Output]) -> None:
        """Hand the replies over; what does not fit into the queue is dropped."""
        try:
            for topic, key, value, partition, headers in replies:
                at = -1 if partition is None else partition
                self._producer.produce(topic, value, key, at, headers=list(headers), on_delivery=_report)
        except (BufferError, KafkaException) as error:
            _log.warning("replies were dropped: %s", error)
        self._producer.poll(0)

    def flush(self, timeout_ms: int) -> None:
        """Wait for what was handed over, at most `timeout_ms`."""
        self._producer.flush(timeout_ms / 1000)


def _report(error: KafkaError | None, message: Message) -> None:
    if error is not None:
        _log.warning("a reply to %s was lost: %s", message.topic(), error)
