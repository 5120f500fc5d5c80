"""A client survives an API that is away, busy or slow, and pays once."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from ops.demo import client_log, visit
from ops.demo.asks import Ask
from ops.demo.client import Client
from ops.demo.errors import GaveUp, SetupRefused
from ops.demo.gate import Gate
from ops.demo.merchants import created
from ops.demo.plan import Target
from ops.demo.steps import Authenticate, Confirm, Create, Refund, Scenario, Step
from ops.demo.tally import LastSeen, Tally
from ops.demo.visit import Visit
from ops.stack.ports import free_port
from schemas.settings import Settings

Handler = Callable[[web.Request], Awaitable[web.Response]]
READ = Ask(method="GET", path="/v1/payments/pay_1", route="/v1/payments/{payment_id}", secret_key="sk_test_1")
CREATE = Create(
    amount_minor=500, currency="EUR", capture_method="automatic", customer_id="cust_1", card="tok_visa"
)
CREATED = Step(action=CREATE, expects=frozenset({201}))


class FakeApi:
    """Answers requests from a script: `answers[method, path]` is used up in order, the last one stays."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: dict[tuple[str, str], list[tuple[int, dict[str, Any], dict[str, str]]]] = {}
        self.asked: list[tuple[str, str, str | None, Any]] = []

    def says(self, method: str, path: str, status: int, body: dict[str, Any], **headers: str) -> None:
        """Add an answer; underscores in header names stand for dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.setdefault((method, path), []).append((status, body, named))

    def keys(self, path: str) -> list[str | None]:
        """Idempotency keys a path was asked with."""
        return [key for _, asked, key, _ in self.asked if asked == path]

    async def handle(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read() or b"null")
        self.asked.append((request.method, request.path, request.headers.get("Idempotency-Key"), body))
        script = self.answers.get((request.method, request.path))
        if not script:
            return web.json_response({"error": {"code": "not_found"}}, status=404)
        status, told, headers = script.pop(0) if len(script) > 1 else script[0]
        return web.json_response(told, status=status, headers={"Request-Id": "req_1", **headers})


@asynccontextmanager
async def listening(handler: Handler, port: int) -> AsyncIterator[None]:
    """A server on the port for as long as the block lasts."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
    finally:
        await runner.cleanup()


@pytest.fixture
async def api() -> AsyncIterator[FakeApi]:
    port = free_port()
    fake = FakeApi(f"http://127.0.0.1:{port}")
    async with listening(fake.handle, port):
        yield fake


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture(autouse=True)
def _quick_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visit, "POLL_S", 0.01)


def client_of(http: aiohttp.ClientSession, url: str, *, deadline_s: float = 20.0) -> Client:
    return Client(
        http,
        url,
        tally=Tally(),
        log=client_log.ClientLog(None),
        jitter=Random(1),
        deadline_s=deadline_s,
    )


async def visited(client: Client, *steps: Step, rest_deadline_s: float = 20.0) -> Tally:
    scenario = Scenario(name="tested", merchant=0, arrives_at_s=0, key="k", steps=steps)
    gate = Gate(1)
    await gate.enter()
    await Visit(
        scenario,
        client=client,
        gate=gate,
        secret_key="sk_test_1",
        operator_key="op_1",
        rest_deadline_s=rest_deadline_s,
    ).run()
    gate.leave()
    assert gate.parked == 0
    return client.tally


def payment(status: str, version: int, **more: object) -> dict[str, object]:
    return {
        "payment_intent_id": "pi_1",
        "payment_id": "pay_1",
        "status": status,
        "version": version,
        **more,
    }


async def test_an_api_that_is_away_is_asked_again_until_it_is_back(http: aiohttp.ClientSession) -> None:
    """A restart in the middle of a demo must cost time, not payments."""
    port = free_port()
    fake = FakeApi(f"http://127.0.0.1:{port}")
    fake.says("GET", READ.path, 200, payment("captured", 4))
    client = client_of(http, fake.url)
    asking = asyncio.create_task(client.send(READ))
    while not client.tally.retries:  # noqa: ASYNC110  # a counter cannot be awaited
        await asyncio.sleep(0.01)
    async with listening(fake.handle, port):
        assert (await asking).told.status == "captured"
    assert client.tally.retries["connection"] >= 1
    assert {200: 1} == dict(client.tally.answers)


