"""How is a platform kept busy: payments over HTTP, as many at once or as often as asked, each one timed."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

import aiohttp

from ops.bench.errors import BenchFailed

_SALE: Final = {
    "amount": 2_599,
    "currency": "USD",
    "capture_method": "automatic",
    "payment_method": {"type": "card", "token": "tok_visa"},
}
_CREATED: Final = 201
_OK: Final = 200
_MILLISECONDS: Final = 1_000

Work = Callable[["Shop"], Awaitable[object]]


class Load(NamedTuple):
    """What was done. latencies_ms: of each unit. wall_s: from the first request to the last answer."""

    latencies_ms: list[float]
    wall_s: float


class Shop:
    """A merchant's program."""

    def __init__(self, session: aiohttp.ClientSession, api_url: str) -> None:
        self._session = session
        self._api_url = api_url

    async def create(self) -> str:
        """Create an intent; its id. Raises BenchFailed for any answer but 201."""
        return str((await self._post("/v1/payment_intents", _SALE, _CREATED))["payment_intent_id"])

    async def pay(self) -> None:
        """Create an intent and confirm it: a sale. Raises BenchFailed unless it ends captured."""
        intent = await self.create()
        paid = await self._post(f"/v1/payment_intents/{intent}/confirm", {}, _OK)
        if paid["status"] != "captured":
            raise BenchFailed(f"{intent} is {paid['status']} where it should be captured")

    async def _post(self, path: str, body: dict[str, Any], expected: int) -> dict[str, Any]:
        async with self._session.post(self._api_url + path, json=body) as answer:
            told: dict[str, Any] = await answer.json()
            if answer.status != expected:
                raise BenchFailed(f"POST {path} had {answer.status} where {expected} was due: {told}")
            return told


def at_once(api_url: str, secret_key: str, work: Work, *, concurrency: int, seconds: float) -> Load:
    """So many callers, each asking again as soon as it is answered, for so long."""

    async def run(shop: Shop) -> list[float]:
        ends_at = time.monotonic() + seconds

        async def caller() -> list[float]:
            found = []
            while time.monotonic() < ends_at:
                found.append(await _timed(work, shop))
            return found

        callers = await asyncio.gather(*(caller() for _ in range(concurrency)))
        return [one for found in callers for one in found]

    return asyncio.run(_with_shop(api_url, secret_key, run))


def evenly(api_url: str, secret_key: str, work: Work, *, per_second: float, count: int) -> Load:
    """So many units, begun at a fixed rate whatever the answers take."""

    async def run(shop: Shop) -> list[float]:
        begun_at = time.monotonic()

        async def later(number: int) -> float:
            await asyncio.sleep(max(0.0, begun_at + number / per_second - time.monotonic()))
            return await _timed(work, shop)

        return list(await asyncio.gather(*(later(number) for number in range(count))))

    return asyncio.run(_with_shop(api_url, secret_key, run))


async def _timed(work: Work, shop: Shop) -> float:
    started = time.perf_counter()
    await work(shop)
    return (time.perf_counter() - started) * _MILLISECONDS


async def _with_shop(api_url: str, secret_key: str, run: Callable[[Shop], Awaitable[list[float]]]) -> Load:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=30),
        headers={"Authorization": f"Bearer {secret_key}"},
    ) as session:
        started = time.monotonic()
        latencies = await run(Shop(session, api_url))
        return Load(latencies, time.monotonic() - started)
