"""Does the provider keep its word over HTTP?"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from connectors.psp.simulator.faults import Conduct
from connectors.psp.simulator.journal import JournalError
from connectors.psp.simulator.rules import Terms
from connectors.psp.simulator.server import serving
from connectors.psp.simulator.settings import Settings
from connectors.psp.simulator.tokens import TEST_TOKENS

Json = dict[str, Any]

CARD = {"type": "card", "token": "tok_visa"}
SALE: Json = {
    "operation": "sale",
    "payment_reference": "pay_1",
    "amount_minor": 1000,
    "currency": "EUR",
    "payment_method": CARD,
}


class Caller:
    """A caller of one provider."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self.url = url

    async def ask(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, json: object = None
    ) -> tuple[int, Any]:
        url = path if path.startswith("http") else self.url + path
        async with self._session.request(method, url, headers=headers, json=json) as response:
            return response.status, await response.json()

    async def operate(self, key: str, body: Mapping[str, object]) -> tuple[int, Any]:
        return await self.ask("POST", "/v1/operations", headers={"Idempotency-Key": key}, json=body)

    async def effects(self, query: str = "") -> list[Json]:
        status, effects = await self.ask("GET", f"/_simulator/effects{query}")
        assert status == 200
        return list(effects)

    async def put_conduct(self, conduct: Json) -> tuple[int, Any]:
        return await self.ask("PUT", "/_simulator/faults", json=conduct)


class Providers:
    """Starts providers that end with the test."""

    def __init__(self, stack: AsyncExitStack, book: Path) -> None:
        self._stack = stack
        self._book = book

    async def start(self, **settings: Any) -> Caller:
        provider = await self._stack.enter_async_context(
            serving(Settings(**({"book": self._book} | settings)))
        )
        session = await self._stack.enter_async_context(aiohttp.ClientSession())
        return Caller(session, provider.url)


@pytest.fixture
async def providers(tmp_path: Path) -> AsyncIterator[Providers]:
    async with AsyncExitStack() as stack:
        yield Providers(stack, tmp_path / "book")


@pytest.fixture
async def caller(providers: Providers) -> Caller:
    return await providers.start(conduct=Conduct(hang_s=0.05, slow_s=0.05))


async def test_a_payment_from_authorization_to_refund(caller: Caller) -> None:
    """The whole life of a card payment, judged from the provider's own book."""
    status, authorized = await caller.operate("a", SALE | {"operation": "authorize"})
    assert (status, authorized["status"], authorized["amount_minor"]) == (200, "succeeded", 1000)
    act = {"payment_reference": "pay_1", "currency": "EUR", "original_reference": authorized["provider_ref"]}
    assert (await caller.operate("c", {"operation": "capture", "amount_minor": 600, **act}))[0] == 200
    status, voided = await caller.operate("v", {"operation": "void", **act})
    assert (status, voided["amount_minor"]) == (200, 400)
    assert (await caller.operate("r", {"operation": "refund", "amount_minor": 200, **act}))[0] == 200
    status, refusal = await caller.operate("x", {"operation": "refund", "amount_minor": 401, **act})
    assert (status, refusal["error"]["code"]) == (409, "amount_exceeds_captured")

    done = [("a", "authorize", 1000), ("c", "capture", 600), ("v", "void", 400), ("r", "refund", 200)]
    effects = await caller.effects("?payment_reference=pay_1")
    assert done == [(seen["idempotency_key"], seen["operation"], seen["amount_minor"]) for seen in effects]
    names = {"payment_reference", "currency", "outcome", "at", "provider_ref"}
    assert effects[0].keys() == {"idempotency_key", "operation", "amount_minor"} | names
    _, summary = await caller.ask("GET", "/_simulator/summary?payment_reference=pay_1")
    expected = {
        "authorized_live_minor": 0,
        "captured_minor": 600,
        "refunded_minor": 200,
        "live_authorizations": 0,
    }
    assert expected == summary


async def test_a_decline_is_a_business_answer(caller: Caller) -> None:
    """402 with the operation, and no effect unless asked for all."""
    decline = SALE | {"payment_method": {"type": "card", "token": "tok_insufficient_funds"}}
    status, answer = await caller.operate("k", decline)
    assert (status, answer["status"], answer["decline_code"]) == (402, "declined", "insufficient_funds")
    assert await caller.ask("GET", "/v1/operations/by-key/k") == (status, answer)
    assert await caller.effects() == []
    assert [seen["outcome"] for seen in await caller.effects("?all=1")] == ["declined"]


