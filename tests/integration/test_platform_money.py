"""What stands between merchants and money on the whole running platform: risk, balances, an operator's word?"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest

from tests.integration.platform_burst import BLOCKED_FROM, BURST, burst
from tests.integration.platform_merchant import Merchant, client_session
from tests.integration.platform_running import Running, running, until

pytestmark = pytest.mark.integration

FEE = 320
"""Of 100.00 USD under the standard terms: 2.9 % and 30 cents."""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Everything that `millrace up` starts."""
    with running(tmp_path_factory.mktemp("money") / "data") as started:
        yield started


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with client_session() as opened:
        yield opened


def merchant_of(platform: Running, session: aiohttp.ClientSession, **terms: int | str) -> Merchant:
    return Merchant(session, platform.api_url, platform.new_merchant_key("Shop", **terms))


async def balance(merchant: Merchant, kind: str) -> int:
    """An amount of the merchant's balance in USD."""
    answered = await merchant.get("/v1/balance")
    assert 200 == answered.status, answered
    return sum(one["amount"] for one in answered.body[kind] if one["currency"] == "USD")


async def reaches(merchant: Merchant, kind: str, amount_minor: int) -> None:
    """Wait until the balance shows an amount."""
    for _ in range(600):
        if (found := await balance(merchant, kind)) == amount_minor:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{kind} is {found}, not {amount_minor}")


@pytest.mark.parametrize(("policy", "statuses"), [("refuse", {200: 1, 402: 1}), ("owe", {200: 2})])
async def test_two_refunds_at_once_of_what_covers_one(
    policy: str, statuses: dict[int, int], platform: Running, session: aiohttp.ClientSession
) -> None:
    """The fees of both payments are gone: a merchant either may not give that back, or owes it."""
    merchant = merchant_of(platform, session, refund_policy=policy)
    payments = [await merchant.confirmed() for _ in range(2)]
    await reaches(merchant, "available", 2 * (10_000 - FEE))
    answers = await asyncio.gather(
        *(
            merchant.persist(f"/v1/payments/{one['payment_id']}/refunds", {}, f"refund-{policy}-{number}")
            for number, one in enumerate(payments)
        )
    )
    assert statuses == Counter(answered.status for answered in answers)
    done = Counter(effect["operation"] for one in payments for effect in platform.effects(one["payment_id"]))
    assert {"sale": 2, "refund": statuses[200]} == done, "the provider hears of covered refunds alone"
    if policy == "owe":
        await reaches(merchant, "owed", 2 * FEE)
        await reaches(merchant, "available", 0)
    else:
        refused = next(answered for answered in answers if answered.status == 402)
        assert "balance_insufficient" == refused.code
        await reaches(merchant, "available", 2 * (10_000 - FEE) - 10_000)
        assert 0 == await balance(merchant, "owed")


async def test_card_testing_is_blocked_at_the_tenth_card(
    platform: Running, session: aiohttp.ClientSession
) -> None:
    """Nine cards from one device may be a family; the tenth within the hour is a list of stolen ones."""
    statuses = await burst(merchant_of(platform, session), "device-of-a-thief")
    assert [200] * BLOCKED_FROM + [402] * (BURST - BLOCKED_FROM) == statuses


async def test_an_operator_decides_what_is_held(platform: Running, session: aiohttp.ClientSession) -> None:
    """Held means neither charged nor lost: the provider hears of it only after an operator's word."""
    merchant = merchant_of(platform, session)
    operator = Merchant(session, platform.api_url, platform.operator_key)
    payments = []
    for number in range(11):
        token = f"tok_of_one_customer_{number}"
        payments.append(
            await merchant.created(customer_id="cust_1", payment_method={"type": "card", "token": token})
        )
        answered = await merchant.confirm(payments[-1])
    assert (202, "in_review") == (answered.status, answered.body["status"])
    held, path = payments[-1], f"/v1/payments/{payments[-1]['payment_id']}/review"
    assert 403 == (await merchant.post(path, {"decision": "approve"})).status
    assert [] == platform.effects(held["payment_id"])
    assert 200 == (await operator.post(path, {"decision": "approve"})).status
    assert "captured" == (await merchant.reaches(held, {"captured"}))["status"]
    again = await operator.post(path, {"decision": "decline"})
    assert (409, "unexpected_state") == (again.status, again.code)


async def test_everything_of_it_holds(platform: Running) -> None:
    """Whatever the tests before did, the books balance and everyone agrees."""

    def passed() -> Any:
        verdict = platform.verify()
        assert verdict.passed, [one for one in verdict.invariants if not one.passed]
        return verdict

    until(passed, "verify passes")
