"""What becomes of a hold whose time runs out while nobody knows whether it was captured?"""

import time
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any

import aiohttp
import pytest

from tests.integration.platform_merchant import Merchant, client_session
from tests.integration.platform_running import Running, running, until

pytestmark = pytest.mark.integration

# A call that is never answered outlasts the hold: the expiry comes due while the capture is in the air.
WINDOW_S = 3.0
BRIEF = {
    "payments_authorization_window_ms": int(WINDOW_S * 1000),
    "clock_tick_ms": 200,
    "psp_call_timeout_ms": 5_000,
    "psp_settle_ms": 500,
    "payments_operation_window_ms": 6_000,
    "payments_query_delays_ms": "1000,2000,3000,5000",
}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A platform whose authorizations live for seconds."""
    with running(tmp_path_factory.mktemp("expiry") / "data", **BRIEF) as started:
        yield started


@pytest.fixture
async def session(platform: Running) -> AsyncIterator[aiohttp.ClientSession]:
    """The provider behaves again afterwards, whatever a test made of it."""
    async with client_session() as opened:
        yield opened
        await behave(opened, platform)


@pytest.fixture
def merchant(platform: Running, session: aiohttp.ClientSession) -> Merchant:
    return Merchant(session, platform.api_url, platform.new_merchant_key("Expiry"))


async def behave(session: aiohttp.ClientSession, platform: Running, **rates: float) -> None:
    """Let the provider show these faults, and no others."""
    url = f"{platform.target.simulator_url}/_simulator/faults"
    async with session.put(url, json={"rates": rates}) as answer:
        assert 200 == answer.status, await answer.text()


def done(platform: Running, payment: dict[str, Any]) -> list[tuple[str, int]]:
    """What the provider did for a payment, in order, with the amounts."""
    effects = platform.effects(payment["payment_id"])
    return [(effect["operation"], effect["amount_minor"]) for effect in effects]


async def test_a_hold_nobody_captures_is_released(platform: Running, merchant: Merchant) -> None:
    """The customer's money may not be held for longer than was said."""
    held = await merchant.confirmed(capture_method="manual")
    expired = await merchant.reaches(held, {"expired", "captured", "voided"})
    assert ("expired", 0) == (expired["status"], expired["amount_captured"])
    assert [("authorize", 10_000), ("void", 10_000)] == done(platform, held)
    late = await merchant.post(f"/v1/payments/{held['payment_id']}/capture", {})
    assert (409, "unexpected_state") == (late.status, late.code)


@pytest.mark.parametrize("amount", [10_000, 4_000], ids=["all", "part"])
async def test_a_capture_that_acted_is_found_although_the_hold_ran_out_meanwhile(
    amount: int, platform: Running, merchant: Merchant, session: aiohttp.ClientSession
) -> None:
    """Releasing what was taken would lose the merchant's money: expiry waits for the answer."""
    held = await merchant.confirmed(capture_method="manual")
    await behave(session, platform, timeout_after=1.0)
    answered = await merchant.post(f"/v1/payments/{held['payment_id']}/capture", {"amount": amount})
    assert 202 == answered.status, answered
    assert time.time() > _unix_s(held["updated_at"]) + WINDOW_S, "the hold ran out while nobody knew"
    assert ("capture", amount) == done(platform, held)[1]
    await behave(session, platform)

    captured = await merchant.reaches(held, {"captured", "expired", "voided"})
    assert ("captured", amount) == (captured["status"], captured["amount_captured"])
    rest = [("void", 10_000 - amount)] if amount < 10_000 else []
    expected = [("authorize", 10_000), ("capture", amount), *rest]
    until(lambda: expected == done(platform, held), f"the provider's book shows {expected}")


async def test_a_capture_that_never_acted_is_called_again_before_the_hold_is_released(
    platform: Running, merchant: Merchant, session: aiohttp.ClientSession
) -> None:
    """The merchant asked in time: once it is proved that nothing was taken, it is taken, once."""
    held = await merchant.confirmed(capture_method="manual")
    await behave(session, platform, timeout_before=1.0)
    answered = await merchant.post(f"/v1/payments/{held['payment_id']}/capture", {})
    assert 202 == answered.status, answered
    assert [("authorize", 10_000)] == done(platform, held)
    await behave(session, platform)
    captured = await merchant.reaches(held, {"captured", "expired", "voided"})
    assert ("captured", 10_000) == (captured["status"], captured["amount_captured"])
    assert [("authorize", 10_000), ("capture", 10_000)] == done(platform, held)


def _unix_s(written: str) -> float:
    return datetime.fromisoformat(written).timestamp()
