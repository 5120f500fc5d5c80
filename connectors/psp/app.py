"""Which parts make the gateway process: settings, provider, crew and the connector loop, bound together."""

import os
import time
from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry

from connectors.crew import Crew
from connectors.dead_letters import DeadLetters
from connectors.metrics import new_registry, serving
from connectors.psp.caller import Caller, CallLimits
from connectors.psp.gateway import Gateway
from connectors.psp.http_provider import HttpProvider
from connectors.psp.lanes import Lanes, Work
from connectors.psp.measures import Measures
from connectors.psp.membership import Membership
from connectors.psp.results import Results
from connectors.runtime import ConnectorLoop, Subscription, run_process, stop_on_signals
from schemas import topics
from schemas.logs import configure_logs
from schemas.settings import Settings, parse_settings

ROLE: Final = "psp"
GROUP: Final = "millrace.connectors.psp"


def main() -> int:
    """Run the gateway until SIGTERM; the exit code of the process. Raises SettingsError."""
    settings = parse_settings(os.environ)
    configure_logs(settings.log_level, role=ROLE)
    return run_process(ROLE, lambda: _run(settings))


def _run(settings: Settings) -> None:
    stopping = stop_on_signals()
    member = _member(settings)
    subscription = Subscription(group=GROUP, member=member, topics=(topics.PSP_REQUESTS.name,))
    crew: Crew[Work, Lanes] = Crew("psp-calls", partial(Lanes, settings.psp_concurrency))
    crew.start()
    provider = crew.run(lambda: _open(settings))
    registry = new_registry()
    try:
        loop = ConnectorLoop(subscription, settings, stopping)
        gateway = _gateway(settings, loop, provider, crew, registry)
        with serving(registry, settings):
            loop.run(gateway)
    finally:
        # In this order: closing the provider under a call would make its end look like a lost answer.
        crew.clear()
        crew.run(provider.close)
        crew.stop()


async def _open(settings: Settings) -> HttpProvider:
    return HttpProvider(
        settings.psp_base_url,
        api_key=settings.psp_api_key,
        call_timeout_ms=settings.psp_call_timeout_ms,
        connections=settings.psp_concurrency,
    )


def _gateway(
    settings: Settings,
    loop: ConnectorLoop,
    provider: HttpProvider,
    crew: Crew[Work, Lanes],
    registry: CollectorRegistry,
) -> Gateway:
    measures = Measures(registry)
    membership = Membership(settings.worker_session_timeout_ms)
    limits = CallLimits(call_timeout_ms=settings.psp_call_timeout_ms, settle_ms=settings.psp_settle_ms)
    gateway = Gateway(
        loop,
        Caller(
            {settings.psp_provider: provider},
            limits,
            confirm_membership=membership.confirm,
            now_ms=_now_ms,
            measures=measures,
        ),
        crew,
        results=Results(settings.kafka_bootstrap_servers, client_id=_member(settings)),
        letters=DeadLetters(settings.kafka_bootstrap_servers, client_id=_member(settings)),
        membership=membership,
        # One waits for a place while one is called, so that a place is never empty while there is work.
        most_in_hand=2 * settings.psp_concurrency,
        now_ms=_now_ms,
    )
    measures.in_hand.set_function(lambda: gateway.in_hand)
    return gateway


def _member(settings: Settings) -> str:
    return f"{ROLE}-{settings.worker_name}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
