"""How does time reach the stages: a tick to every partition of the clock's topic, again and again."""

import os
import time
from collections.abc import Callable
from threading import Event
from typing import Final

import structlog
from confluent_kafka import KafkaError, Message, Producer
from prometheus_client import Counter

from connectors.clock.ticks import tick
from connectors.metrics import new_registry, serving
from connectors.runtime import Undelivered, run_process, stop_on_signals
from schemas import metrics, topics
from schemas.codec import codec_of
from schemas.kafka import producer_settings
from schemas.logs import configure_logs
from schemas.settings import Settings, parse_settings

ROLE: Final = "clock"
METADATA_TIMEOUT_S: Final = 10.0
FLUSH_TIMEOUT_S: Final = 5.0

_log = structlog.get_logger(__name__)


class Clock:
    """Writes ticks. A tick that is not delivered ends the process: stages without time must not go unseen."""

    def __init__(self, settings: Settings, now_ms: Callable[[], int], told: Counter) -> None:
        self._settings = settings
        self._now_ms = now_ms
        self._told = told
        self._producer = Producer(producer_settings(settings.kafka_bootstrap_servers, client_id="clock"))
        self._refused: KafkaError | None = None

    def run(self, stopping: Event) -> None:
        """Tick until stopped, at once and then every `clock_tick_ms`. Raises Undelivered."""
        partitions = self._partitions()
        _log.info("ticking", every_ms=self._settings.clock_tick_ms, partitions=partitions)
        period_s = self._settings.clock_tick_ms / 1000
        while not stopping.is_set():
            self._tell(partitions)
            stopping.wait(period_s)
        self._producer.flush(FLUSH_TIMEOUT_S)

    def _tell(self, partitions: int) -> None:
        value = codec_of(topics.CLOCK_TICKS).encode(tick(self._now_ms(), self._settings))
        for number in range(partitions):
            self._producer.produce(
                topics.CLOCK_TICKS.name, value=value, partition=number, on_delivery=self._delivered
            )
        self._producer.poll(0)
        if self._refused is not None:
            raise Undelivered(f"{topics.CLOCK_TICKS.name}: {self._refused.str()}; are the brokers up?")

    def _partitions(self) -> int:
        name = topics.CLOCK_TICKS.name
        found = self._producer.list_topics(name, timeout=METADATA_TIMEOUT_S).topics[name]
        if found.error is not None:
            raise Undelivered(f"{name}: {found.error.str()}; are the topics created?")
        return len(found.partitions)

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        self._refused = self._refused or error
        if error is None:
            self._told.inc()


def main() -> int:
    """Tick until SIGTERM; the exit code of the process."""
    settings = parse_settings(os.environ)
    configure_logs(settings.log_level, role=ROLE)
    return run_process(ROLE, lambda: _run(settings))


def _run(settings: Settings) -> None:
    stopping = stop_on_signals()
    registry = new_registry()
    clock = Clock(settings, _wall_clock_ms, metrics.CLOCK_TICKS.counter(registry))
    with serving(registry, settings):
        clock.run(stopping)


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000
