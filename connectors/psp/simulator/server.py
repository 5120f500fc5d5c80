"""Which routes does the provider serve, and how does it come up and go away?"""

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from connectors.psp.simulator import control, operations, settlement_routes
from connectors.psp.simulator.answers import PROVIDER, problem_response
from connectors.psp.simulator.callbacks import Courier
from connectors.psp.simulator.journal import Journal
from connectors.psp.simulator.problems import UNAUTHENTICATED, Problem
from connectors.psp.simulator.provider import Provider
from connectors.psp.simulator.rendering import ACTION_PATH
from connectors.psp.simulator.requests import BODY_LIMIT_BYTES
from connectors.psp.simulator.settings import Settings

# Calls held open on purpose are cut off after this long, so it is kept short.
SHUTDOWN_TIMEOUT_S = 1.0
BACKLOG = 1024

_SETTINGS = web.AppKey("settings", Settings)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """A provider that is up: its address, and the task that ends only where its book fails."""

    url: str
    running: asyncio.Task[None]


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Serving]:
    """A provider from its first to its last call. Raises JournalError, or OSError where the port is taken."""
    async with AsyncExitStack() as stack:
        journal = stack.enter_context(Journal(settings.book))
        courier = None
        if settings.callback_secret is not None:
            courier = Courier(settings.callback_secret)
            stack.push_async_callback(courier.close)
        provider = Provider(settings, journal, courier)
        running = asyncio.create_task(provider.run())
        stack.push_async_callback(_ended, provider, running)
        runner = web.AppRunner(
            application(provider, settings), access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT_S
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, settings.host, settings.port, backlog=BACKLOG)
        await site.start()
        port = runner.addresses[0][1]
        yield Serving(url=f"http://{settings.host}:{port}", running=running)


def application(provider: Provider, settings: Settings) -> web.Application:
    """The provider's routes: /v1 for callers, /actions for customers, /_simulator for whoever tests."""
    app = web.Application(middlewares=[_problems_as_json, _authenticated], client_max_size=BODY_LIMIT_BYTES)
    app[PROVIDER] = provider
    app[_SETTINGS] = settings
    app[control.STANDARD_CONDUCT] = settings.conduct
    app.add_routes(
        [
            web.post("/v1/operations", operations.execute),
            web.get("/v1/operations/by-key/{idempotency_key:.+}", operations.query),
            web.get(ACTION_PATH + "/{provider_ref}", operations.complete_action),
            web.post(ACTION_PATH + "/{provider_ref}", operations.complete_action),
            web.get("/_simulator/faults", control.show_conduct),
            web.put("/_simulator/faults", control.change_conduct),
            web.get("/_simulator/effects", control.list_effects),
            web.get("/_simulator/summary", control.show_summary),
            web.get("/_simulator/settlement", settlement_routes.list_settlements),
            web.post("/_simulator/settlement", settlement_routes.settle),
            web.put("/_simulator/settlement", settlement_routes.settle),
            web.post("/_simulator/settlement/{batch_id}", settlement_routes.write_again),
            web.get("/healthz", control.show_health),
        ]
    )
    return app


async def _ended(provider: Provider, running: asyncio.Task[None]) -> None:
    provider.stop()
    await running


@web.middleware
async def _problems_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        code = error.reason.lower().replace(" ", "_")
        message = f"{request.method} {request.path}: {error.reason}."
        return problem_response(Problem(http_status=error.status, code=code, message=message))


@web.middleware
async def _authenticated(request: web.Request, handler: Handler) -> web.StreamResponse:
    api_key = request.app[_SETTINGS].api_key
    if api_key is not None and request.path.startswith("/v1/"):
        sent = request.headers.get("Authorization", "")
        if not hmac.compare_digest(sent.encode(), f"Bearer {api_key}".encode()):
            return problem_response(UNAUTHENTICATED)
    return await handler(request)
