"""What does a payment cost, and what does an idle platform use, process by process?"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
from msgspec.structs import replace

from ops import accounts, lifecycle
from ops.bench.errors import BenchFailed
from ops.bench.meter import Meter, between, quantile, total_us
from ops.bench.result import Result
from schemas.settings import Settings

_CREATED: Final = 201
_SUCCEEDED: Final = 200
_WARM_UP: Final = 100
_IDLE_S: Final = 10.0
_PACED_S: Final = 20.0
_PACE_S: Final = 0.1
_INTENT: Final = {
    "amount": 2599,
    "currency": "USD",
    "capture_method": "automatic",
    "payment_method": {"type": "card", "token": "tok_visa"},
}


class Load:
    """A client of one merchant on a platform of its own, and a meter on every process."""

    def __init__(self, running: lifecycle.Status, secret_key: str) -> None:
        self.meter = Meter({one.role: one.pid for one in running.processes if one.pid is not None})
        self._url = running.api_url
        self._headers = {"Authorization": f"Bearer {secret_key}"}

    def run(self, work: Callable[["Client"], Awaitable[None]]) -> None:
        """Run `work` with one HTTP session."""

        async def in_session() -> None:
            connector = aiohttp.TCPConnector(limit=0)
            async with aiohttp.ClientSession(self._url, headers=self._headers, connector=connector) as http:
                await work(Client(http))

        asyncio.run(in_session())


class Client:
    """Asks for payments, and notes how long each took."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http
        self.durations_ms: list[float] = []

    async def create(self) -> str:
        """Create an intent; its id. Raises BenchFailed for another answer."""
        return str((await self._post("/v1/payment_intents", _INTENT, _CREATED))["payment_intent_id"])

    async def pay(self) -> None:
        """Create and confirm one payment, captured at once."""
        started = time.perf_counter()
        intent = await self.create()
        await self._post(f"/v1/payment_intents/{intent}/confirm", {}, _SUCCEEDED)
        self.durations_ms.append((time.perf_counter() - started) * 1000)

    async def many(self, ask: Callable[[], Awaitable[Any]], count: int, concurrency: int) -> None:
        """`count` times, `concurrency` at once."""
        left = iter(range(count))

        async def lane() -> None:
            for _ in left:
                await ask()

        await asyncio.gather(*(lane() for _ in range(concurrency)))

    async def paced(self, duration_s: float, every_s: float) -> int:
        """A payment every so often, whatever became of the one before; how many were made."""
        asked: list[asyncio.Task[None]] = []
        began = time.monotonic()
        while (now_s := time.monotonic() - began) < duration_s:
            if now_s >= len(asked) * every_s:
                asked.append(asyncio.create_task(self.pay()))
            await asyncio.sleep(every_s / 10)
        await asyncio.gather(*asked)
        return len(asked)

    async def _post(self, path: str, body: object, expected: int) -> dict[str, Any]:
        async with self._http.post(path, json=body) as answer:
            if answer.status != expected:
                raise BenchFailed(f"POST {path} was answered {answer.status}: {(await answer.text())[:300]}")
            found: dict[str, Any] = await answer.json()
            return found


@contextmanager
def loaded_platform(settings: Settings) -> Iterator[Load]:
    """A platform in a directory of its own with one merchant, stopped and removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as scratch:
        own = replace(settings, data_dir=str(Path(scratch) / "data"))
        running = lifecycle.up(own, api_port=None, is_detached=True)
        try:
            url, key = lifecycle.api_access(own)
            merchant = accounts.create_merchant(url, key, display_name="Bench")
            load = Load(running, merchant["secret_key"])
            load.run(lambda client: client.many(client.pay, _WARM_UP, 8))
            yield load
        finally:
            lifecycle.down(own)


def api_accept(load: Load, *, requests: int = 3_000, concurrency: int = 64) -> Result:
    """CPU of the API, and of every other process, per accepted creation."""
    before, started = load.meter.read(), time.perf_counter()
    load.run(lambda client: client.many(client.create, requests, concurrency))
    costs = load.meter.costs(between(before, load.meter.read()), requests)
    rate = requests / (time.perf_counter() - started)
    return Result(
        name="api_accept",
        variant=f"{concurrency} at once",
        unit="request",
        units=requests,
        cpu_us_per_unit=costs["api"].cpu_us_per_unit,
        units_per_second=round(rate, 1),
        processes=costs,
    )


def end_to_end(load: Load, *, payments: int = 2_000, concurrency: int = 32) -> Result:
    """CPU of all processes together per payment, created and captured, and how long one takes."""
    clients: list[Client] = []

    async def work(client: Client) -> None:
        clients.append(client)
        await client.many(client.pay, payments, concurrency)

    before, started = load.meter.read(), time.perf_counter()
    load.run(work)
    rate = payments / (time.perf_counter() - started)
    costs = load.meter.costs(between(before, load.meter.read()), payments)
    return Result(
        name="end_to_end",
        variant=f"{concurrency} at once",
        unit="payment",
        units=payments,
        cpu_us_per_unit=total_us(costs.values()),
        units_per_second=round(rate, 1),
        p50_ms=round(quantile(clients[0].durations_ms, 0.50), 1),
        p99_ms=round(quantile(clients[0].durations_ms, 0.99), 1),
        processes=costs,
    )


def idle(load: Load) -> Result:
    """CPU of every process per second in which nothing happens but time."""
    before = load.meter.read()
    time.sleep(_IDLE_S)
    span = between(before, load.meter.read())
    costs = load.meter.costs(span, span.wall_s)
    return Result(
        name="idle",
        variant="no requests",
        unit="second",
        units=round(span.wall_s),
        cpu_us_per_unit=total_us(costs.values()),
        units_per_second=1.0,
        processes=costs,
    )


def ten_per_second(load: Load) -> Result:
    """CPU of every process per second at ten payments a second, and how long one takes then."""
    clients: list[Client] = []

    async def work(client: Client) -> None:
        clients.append(client)
        await client.paced(_PACED_S, _PACE_S)

    before = load.meter.read()
    load.run(work)
    span = between(before, load.meter.read())
    costs = load.meter.costs(span, span.wall_s)
    made = len(clients[0].durations_ms)
    return Result(
        name="ten_per_second",
        variant="10 payments/s",
        unit="second",
        units=round(span.wall_s),
        cpu_us_per_unit=total_us(costs.values()),
        units_per_second=round(made / span.wall_s, 2),
        p50_ms=round(quantile(clients[0].durations_ms, 0.50), 1),
        p99_ms=round(quantile(clients[0].durations_ms, 0.99), 1),
        processes=costs,
    )
