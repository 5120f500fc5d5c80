"""Do receivers get signed news of what became of an operation, and again when they were away?"""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from connectors.psp.simulator.callbacks import Courier, signature
from connectors.psp.simulator.faults import Conduct, Rates
from connectors.psp.simulator.rules import Terms
from connectors.psp.simulator.server import serving
from connectors.psp.simulator.settings import CallbackScope, Settings

SECRET = "whsec_of_the_test"


class Receiver:
    """Keeps what is posted to it; answers with the statuses it is given, then 200."""

    def __init__(self) -> None:
        self.url = ""
        self.posts: list[tuple[str, bytes]] = []
        self.statuses: list[int] = []
        self._changed = asyncio.Condition()

    async def take(self, request: web.Request) -> web.Response:
        async with self._changed:
            self.posts.append((request.headers["Provider-Signature"], await request.read()))
            self._changed.notify_all()
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    async def until(self, is_reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(is_reached)

    def news(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(body) for _, body in self.posts]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver, app = Receiver(), web.Application()
    app.router.add_post("/callbacks", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/callbacks"
    yield receiver
    await runner.cleanup()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@asynccontextmanager
async def operating(settings: Settings) -> AsyncIterator[Callable[..., Any]]:
    """A provider and a function that asks it for a sale under a key, giving back status and answer."""
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(serving(settings))
        session = await stack.enter_async_context(aiohttp.ClientSession())

        async def sell(key: str, token: str, **extra: str) -> tuple[int, dict[str, Any]]:
            body = {"operation": "sale", "payment_reference": "pay_1", "amount_minor": 5, "currency": "EUR"}
            body |= {"payment_method": {"type": "card", "token": token}, **extra}
            headers = {"Idempotency-Key": key}
            async with session.post(f"{provider.url}/v1/operations", json=body, headers=headers) as response:
                answer = await response.json()
            if "next_action" in answer and not extra.get("callback_url", "").endswith("?left"):
                async with session.get(answer["next_action"]["url"]) as completed:
                    return completed.status, await completed.json()
            return response.status, answer

        yield sell


def settings_for(receiver: Receiver, book: Path, **other: Any) -> Settings:
    return Settings(book=book, callback_url=receiver.url, callback_secret=SECRET, **other)


async def test_completed_actions_are_told_and_other_operations_are_not(
    receiver: Receiver, tmp_path: Path
) -> None:
    """Only what a caller can not know from its answer is told by default, signed over the raw body."""
    async with operating(settings_for(receiver, tmp_path / "book")) as sell:
        await sell("plain", "tok_visa")
        _, completed = await sell("action", "tok_requires_action")
        await receiver.until(lambda: len(receiver.posts) == 1)
    (told,) = receiver.news()
    assert (told["type"], told["operation"]) == ("operation.updated", completed)
    header, body = receiver.posts[0]
    stamp, digest = (part.split("=")[1] for part in header.split(","))
    assert hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest() == digest


async def test_all_operations_are_told_where_so_configured(receiver: Receiver, tmp_path: Path) -> None:
    """Declines as well: a callback may be the only answer that arrives."""
    settings = settings_for(receiver, tmp_path / "book", callback_scope=CallbackScope.ALL)
    async with operating(settings) as sell:
        await sell("good", "tok_visa")
        await sell("bad", "tok_lost_card")
        await receiver.until(lambda: len(receiver.posts) == 2)
    told = {(news["operation"]["idempotency_key"], news["operation"]["status"]) for news in receiver.news()}
    assert told == {("good", "succeeded"), ("bad", "declined")}


async def test_an_expired_action_is_told(receiver: Receiver, tmp_path: Path) -> None:
    """Nobody asks after an operation whose customer walked away, so the provider speaks first."""
    settings = Settings(book=tmp_path / "book", callback_secret=SECRET, terms=Terms(action_window_s=0))
    async with operating(settings) as sell:
        await sell("k", "tok_requires_action", callback_url=receiver.url + "?left")
        await receiver.until(lambda: len(receiver.posts) == 1)
    assert receiver.news()[0]["operation"]["decline_code"] == "authentication_expired"


async def test_a_duplicate_has_the_same_id(receiver: Receiver, tmp_path: Path) -> None:
    """Receivers recognise a copy by its id."""
    conduct = Conduct(rates=Rates(duplicate_callback=1.0, late_callback=1.0), late_callback_s=0.05)
    async with operating(settings_for(receiver, tmp_path / "book", conduct=conduct)) as sell:
        await sell("k", "tok_requires_action")
        await receiver.until(lambda: len(receiver.posts) == 2)
    assert receiver.posts[0][1] == receiver.posts[1][1]


async def test_a_receiver_that_fails_is_tried_again(receiver: Receiver) -> None:
    """Receivers restart; a callback lost to that would be noticed only by the next query."""
    receiver.statuses = [500, 404]
    courier = Courier(SECRET, retry_delays_s=(0.01, 0.01, 0.01))
    courier.send(receiver.url, b"{}", delay_s=0)
    await receiver.until(lambda: len(receiver.posts) == 3)
    await courier.close()


async def test_closing_gives_up_what_waits() -> None:
    """A provider going away must not hang on a receiver that is not there."""
    courier = Courier(SECRET)
    courier.send("http://127.0.0.1:9/callbacks", b"{}", delay_s=3600)
    async with asyncio.timeout(5):
        await courier.close()


async def test_an_address_without_a_secret_is_refused(tmp_path: Path) -> None:
    """An unsigned callback must never be sent."""
    async with operating(Settings(book=tmp_path / "book")) as sell:
        status, problem = await sell("k", "tok_visa", callback_url="http://127.0.0.1:9/")
    assert (status, problem["error"]["param"]) == (400, "callback_url")


def test_the_signature_has_its_documented_form() -> None:
    """Receivers implement it from the documentation, so it is pinned by an example."""
    expected = hmac.new(b"secret", b'1750000000.{"a":1}', hashlib.sha256).hexdigest()
    assert signature("secret", b'{"a":1}', unix_s=1_750_000_000) == f"t=1750000000,v1={expected}"
