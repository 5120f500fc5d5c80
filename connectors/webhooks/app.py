"""Which parts make the egress process: settings, sender, crew and the connector loop, bound together."""

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry

from connectors.acknowledged import AcknowledgedWriter
from connectors.crew import Crew
from connectors.dead_letters import DeadLetters
from connectors.metrics import new_registry, serving
from connectors.runtime import ConnectorLoop, Subscription, run_process, stop_on_signals
from connectors.webhooks.deletions import Deletions
from connectors.webhooks.egress import Deliveries, Egress
from connectors.webhooks.lanes import EndpointLanes, LaneLimits, Parcel
from connectors.webhooks.schedule import schedule_of
from connectors.webhooks.sender import Sender
from schemas import metrics
from schemas.logs import configure_logs
from schemas.sealing import Sealer
from schemas.settings import Settings, parse_settings
from schemas.topics import WEBHOOKS_DELAYED, WEBHOOKS_DELIVERIES

ROLE: Final = "webhooks"
GROUP: Final = "millrace.connectors.webhooks"
MOST_IN_HAND: Final = 2_000
"""Their bytes have to fit into the producer's buffer, should all of them be put aside at once."""
MOST_IN_ONE_LANE: Final = MOST_IN_HAND // 10
TOPICS: Final = (WEBHOOKS_DELIVERIES.name, *(topic.name for topic in WEBHOOKS_DELAYED.values()))


def main() -> int:
    """Run the egress until SIGTERM; the exit code of the process. Raises SettingsError."""
    settings = parse_settings(os.environ)
    configure_logs(settings.log_level, role=ROLE)
    return run_process(ROLE, lambda: _run(settings))


def _run(settings: Settings) -> None:
    stopping = stop_on_signals()
    member = f"{ROLE}-{settings.worker_name}"
    schedule = schedule_of(settings.webhooks_retry_delays_ms)
    limits = LaneLimits(
        total=settings.webhooks_concurrency,
        endpoint=settings.webhooks_endpoint_concurrency,
        waiting=MOST_IN_ONE_LANE,
    )
    crew: Crew[Parcel, EndpointLanes] = Crew("webhook-calls", partial(EndpointLanes, limits))
    crew.start()
    sender = crew.run(lambda: _open(settings))
    deletions = Deletions(settings.kafka_bootstrap_servers, client_id=member)
    try:
        loop = ConnectorLoop(Subscription(group=GROUP, member=member, topics=TOPICS), settings, stopping)
        egress = Egress(
            loop,
            Deliveries(sender=sender, schedule=schedule, deletions=deletions, now_ms=_now_ms),
            crew,
            writer=AcknowledgedWriter(settings.kafka_bootstrap_servers, client_id=member),
            letters=DeadLetters(settings.kafka_bootstrap_servers, client_id=member),
            most_in_hand=MOST_IN_HAND,
        )
        with serving(_measured(egress, crew.lanes), settings):
            loop.run(egress)
    finally:
        # In this order: closing the sender under an attempt would make its end look like a lost answer.
        crew.clear()
        crew.run(sender.close)
        crew.stop()
        deletions.close()


def _measured(egress: Egress, lanes: EndpointLanes) -> CollectorRegistry:
    """How much there is to do, read when it is asked for."""
    registry = new_registry()
    metrics.WEBHOOK_DELIVERIES_IN_FLIGHT.gauge(registry).set_function(lambda: lanes.sending)
    metrics.WEBHOOK_LANES.gauge(registry).set_function(lambda: lanes.busy)
    metrics.WEBHOOK_BACKLOG.gauge(registry).set_function(lambda: egress.in_hand)
    return registry


async def _open(settings: Settings) -> Sender:
    # Names are resolved in threads; a name server that hangs must not take all of them.
    resolving = ThreadPoolExecutor(settings.webhooks_concurrency, thread_name_prefix="resolve")
    asyncio.get_running_loop().set_default_executor(resolving)
    key = settings.webhooks_sealing_key
    return Sender(
        Sealer(key) if key else None,
        timeout_ms=settings.webhooks_timeout_ms,
        connections=settings.webhooks_concurrency,
        is_loopback_allowed=settings.mode == "test",
        now_ms=_now_ms,
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
