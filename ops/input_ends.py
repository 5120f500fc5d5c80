"""How far are a worker's tasks behind the ends of their inputs, asked of the brokers in one request?"""

import threading
from collections.abc import Collection, Mapping
from typing import Final

import structlog
from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # missing from its __all__

from schemas import topics
from schemas.kafka import LIBRARY_LOG
from schemas.settings import Settings
from streams.engine.stage import TaskStatus

TIMEOUT_S: Final = 2.0
_LATEST: Final[OffsetSpec] = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # it has no annotations

Ends = Mapping[tuple[str, int], int]
"""The end offset of each partition of a topic, as readers of committed records see it."""

_log = structlog.get_logger(__name__)


class InputEnds:
    """Asks the brokers for ends; one connection for the life of the process."""

    def __init__(self, settings: Settings) -> None:
        self._admin = AdminClient(
            {
                "bootstrap.servers": settings.kafka_bootstrap_servers,
                "client.id": f"{settings.worker_name}.ends",
            },
            logger=LIBRARY_LOG,
        )
        self._asking = threading.Lock()

    def of(self, partitions: Collection[tuple[str, int]]) -> Ends:
        """The ends the brokers told within TIMEOUT_S; those that are missing are not known. Any thread may ask."""
        waited_for = [TopicPartition(topic, number) for topic, number in partitions if _is_waited_for(topic)]
        if not waited_for:
            return {}
        with self._asking:
            self._admin.poll(0)
            asked = self._admin.list_offsets(
                dict.fromkeys(waited_for, _LATEST),
                isolation_level=IsolationLevel.READ_COMMITTED,
                request_timeout=TIMEOUT_S,
            )
            found: dict[tuple[str, int], int] = {}
            for place, future in asked.items():
                try:
                    found[place.topic, place.partition] = future.result().offset
                except KafkaException as error:
                    _log.warning(
                        "an end is not known", topic=place.topic, partition=place.partition, error=str(error)
                    )
            return found


def lag_records(task: TaskStatus, ends: Ends) -> int | None:
    """Offsets between a task's committed positions and the ends of its inputs; None when an end is not known.

    The markers of transactions have offsets too, so a task that has read everything may show a few.
    """
    inputs = {topic: at for topic, at in task.positions.inputs.items() if _is_waited_for(topic)}
    if any((topic, task.partition) not in ends for topic in inputs):
        return None
    return sum(max(0, ends[topic, task.partition] - at) for topic, at in inputs.items())


def _is_waited_for(topic: str) -> bool:
    """Ticks that change nothing are not committed by themselves, and nobody waits for them."""
    known = topics.BY_NAME.get(topic)
    return known is None or not known.is_skippable
