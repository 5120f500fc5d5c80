"""How does a merchant's program talk to a running platform: many requests at once, repeated as the answers ask?"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Container, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import aiohttp

DEADLINE_S: Final = 60.0
CARD: Final = {"type": "card", "token": "tok_visa"}


class Answered(NamedTuple):
    """One answer: status, headers by lower-case name, and the parsed JSON body."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def code(self) -> str | None:
        """The code of the error object; None when it is no error."""
        found: str | None = self.body.get("error", {}).get("code")
        return found

    @property
    def param(self) -> str | None:
        """The parameter at fault."""
        found: str | None = self.body["error"].get("param")
        return found


class Merchant:
    """Asks under one secret key."""

    def __init__(self, session: aiohttp.ClientSession, api_url: str, secret_key: str) -> None:
        self._session = session
        self._api_url = api_url
        self._secret_key = secret_key

    async def get(self, path: str) -> Answered:
        return await self.ask("GET", path)

    async def post(self, path: str, body: object, key: str | None = None) -> Answered:
        """Ask once."""
        headers = {"Content-Type": "application/json"}
        if key is not None:
            headers["Idempotency-Key"] = key
        return await self.ask("POST", path, json.dumps(body).encode(), headers)

    async def persist(self, path: str, body: object, key: str) -> Answered:
        """Ask until the answer is about the request and not about how busy the platform is."""
        ends_at = time.monotonic() + DEADLINE_S
        while True:
            answered = await self.post(path, body, key)
            if answered.status != 429 and answered.code != "idempotency_key_in_use":
                return answered
            assert time.monotonic() < ends_at, f"{path} is still turned away: {answered}"
            await asyncio.sleep(float(answered.headers.get("retry-after", "0.2")))

    async def ask(
        self, method: str, path: str, raw: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answered:
        sent = {"Authorization": f"Bearer {self._secret_key}", **(headers or {})}
        async with self._session.request(method, self._api_url + path, data=raw, headers=sent) as response:
            by_name = {name.lower(): value for name, value in response.headers.items()}
            return Answered(response.status, by_name, await response.json())

    async def created(self, key: str | None = None, **changed: Any) -> dict[str, Any]:
        """A new payment of 100.00 USD that is not confirmed."""
        order = {"amount": 10_000, "currency": "USD", "payment_method": CARD, **changed}
        answered = await self.post("/v1/payment_intents", order, key)
        assert 201 == answered.status, answered
        body: dict[str, Any] = answered.body
        return body

    async def confirm(self, payment: Mapping[str, Any], **body: Any) -> Answered:
        return await self.post(f"/v1/payment_intents/{payment['payment_intent_id']}/confirm", body)

    async def confirmed(self, **changed: Any) -> dict[str, Any]:
        """A new payment, authorized or captured."""
        answered = await self.confirm(await self.created(**changed))
        assert 200 == answered.status, answered
        body: dict[str, Any] = answered.body
        return body

    async def read(self, payment: Mapping[str, Any], *, min_version: int = 0) -> dict[str, Any]:
        """The payment as it is now. min_version: of a refund that must show in it."""
        path = f"/v1/payments/{payment['payment_id']}?min_version={min_version}"
        ends_at = time.monotonic() + DEADLINE_S
        while "stale" in (answered := await self.get(path)).body:
            assert time.monotonic() < ends_at, f"{path} is still stale: {answered}"
            await asyncio.sleep(0.05)
        assert 200 == answered.status, answered
        body: dict[str, Any] = answered.body
        return body

    async def reaches(self, payment: Mapping[str, Any], statuses: Container[str]) -> dict[str, Any]:
        """The payment once it has one of these statuses."""
        ends_at = time.monotonic() + DEADLINE_S
        while (now := await self.read(payment))["status"] not in statuses:
            assert time.monotonic() < ends_at, f"still {now['status']}: {now}"
            await asyncio.sleep(0.05)
        return now

    async def shown(self, path: str, count: int) -> list[dict[str, Any]]:
        """The objects of a list once it has so many."""
        ends_at = time.monotonic() + DEADLINE_S
        while True:
            data: list[dict[str, Any]] = (await self.get(path)).body["data"]
            if len(data) >= count:
                return data
            assert time.monotonic() < ends_at, f"{path} shows {len(data)} of {count}"
            await asyncio.sleep(0.05)


@asynccontextmanager
async def client_session() -> AsyncIterator[aiohttp.ClientSession]:
    """What hundreds of requests go through at once."""
    timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session:
        yield session