async def test_a_connection_that_breaks_is_no_answer(http: aiohttp.ClientSession) -> None:
    """A process that is killed while it answers leaves half an answer; the key makes asking again safe."""
    port = free_port()
    fake = FakeApi(f"http://127.0.0.1:{port}")
    fake.says("POST", "/v1/payment_intents", 201, payment("requires_confirmation", 1))
    broken = 0

    async def breaking(request: web.Request) -> web.Response:
        nonlocal broken
        if broken < 2:
            broken += 1
            assert request.transport is not None
            request.transport.abort()
        return await fake.handle(request)

    ask = Ask(
        method="POST",
        path="/v1/payment_intents",
        route="/v1/payment_intents",
        secret_key="sk_test_1",
        body={},
        idempotency_key="k",
    )
    async with listening(breaking, port):
        client = client_of(http, fake.url)
        assert (await client.send(ask)).status == 201
    assert client.tally.retries["connection"] == 2
    assert {"k"} == set(fake.keys("/v1/payment_intents"))


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_honoured(api: FakeApi, http: aiohttp.ClientSession, status: int) -> None:
    """Coming back earlier than asked is what keeps an overloaded service overloaded."""
    api.says("GET", READ.path, status, {"error": {"code": "overloaded"}}, Retry_After="1")
    api.says("GET", READ.path, 200, payment("captured", 4))
    client = client_of(http, api.url)
    started_s = asyncio.get_running_loop().time()
    assert (await client.send(READ)).status == 200
    assert asyncio.get_running_loop().time() - started_s >= 1.0
    assert {str(status): 1} == dict(client.tally.retries)


async def test_a_client_gives_up_at_its_deadline(http: aiohttp.ClientSession) -> None:
    """A demo against nothing must end."""
    client = client_of(http, f"http://127.0.0.1:{free_port()}", deadline_s=0.5)
    with pytest.raises(GaveUp, match="GET /v1/payments/pay_1"):
        await client.send(READ)


async def test_a_decline_is_an_answer(api: FakeApi, http: aiohttp.ClientSession) -> None:
    """Repeating a decline would bother the customer's bank for nothing."""
    fault = {"code": "declined", "decline_code": "lost_card", "payment": payment("failed", 3)}
    api.says("POST", "/v1/payment_intents", 201, payment("requires_confirmation", 1))
    api.says("POST", "/v1/payment_intents/pi_1/confirm", 402, {"error": fault})
    api.says("GET", "/v1/payments/pay_1", 200, payment("failed", 3))
    tally = await visited(
        client_of(http, api.url), CREATED, Step(action=Confirm(), expects=frozenset({402})), CREATED
    )
    assert {"lost_card": 1} == dict(tally.declines)
    assert {"pay_1": LastSeen("failed", 3)} == tally.payments
    assert len(api.keys("/v1/payment_intents")) == 1
    assert [] == tally.surprises


async def test_a_pending_result_is_polled_and_then_asked_for_with_the_same_key(
    api: FakeApi, http: aiohttp.ClientSession
) -> None:
    """An unknown outcome is neither a success nor a failure until it is told."""
    api.says("POST", "/v1/payment_intents", 201, payment("requires_confirmation", 1))
    confirm = "/v1/payment_intents/pi_1/confirm"
    api.says("POST", confirm, 202, payment("pending_auth", 2), Location="/v1/payment_intents/pi_1")
    api.says("POST", confirm, 200, payment("captured", 4), Idempotent_Replayed="true")
    poll = "/v1/payment_intents/pi_1"
    api.says("GET", poll, 404, {"error": {"code": "not_found"}})
    api.says("GET", poll, 200, payment("unknown", 3))
    api.says("GET", poll, 200, payment("captured", 4))
    api.says("GET", "/v1/payments/pay_1", 200, payment("captured", 4))
    tally = await visited(client_of(http, api.url), CREATED, Step(action=Confirm()))
    assert ["k-1", "k-1"] == api.keys(confirm)
    assert len(api.keys(poll)) == 3
    assert {"pay_1": LastSeen("captured", 4)} == tally.payments
    assert tally.replayed == 1
    assert tally.unsettled_count == 0
    assert [] == tally.surprises


async def test_a_creation_that_is_pending_tells_only_where_to_look(
    api: FakeApi, http: aiohttp.ClientSession
) -> None:
    """The payment may not be readable anywhere yet; the repeat is what tells its ids."""
    pending = {"object": "pending", "object_id": "pay_1", "status_url": "/v1/payment_intents/pi_1"}
    api.says("POST", "/v1/payment_intents", 202, pending)
    api.says("POST", "/v1/payment_intents", 201, payment("requires_confirmation", 1))
    api.says("GET", "/v1/payment_intents/pi_1", 200, payment("requires_confirmation", 1))
    api.says("GET", "/v1/payments/pay_1", 200, payment("requires_confirmation", 1))
    tally = await visited(client_of(http, api.url), CREATED)
    assert ["k", "k"] == api.keys("/v1/payment_intents")
    assert {"pay_1": LastSeen("requires_confirmation", 1)} == tally.payments