@pytest.mark.parametrize("key_memory_s", [3600.0, 0.0])
async def test_a_hundred_calls_under_one_key(providers: Providers, key_memory_s: float) -> None:
    """One effect where keys are remembered; where they are forgotten every call shows."""
    caller = await providers.start(conduct=Conduct(key_memory_s=key_memory_s))
    answers = await asyncio.gather(*(caller.operate("k", SALE) for _ in range(100)))
    assert {status for status, _ in answers} == {200}
    effects = 1 if key_memory_s else 100
    assert effects == len(await caller.effects())
    assert effects == len({answer["provider_ref"] for _, answer in answers})


async def test_a_query_knows_forgotten_keys_and_says_when_it_knows_none(providers: Providers) -> None:
    """The book answers after the idempotency memory is gone; an unknown key states nothing."""
    caller = await providers.start(conduct=Conduct(key_memory_s=0))
    await caller.operate("pay_1/weird key?", SALE)
    status, found = await caller.ask("GET", "/v1/operations/by-key/pay_1%2Fweird%20key%3F")
    assert (status, found["idempotency_key"]) == (200, "pay_1/weird key?")
    status, missing = await caller.ask("GET", "/v1/operations/by-key/unknown")
    assert (status, missing["error"]["code"]) == (404, "operation_not_found")
    assert "executed" not in missing["error"]


@pytest.mark.parametrize(
    ("token", "effects"), [("tok_psp_timeout_then_success", 1), ("tok_psp_timeout_then_nothing", 0)]
)
async def test_a_hung_call_is_closed_without_an_answer(caller: Caller, token: str, effects: int) -> None:
    """The caller learns nothing, whether something happened or not."""
    with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
        await caller.operate("k", SALE | {"payment_method": {"type": "card", "token": token}})
    assert effects == len(await caller.effects())
    status, _ = await caller.ask("GET", "/v1/operations/by-key/k")
    assert (200 if effects else 404) == status


async def test_a_caller_who_leaves_does_not_undo_the_effect(caller: Caller) -> None:
    """A client's timeout is not a cancellation: the answer to a repeat is what was done."""
    slow = SALE | {"payment_method": {"type": "card", "token": "tok_psp_slow"}}
    await caller.put_conduct({"slow_s": 30})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await caller.operate("k", slow)
    assert len(await caller.effects()) == 1
    assert (await caller.operate("k", slow))[0] == 200


async def test_a_5xx_says_whether_nothing_was_done(caller: Caller) -> None:
    """Only an error that states it may be taken as proof."""
    status, before = await caller.operate(
        "a", SALE | {"payment_method": CARD | {"token": "tok_psp_5xx_twice"}}
    )
    assert (status, before["error"]["executed"]) == (503, False)
    await caller.put_conduct({"rates": {"error_5xx_after": 1}})
    status, after = await caller.operate("b", SALE)
    assert (status, "executed" in after["error"]) == (500, False)
    assert [seen["idempotency_key"] for seen in await caller.effects()] == ["b"]


async def test_conduct_is_shown_and_changed(caller: Caller) -> None:
    """What a test sets is what it can read back; the start's conduct returns with an empty document."""
    _, standard = await caller.ask("GET", "/_simulator/faults")
    status, changed = await caller.put_conduct({"rates": {"slow": 0.25}, "seed": 7, "key_memory_s": 0})
    assert (status, changed["rates"]["slow"], changed["seed"]) == (200, 0.25, 7)
    assert await caller.ask("GET", "/_simulator/faults") == (200, changed)
    status, refusal = await caller.put_conduct({"rates": {"sloww": 1}})
    assert (status, refusal["error"]["param"]) == (400, "rates.sloww")
    assert await caller.put_conduct({}) == (200, standard)


