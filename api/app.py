"""How is an API process put together, started and stopped?"""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Final

import structlog
from aiohttp import web

from api.auth import KeyRing
from api.commands import Commands, PaymentCommands
from api.connections import Connections
from api.description import described_json
from api.dispatch import endpoint, unmatched
from api.keys import key_reader
from api.ledger_queries import LedgerQueries
from api.metrics import Metrics
from api.parsing import MAX_BODY_BYTES
from api.producer import Producer
from api.queries import Queries
from api.recent import RecentViews
from api.replies import Replies
from api.requests_log import RequestsLog
from api.routes import ROUTES
from api.services import SERVICES, Services
from api.webhook_queries import WebhookQueries
from schemas.logs import configure_logs
from schemas.sealing import Sealer
from schemas.settings import Settings, parse_settings

# Together below the ten seconds in which a process has to stop.
_ANSWER_WAITING_S: Final = 4.0
_FINISH_REQUESTS_S: Final = 6.0
_FLUSH_S: Final = 3.0
_KEEPALIVE_S: Final = 75.0
# A caller waits for a command; nobody waits for the log of answers, and fewer, fuller requests are cheaper.
_COMMAND_LINGER_MS: Final = 2
_ANSWER_LINGER_MS: Final = 20
_log = structlog.get_logger(__name__)


def main() -> None:
    """Serve until SIGTERM or SIGINT, with settings from the environment."""
    settings = parse_settings(os.environ)
    configure_logs(settings.log_level, role="api", instance=settings.api_instance)
    asyncio.run(serve(settings))


async def serve(settings: Settings) -> None:
    """Serve until told to stop; then take no new requests, finish those in flight, and write out every record.

    Raises what ended a background reader: the process is of no use without it.
    """
    stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _finish, stopped, None)
    async with running(settings, stopped) as services:
        runner = web.AppRunner(
            application(services),
            access_log=None,
            keepalive_timeout=_KEEPALIVE_S,
            shutdown_timeout=_FINISH_REQUESTS_S,
        )
        await runner.setup()
        await web.TCPSite(runner, settings.api_host, settings.api_port, backlog=1024).start()
        _log.info("api_listening", host=settings.api_host, port=settings.api_port)
        try:
            await stopped
        finally:
            await runner.cleanup()
    _log.info("api_stopped")


@asynccontextmanager
async def running(settings: Settings, stopped: "asyncio.Future[None]") -> AsyncIterator[Services]:
    """The services of one process with its readers and producer at work; `stopped` gets what ended them."""
    loop = asyncio.get_running_loop()
    connections = Connections(settings.postgres_dsn)
    commands = _producer(settings, stopped, _COMMAND_LINGER_MS)
    answers = _producer(settings, stopped, _ANSWER_LINGER_MS)
    services = _services(settings, commands, answers, connections)
    with ThreadPoolExecutor(max_workers=len(services.readers), thread_name_prefix="reader") as threads:
        for reader in services.readers.values():
            loop.run_in_executor(threads, reader.run).add_done_callback(
                lambda done: _finish(stopped, None if done.cancelled() else done.exception())
            )
        try:
            yield services
        finally:
            for reader in services.readers.values():
                reader.stop()
            if left := sum(await asyncio.gather(commands.flush(_FLUSH_S), answers.flush(_FLUSH_S))):
                _log.error("records_not_written", records=left)
            await connections.close()


def _producer(settings: Settings, stopped: "asyncio.Future[None]", linger_ms: int) -> Producer:
    return Producer(
        settings.kafka_bootstrap_servers,
        client_id=settings.api_instance,
        linger_ms=linger_ms,
        on_fatal=lambda error: _finish(stopped, error),
    )


def _services(
    settings: Settings, producer: Producer, answers: Producer, connections: Connections
) -> Services:
    keys = KeyRing(cell=settings.cell, first_operator_sha256=settings.operator_key_sha256)
    replies, queries, recent = Replies(settings), Queries(connections), RecentViews()
    commands = Commands(settings, producer, replies)
    return Services(
        settings=settings,
        clock=_wall_clock_ms,
        keys=keys,
        producer=producer,
        replies=replies,
        commands=commands,
        payments=PaymentCommands(commands, recent, queries),
        queries=queries,
        webhooks=WebhookQueries(connections),
        ledger=LedgerQueries(connections),
        sealer=Sealer(settings.webhooks_sealing_key) if settings.webhooks_sealing_key else None,
        recent=recent,
        requests_log=RequestsLog(settings, answers),
        metrics=Metrics(),
        readers={"replies": replies.reader, "keys": key_reader(settings, keys)},
        description=described_json(),
    )


def application(services: Services) -> web.Application:
    """Every route over these services."""
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[unmatched])
    app[SERVICES] = services
    for route in ROUTES:
        app.router.add_route(route.method, route.path, endpoint(route))
    app.on_shutdown.append(_stop_waiting)
    return app


async def _stop_waiting(app: web.Application) -> None:
    """A result that takes longer than we have left is told as 202."""
    replies = app[SERVICES].replies
    asyncio.get_running_loop().call_later(_ANSWER_WAITING_S, replies.expire_all)


def _finish(stopped: "asyncio.Future[None]", error: BaseException | None) -> None:
    if stopped.done():
        return
    if error is None:
        stopped.set_result(None)
    else:
        stopped.set_exception(error)


def _wall_clock_ms() -> int:
    """The one place in this package that reads the wall clock."""
    return time.time_ns() // 1_000_000