async def test_what_stays_pending_is_listed(api: FakeApi, http: aiohttp.ClientSession) -> None:
    """A payment that never comes to rest must not look like one that did."""
    api.says("POST", "/v1/payment_intents", 201, payment("requires_confirmation", 1))
    confirm = "/v1/payment_intents/pi_1/confirm"
    api.says("POST", confirm, 202, payment("unknown", 3), Location="/v1/payment_intents/pi_1")
    api.says("GET", "/v1/payment_intents/pi_1", 200, payment("unknown", 3))
    tally = await visited(
        client_of(http, api.url), CREATED, Step(action=Confirm()), Step(action=Refund()), rest_deadline_s=0.2
    )
    assert tally.unsettled_count == 1
    assert "pay_1" in tally.unsettled[0]
    assert [] == api.keys("/v1/payments/pay_1/refunds")


async def test_what_was_proved_not_executed_is_asked_for_anew(
    api: FakeApi, http: aiohttp.ClientSession
) -> None:
    """The used key keeps its result for good; only a new key is a new try, and only proof allows one."""
    confirm = "/v1/payment_intents/pi_1/confirm"
    fault = {"code": "not_executed", "payment": payment("failed", 3)}
    api.says("POST", "/v1/payment_intents", 201, payment("requires_confirmation", 1))
    api.says("POST", confirm, 402, {"error": fault})
    api.says("POST", confirm, 200, payment("captured", 5))
    api.says("GET", "/v1/payments/pay_1", 200, payment("captured", 5))
    tally = await visited(client_of(http, api.url), CREATED, Step(action=Confirm()))
    assert ["k-1", "k-1-again-1"] == api.keys(confirm)
    assert {"pay_1": LastSeen("captured", 5)} == tally.payments
    assert {"not_executed": 1} == dict(tally.retries)
    assert [] == tally.surprises


async def test_equal_requests_at_once_share_their_key(api: FakeApi, http: aiohttp.ClientSession) -> None:
    """Duplicates are only duplicates under one key with one body."""
    api.says("POST", "/v1/payment_intents", 201, payment("requires_confirmation", 1))
    api.says(
        "POST", "/v1/payment_intents", 201, payment("requires_confirmation", 1), Idempotent_Replayed="true"
    )
    api.says("GET", "/v1/payments/pay_1", 200, payment("requires_confirmation", 1))
    tally = await visited(client_of(http, api.url), Step(action=CREATE, copies=3, expects=frozenset({201})))
    assert ["k", "k", "k"] == api.keys("/v1/payment_intents")
    assert (2, 2, 2) == (tally.copies_sent, tally.copies_absorbed, tally.replayed)
    assert [] == tally.surprises


async def test_equal_requests_with_two_results_are_a_surprise(
    api: FakeApi, http: aiohttp.ClientSession
) -> None:
    """Two payments for one key is the failure the whole demo looks for."""
    api.says("POST", "/v1/payment_intents", 201, payment("requires_confirmation", 1))
    api.says(
        "POST", "/v1/payment_intents", 201, {**payment("requires_confirmation", 1), "payment_id": "pay_2"}
    )
    api.says("GET", "/v1/payments/pay_1", 200, payment("requires_confirmation", 1))
    tally = await visited(client_of(http, api.url), Step(action=CREATE, copies=2, expects=frozenset({201})))
    assert "different results" in tally.surprises[0]
    assert (1, 0) == (tally.copies_sent, tally.copies_absorbed)


async def test_a_key_used_again_has_to_be_refused(api: FakeApi, http: aiohttp.ClientSession) -> None:
    """An API that takes another body under a used key would lose one of the two requests."""
    other = Refund(amount_minor=2)
    refunds = "/v1/payments/pay_1/refunds"
    api.says("POST", "/v1/payment_intents", 201, payment("captured", 4))
    refund = {"refund_id": "ref_1", "payment_id": "pay_1", "status": "succeeded", "version": 6}
    api.says("POST", refunds, 200, refund)
    api.says("POST", refunds, 422, {"error": {"code": "idempotency_mismatch"}})
    api.says("POST", refunds, 200, refund)
    api.says("GET", "/v1/payments/pay_1", 200, payment("partially_refunded", 6))
    misused = Step(action=Refund(amount_minor=1), misuse=other)
    tally = await visited(client_of(http, api.url), CREATED, misused, misused)
    assert ["k-1", "k-1", "k-2", "k-2"] == api.keys(refunds)
    assert [{"amount": 1}, {"amount": 2}] == [body for _, path, _, body in api.asked if path == refunds][:2]
    assert (2, 1) == (tally.misuses_sent, tally.misuses_refused)
    assert len(tally.surprises) == 1
    assert {"pay_1": LastSeen("partially_refunded", 6)} == tally.payments