async def test_an_action_is_completed_at_its_address(caller: Caller) -> None:
    """The customer's browser decides, once, and the query tells."""
    for key, query, status, outcome in (
        ("yes", "", 200, "succeeded"),
        ("no", "?result=failure", 402, "declined"),
    ):
        body = SALE | {"payment_method": CARD | {"token": "tok_requires_action"}}
        _, pending = await caller.operate(key, body)
        assert (pending["status"], pending["next_action"]["type"]) == ("requires_action", "redirect")
        url = pending["next_action"]["url"]
        assert (await caller.ask("GET", url + "?result=perhaps"))[0] == 400
        completed = await caller.ask("GET", url + query)
        assert (status, outcome) == (completed[0], completed[1]["status"])
        assert "next_action" not in completed[1]
        assert completed == await caller.ask("POST", url + "?result=success"), "the first result stands"
        assert completed == await caller.ask("GET", f"/v1/operations/by-key/{key}")
    assert [seen["idempotency_key"] for seen in await caller.effects()] == ["yes"]
    assert (await caller.ask("GET", "/actions/op_unknown"))[0] == 404


async def test_an_action_expires(providers: Providers) -> None:
    """Nobody came: the operation is declined, and coming later does not change it."""
    caller = await providers.start(terms=Terms(action_window_s=0))
    _, pending = await caller.operate("k", SALE | {"payment_method": CARD | {"token": "tok_requires_action"}})
    status, late = await caller.ask("GET", pending["next_action"]["url"])
    assert (status, late["decline_code"]) == (402, "authentication_expired")


async def test_the_book_is_there_after_a_restart(tmp_path: Path) -> None:
    """A provider that forgot would let a repeat act twice."""
    settings = Settings(book=tmp_path / "book")
    answers = []
    for _ in range(2):
        async with serving(settings) as provider, aiohttp.ClientSession() as session:
            answers.append(await Caller(session, provider.url).operate("k", SALE))
            assert len(await Caller(session, provider.url).effects()) == 1
    assert answers[0] == answers[1]


async def test_a_long_book_is_listed_whole(caller: Caller) -> None:
    """Pieces of the list must join to one JSON array."""
    await asyncio.gather(*(caller.operate(f"k{number}", SALE) for number in range(1_050)))
    assert len({seen["provider_ref"] for seen in await caller.effects()}) == 1_050


async def test_bad_calls_get_json_problems(caller: Caller) -> None:
    """Every refusal has the same shape, those of the web server included."""
    assert (await caller.ask("POST", "/v1/operations", json=SALE))[1]["error"]["param"] == "Idempotency-Key"
    status, problem = await caller.operate("k", SALE | {"amount_minor": 1.5})
    assert (status, problem["error"]["param"]) == (400, "amount_minor")
    for method, path, expected in (
        ("GET", "/v1/nothing", 404),
        ("DELETE", "/v1/operations", 405),
        ("GET", "/_simulator/summary", 400),
    ):
        status, problem = await caller.ask(method, path)
        assert expected == status
        assert problem["error"]["executed"] is False
    status, problem = await caller.operate("k", SALE | {"payment_reference": "x" * 70_000})
    assert (status, problem["error"]["executed"]) == (413, False)
    assert await caller.effects("?all=1") == []


async def test_the_key_is_asked_for_where_one_is_set(providers: Providers) -> None:
    """Callers authenticate; customers, health checks and tests do not."""
    caller = await providers.start(api_key="sesame")
    for authorization in ({}, {"Authorization": "Bearer wrong"}):
        headers = {"Idempotency-Key": "k", **authorization}
        assert (await caller.ask("POST", "/v1/operations", headers=headers, json=SALE))[0] == 401
    headers = {"Idempotency-Key": "k", "Authorization": "Bearer sesame"}
    assert (await caller.ask("POST", "/v1/operations", headers=headers, json=SALE))[0] == 200
    assert (await caller.ask("GET", "/healthz"))[0] == 200
    assert len(await caller.effects()) == 1


async def test_every_listed_token_is_served(caller: Caller) -> None:
    """The list is documentation; each of its tokens must lead to an answer or to silence, never to a fault."""
    for number, known in enumerate(TEST_TOKENS):
        body = SALE | {"payment_method": CARD | {"token": known.token}, "payment_reference": f"pay_{number}"}
        try:
            status, _ = await caller.operate(f"k{number}", body)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            assert "timeout" in known.token
        else:
            assert status in (200, 402, 503), known.token


async def test_one_book_one_provider(providers: Providers, caller: Caller) -> None:
    """A second provider on the same book is refused and the first goes on."""
    with pytest.raises(JournalError):
        await providers.start()
    assert (await caller.operate("k", SALE))[0] == 200