async def test_the_customer_opens_the_page_and_the_payment_is_waited_for(
    api: FakeApi, http: aiohttp.ClientSession
) -> None:
    """The result of a customer's check comes by itself, some time after the page."""
    page = {"next_action": {"type": "redirect", "redirect_url": f"{api.url}/actions/op_1"}}
    api.says("POST", "/v1/payment_intents", 201, payment("requires_confirmation", 1))
    api.says("POST", "/v1/payment_intents/pi_1/confirm", 200, payment("requires_action", 3, **page))
    api.says("GET", "/actions/op_1", 200, {})
    api.says("GET", "/v1/payments/pay_1", 200, payment("requires_action", 3, **page))
    api.says("GET", "/v1/payments/pay_1", 200, payment("captured", 4))
    tally = await visited(
        client_of(http, api.url), CREATED, Step(action=Confirm()), Step(action=Authenticate(passes=True))
    )
    assert ("GET", "/actions/op_1", None, None) in api.asked
    assert {"pay_1": LastSeen("captured", 4)} == tally.payments
    assert [] == tally.surprises


async def test_a_stale_read_is_not_the_last_one(api: FakeApi, http: aiohttp.ClientSession) -> None:
    """The report compares the client's last view with the tables; an old view would differ for nothing."""
    api.says("POST", "/v1/payment_intents", 201, payment("requires_confirmation", 4))
    api.says("GET", "/v1/payments/pay_1", 200, payment("requires_confirmation", 3, stale=True))
    api.says("GET", "/v1/payments/pay_1", 200, payment("requires_confirmation", 4))
    tally = await visited(client_of(http, api.url), CREATED)
    assert len(api.keys("/v1/payments/pay_1")) == 2
    assert {"pay_1": LastSeen("requires_confirmation", 4)} == tally.payments


async def test_every_answer_is_written_down(
    api: FakeApi, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """What the client was told is evidence the platform cannot have made up."""
    api.says("POST", "/v1/payment_intents", 429, {"error": {"code": "overloaded"}})
    api.says("POST", "/v1/payment_intents", 201, payment("requires_confirmation", 1))
    api.says("GET", "/v1/payments/pay_1", 200, payment("requires_confirmation", 1))
    path = tmp_path / "made" / "client.jsonl"
    with client_log.opened(path) as log:
        client = Client(http, api.url, tally=Tally(), log=log, jitter=Random(1), deadline_s=20)
        await visited(client, CREATED)
        lines = [json.loads(line) for line in path.read_text().splitlines()]
    first = {"request_id", "method", "path", "status", "idempotency_key", "object_id", "version", "at_ms"}
    assert first == set(lines[0])
    assert [429, 201, 200] == [line["status"] for line in lines]
    assert ["k", "k", None] == [line["idempotency_key"] for line in lines]
    assert [None, "pay_1", "pay_1"] == [line["object_id"] for line in lines]


async def test_merchants_are_created_once_per_run(api: FakeApi, http: aiohttp.ClientSession) -> None:
    """A repeat after a pending answer has the same key, so it cannot make a second merchant."""
    target = Target(
        api_url=api.url, operator_key="op_1", simulator_url="", settings=Settings(), bank_dir=Path()
    )
    merchant = {"merchant_id": "mer_1", "secret_key": "sk_test_1"}
    api.says("POST", "/v1/merchants", 202, {"object": "pending", "object_id": "mer_1"})
    api.says("POST", "/v1/merchants", 201, merchant)
    (one,) = await created(client_of(http, api.url), target, run_id="run", count=1)
    assert ("mer_1", "sk_test_1") == (one.merchant_id, one.secret_key)
    assert ["run-merchant-0"] * 2 == api.keys("/v1/merchants")
    assert "sk_test_1" not in repr(one)


async def test_a_key_without_the_right_is_told(api: FakeApi, http: aiohttp.ClientSession) -> None:
    """The first thing that goes wrong in a demo should say what to change."""
    target = Target(
        api_url=api.url, operator_key="op_1", simulator_url="", settings=Settings(), bank_dir=Path()
    )
    api.says("POST", "/v1/merchants", 403, {"error": {"code": "forbidden"}})
    with pytest.raises(SetupRefused, match=r"403 forbidden .* role admin"):
        await created(client_of(http, api.url), target, run_id="run", count=1)
