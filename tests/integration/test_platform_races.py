"""What do merchants get who ask the whole running platform everything at once, or for another's objects?"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest

from connectors.psp.simulator.tokens import TEST_TOKENS, Behaviour
from schemas import topics
from tests.integration.platform_merchant import CARD, Answered, Merchant, client_session
from tests.integration.platform_running import Running, running

pytestmark = pytest.mark.integration

PARALLEL = 100
JSON = {"Content-Type": "application/json"}
DECLINING = [token.token for token in TEST_TOKENS if token.behaviour is Behaviour.DECLINE]

# A provider that never answers is given up on within seconds; every window keeps its place in the order.
IMPATIENT = {
    "psp_call_timeout_ms": 3_000,
    "psp_settle_ms": 500,
    "payments_confirm_window_ms": 6_000,
    "payments_operation_window_ms": 6_000,
    "payments_answer_grace_ms": 3_000,
    "payments_query_delays_ms": "1000,2000,3000,5000",
}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Everything that `millrace up` starts."""
    with running(tmp_path_factory.mktemp("races") / "data", **IMPATIENT) as started:
        yield started


@pytest.fixture(scope="module")
def secret_key(platform: Running) -> str:
    return platform.new_merchant_key("Races")


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with client_session() as opened:
        yield opened


@pytest.fixture
def merchant(platform: Running, secret_key: str, session: aiohttp.ClientSession) -> Merchant:
    return Merchant(session, platform.api_url, secret_key)


@pytest.fixture
def stranger(platform: Running, session: aiohttp.ClientSession) -> Merchant:
    """A merchant nobody has seen before."""
    return Merchant(session, platform.api_url, platform.new_merchant_key("Stranger"))


def operations(platform: Running, payment: dict[str, Any]) -> Counter[str]:
    """How often the provider did what for a payment."""
    return Counter(effect["operation"] for effect in platform.effects(payment["payment_id"]))


async def test_of_parallel_refunds_as_many_succeed_as_the_payment_has_money_for(
    platform: Running, merchant: Merchant
) -> None:
    """A hundred clerks refund 60 of the same 100 at once: the customer gets 60, once."""
    payment = await merchant.confirmed()
    path = f"/v1/payments/{payment['payment_id']}/refunds"
    answers = await asyncio.gather(
        *(merchant.persist(path, {"amount": 6_000}, f"refund-{number}") for number in range(PARALLEL))
    )
    refused = [answered for answered in answers if answered.status >= 400]
    assert {(400, "amount_exceeds_refundable", "amount")} == {
        (answered.status, answered.code, answered.param) for answered in refused
    }
    [winner] = [answered.body for answered in answers if answered.status < 400]
    assert PARALLEL - 1 == len(refused)
    assert ("refund", "succeeded", 6_000) == (winner["object"], winner["status"], winner["amount"])
    now = await merchant.read(payment, min_version=winner["version"])
    assert ("partially_refunded", 6_000) == (now["status"], now["amount_refunded"])
    assert {"sale": 1, "refund": 1} == operations(platform, payment)


async def test_refunds_that_fit_together_all_succeed(platform: Running, merchant: Merchant) -> None:
    """Refusing more than the rule demands would be wrong too: ten refunds of a tenth empty the payment."""
    payment = await merchant.confirmed()
    path = f"/v1/payments/{payment['payment_id']}/refunds"
    answers = await asyncio.gather(
        *(merchant.persist(path, {"amount": 1_000}, f"tenth-{number}") for number in range(12))
    )
    assert {200: 10, 400: 2} == Counter(answered.status for answered in answers)
    last = max(answered.body["version"] for answered in answers if answered.status == 200)
    now = await merchant.read(payment, min_version=last)
    assert ("refunded", 10_000) == (now["status"], now["amount_refunded"])
    assert {"sale": 1, "refund": 10} == operations(platform, payment)


async def test_parallel_equal_creates_are_one_payment(platform: Running, stranger: Merchant) -> None:
    """A client library that retries too eagerly must not sell the same order a hundred times."""
    order = {"amount": 10_000, "currency": "USD", "payment_method": CARD}
    answers = await asyncio.gather(
        *(stranger.persist("/v1/payment_intents", order, "order-1") for _ in range(PARALLEL))
    )
    assert {201} == {answered.status for answered in answers}
    assert 1 == len({answered.body["payment_id"] for answered in answers})
    assert PARALLEL - 1 == sum("idempotent-replayed" in answered.headers for answered in answers)
    assert 1 == len(await stranger.shown("/v1/payments", 1))


async def test_parallel_confirms_charge_once(platform: Running, merchant: Merchant) -> None:
    """A customer who presses the button again and again, under new keys, pays once."""
    payment = await merchant.created()
    path = f"/v1/payment_intents/{payment['payment_intent_id']}/confirm"
    answers = await asyncio.gather(
        *(merchant.persist(path, {}, f"confirm-{number}") for number in range(PARALLEL))
    )
    assert 1 == sum(answered.status == 200 for answered in answers)
    refusals = {answered.code for answered in answers if answered.status != 200}
    assert {"unexpected_state", "operation_in_progress"} >= refusals
    assert "captured" == (await merchant.read(payment))["status"]
    assert {"sale": 1} == operations(platform, payment)


async def test_a_key_names_one_request_for_life(merchant: Merchant) -> None:
    """The same key with another body is a mistake of the client's, and the difference is named."""
    first = await merchant.created("for-life")
    cheaper = {"amount": 9_999, "currency": "USD", "payment_method": CARD}
    other = await merchant.post("/v1/payment_intents", cheaper, "for-life")
    assert (422, "idempotency_mismatch", "amount") == (other.status, other.code, other.param)
    again = await merchant.created("for-life")
    assert first == again


async def test_of_capture_and_void_at_once_exactly_one_wins(platform: Running, merchant: Merchant) -> None:
    """Money is taken or released, never both, and we and the provider say the same."""
    payments = await asyncio.gather(*(merchant.confirmed(capture_method="manual") for _ in range(20)))
    for captured, voided in await asyncio.gather(
        *(_capture_and_void(merchant, payment, number) for number, payment in enumerate(payments))
    ):
        assert {200, 409} == {captured.status, voided.status}, (captured, voided)
        [loser] = [answered for answered in (captured, voided) if answered.status == 409]
        assert loser.code in ("unexpected_state", "operation_in_progress")
        [winner] = [answered.body for answered in (captured, voided) if answered.status == 200]
        now = await merchant.read(winner)
        assert ("captured" if captured.status == 200 else "voided") == now["status"]
        did = "capture" if captured.status == 200 else "void"
        assert {"authorize": 1, did: 1} == operations(platform, winner)


async def _capture_and_void(
    merchant: Merchant, payment: dict[str, Any], number: int
) -> tuple[Answered, Answered]:
    path = f"/v1/payments/{payment['payment_id']}"
    asked = [
        merchant.persist(f"{path}/capture", {}, f"capture-{number}"),
        merchant.persist(f"{path}/void", {}, f"void-{number}"),
    ]
    # Half of the time the void goes out first, so that neither order is always the luckier one.
    first, second = await asyncio.gather(*(asked if number % 2 else reversed(asked)))
    return (first, second) if number % 2 else (second, first)


async def test_another_merchants_objects_are_not_there(merchant: Merchant, stranger: Merchant) -> None:
    """Not even that an object exists may be learned with another merchant's key."""
    payment = await merchant.confirmed()
    path, intent = (
        f"/v1/payments/{payment['payment_id']}",
        f"/v1/payment_intents/{payment['payment_intent_id']}",
    )
    refund = (await merchant.post(f"{path}/refunds", {"amount": 1})).body
    asked = [
        *[f"{path}/{one}" for one in ("capture", "void", "refunds")],
        *[f"{intent}/{one}" for one in ("confirm", "cancel")],
    ]
    answers = [await stranger.post(one, {}) for one in asked]
    answers += [await stranger.get(one) for one in (path, intent, f"/v1/refunds/{refund['refund_id']}")]
    assert {(404, "not_found")} == {(answered.status, answered.code) for answered in answers}
    assert [] == (await stranger.get("/v1/payments")).body["data"]
    refusals = await stranger.shown(f"/v1/events?payment_id={payment['payment_id']}", len(asked))
    assert {("CommandRefused", "not_found", None)} == {
        (one["type"], one["code"], one["payment"]) for one in refusals
    }
    history = await merchant.shown(f"/v1/events?payment_id={payment['payment_id']}", refund["version"])
    assert "CommandRefused" not in {one["type"] for one in history}


async def test_what_was_written_can_be_read_at_once(merchant: Merchant) -> None:
    """Whoever was told that something happened must see it, without waiting for the tables."""
    payment = await merchant.created(description="A book")
    assert "requires_confirmation" == (await merchant.read(payment))["status"]
    captured = (await merchant.confirm(payment)).body
    assert captured == await merchant.read(payment)
    path = f"/v1/payments/{payment['payment_id']}/refunds"
    refund = (await merchant.post(path, {"amount": 2_500, "reason": "damaged"})).body
    assert refund == (await merchant.get(f"/v1/refunds/{refund['refund_id']}")).body
    now = await merchant.read(payment)
    assert ("partially_refunded", 2_500, "A book") == (
        now["status"],
        now["amount_refunded"],
        now["description"],
    )


async def test_lists_show_everything_once_in_pages_and_by_filter(stranger: Merchant) -> None:
    """Reconciling a day's payments must neither miss nor repeat one."""
    made = [await stranger.created(customer_id=f"cus_{number % 2}") for number in range(5)]
    captured = (await stranger.confirm(made[3])).body
    await stranger.shown("/v1/payments", 5)
    pages, after = [], ""
    while True:
        page = (await stranger.get(f"/v1/payments?limit=2{after}")).body
        pages.append([one["payment_id"] for one in page["data"]])
        if not page["has_more"]:
            break
        after = f"&starting_after={pages[-1][-1]}"
    assert [[4, 3], [2, 1], [0]] == [
        [[one["payment_id"] for one in made].index(found) for found in page] for page in pages
    ]
    by_customer = (await stranger.get("/v1/payments?customer_id=cus_1")).body["data"]
    assert {made[1]["payment_id"], made[3]["payment_id"]} == {one["payment_id"] for one in by_customer}
    [only] = await stranger.shown("/v1/payments?status=captured", 1)
    assert captured["payment_id"] == only["payment_id"]
    later = (await stranger.get(f"/v1/payments?created_after={made[2]['created_at']}")).body["data"]
    assert {made[3]["payment_id"], made[4]["payment_id"]} == {one["payment_id"] for one in later}


async def test_the_history_of_a_payment_has_no_gap(stranger: Merchant) -> None:
    """An accountant can follow every step, numbered, with the payment as it was then."""
    payment = await stranger.confirmed(capture_method="manual")
    path = f"/v1/payments/{payment['payment_id']}"
    await stranger.post(f"{path}/capture", {"amount": 4_000})
    refunded = await stranger.post(f"{path}/refunds", {})
    assert "succeeded" == refunded.body["status"], refunded
    last = await stranger.read(payment, min_version=refunded.body["version"])
    shown = await stranger.shown(f"/v1/events?limit=100&payment_id={payment['payment_id']}", last["version"])
    events = sorted(shown, key=lambda event: int(event["version"]))
    assert list(range(1, last["version"] + 1)) == [event["version"] for event in events]
    assert "PaymentIntentCreated" == events[0]["type"]
    statuses = [event["payment"]["status"] for event in events]
    assert ["requires_confirmation", "pending_auth", "pending_auth", "authorized"] == statuses[:4]
    assert ("refunded", 4_000, 4_000) == (last["status"], last["amount_captured"], last["amount_refunded"])
    assert statuses[-1] == last["status"]


async def test_every_declining_token_declines_and_another_card_pays(
    platform: Running, merchant: Merchant
) -> None:
    """A decline names its reason, moves nothing, and leaves the customer free to pay with another card."""
    assert len(DECLINING) >= 8
    for token in DECLINING:
        payment = await merchant.created(payment_method={"type": "card", "token": token})
        declined = await merchant.confirm(payment)
        error = declined.body["error"]
        assert (402, "declined", token.removeprefix("tok_")) == (
            declined.status,
            declined.code,
            error["decline_code"],
        )
        assert ("failed", 0) == (error["payment"]["status"], error["payment"]["amount_captured"])
        assert {} == operations(platform, payment)
        paid = await merchant.confirm(payment, payment_method=CARD)
        assert (200, "captured") == (paid.status, paid.body["status"])
        assert {"sale": 1} == operations(platform, payment)


@pytest.mark.parametrize("method", ["automatic", "manual"])
@pytest.mark.parametrize("token", ["tok_visa", "tok_mastercard", "tok_psp_5xx_twice", "tok_psp_slow"])
async def test_what_the_provider_does_in_the_end_is_the_answer(
    token: str, method: str, platform: Running, merchant: Merchant
) -> None:
    """A provider that is slow, or away for two calls, costs time within the confirm and nothing else."""
    confirmed = await merchant.confirmed(
        capture_method=method, payment_method={"type": "card", "token": token}
    )
    is_sale = method == "automatic"
    assert ("captured" if is_sale else "authorized") == confirmed["status"]
    assert {"sale" if is_sale else "authorize": 1} == operations(platform, confirmed)


@pytest.mark.parametrize("method", ["automatic", "manual"])
async def test_a_lost_success_is_found_and_charged_once(
    method: str, platform: Running, merchant: Merchant
) -> None:
    """The provider acted and its answer was lost: asking it is right, trying again would charge twice."""
    token = {"type": "card", "token": "tok_psp_timeout_then_success"}
    payment = await merchant.created(capture_method=method, payment_method=token)
    answered = await merchant.confirm(payment)
    assert (202, "unknown") == (answered.status, answered.body["status"])
    did, expected = ("sale", "captured") if method == "automatic" else ("authorize", "authorized")
    assert expected == (await merchant.reaches(payment, {"captured", "authorized", "failed"}))["status"]
    assert {did: 1} == operations(platform, payment)


async def test_a_lost_failure_is_proved_before_anyone_tries_again(
    platform: Running, merchant: Merchant
) -> None:
    """While nobody knows, a second attempt is refused; once nothing is proved to have happened, it pays."""
    token = {"type": "card", "token": "tok_psp_timeout_then_nothing"}
    payment = await merchant.created(payment_method=token)
    answered = await merchant.confirm(payment)
    assert (202, "unknown") == (answered.status, answered.body["status"])
    hasty = await merchant.confirm(payment)
    assert (409, {}) == (hasty.status, operations(platform, payment)), hasty
    failed = await merchant.reaches(payment, {"failed", "captured"})
    assert ("failed", "not_executed") == (failed["status"], failed["last_error"]["code"])
    again = await merchant.confirm(payment)
    assert (200, "captured") == (again.status, again.body["status"])
    assert {"sale": 1} == operations(platform, payment)


@pytest.mark.parametrize(
    ("result", "page_status", "expected"), [("success", 200, "captured"), ("failure", 402, "failed")]
)
async def test_what_the_customer_did_arrives_by_callback(
    result: str,
    page_status: int,
    expected: str,
    platform: Running,
    merchant: Merchant,
    session: aiohttp.ClientSession,
) -> None:
    """Nothing moves before the customer authenticated, and the provider's own word ends the payment."""
    action = await merchant.confirmed(payment_method={"type": "card", "token": "tok_requires_action"})
    assert ("requires_action", {}) == (action["status"], operations(platform, action))
    async with session.post(action["next_action"]["redirect_url"], params={"result": result}) as page:
        assert page_status == page.status
    ended = await merchant.reaches(action, {"captured", "failed"})
    assert (expected, None) == (ended["status"], ended["next_action"])
    assert ({"sale": 1} if expected == "captured" else {}) == operations(platform, action)


WRONG_ORDERS = (
    (400, "amount", b'{"amount": 10.0, "currency": "USD"}'),
    (400, "amount", b'{"amount": 10.5, "currency": "USD"}'),
    (400, "amount", b'{"amount": 1e3, "currency": "USD"}'),
    (400, "amount", b'{"amount": "1000", "currency": "USD"}'),
    (400, "amount", b'{"amount": -1, "currency": "USD"}'),
    (400, "amount", b'{"amount": 0, "currency": "USD"}'),
    (400, "amount", b'{"amount": null, "currency": "USD"}'),
    (400, "amount", b'{"amount": 1000000000000, "currency": "USD"}'),
    (400, "amount", b'{"amount": 99999999999999999999999999, "currency": "JPY"}'),
    (400, "currency", b'{"amount": 1000, "currency": "XXX"}'),
    (400, "tip", b'{"amount": 1000, "currency": "USD", "tip": 1}'),
    (400, "capture_method", b'{"amount": 1000, "currency": "USD", "capture_method": "later"}'),
    (400, None, b'{"amount": 1000, "currency": "USD"'),
    (400, None, b"amount=1000"),
    (413, None, b'{"amount": 1000, "currency": "USD", "description": "%s"}' % (b"x" * 65_536)),
)


async def test_what_is_wrong_is_named_and_nothing_is_produced(platform: Running, stranger: Merchant) -> None:
    """No mistake may reach a topic, where it would be for ever; each is told with the parameter at fault."""
    payment = await stranger.confirmed(capture_method="manual")
    before = platform.end_offset(topics.PAYMENTS_COMMANDS_API.name)
    create, capture = "/v1/payment_intents", f"/v1/payments/{payment['payment_id']}/capture"
    for status, param, raw in WRONG_ORDERS:
        answered = await stranger.ask("POST", create, raw, JSON)
        assert (status, param) == (answered.status, answered.param), (raw[:80], answered)
    for raw in (b'{"amount": 1.5}', b'{"amount": "1"}', b'{"amount": -5}', b'{"amount": true}'):
        answered = await stranger.ask("POST", capture, raw, JSON)
        assert (400, "amount") == (answered.status, answered.param), (raw, answered)
    body = b'{"amount": 1000, "currency": "USD", "idempotency_key": "one"}'
    differing = await stranger.ask("POST", create, body, {**JSON, "Idempotency-Key": "two"})
    assert (400, "idempotency_key") == (differing.status, differing.param)
    text = await stranger.ask("POST", create, body, {"Content-Type": "text/plain"})
    assert (415, "unsupported_media_type") == (text.status, text.code)
    assert before == platform.end_offset(topics.PAYMENTS_COMMANDS_API.name)
    assert payment == await stranger.read(payment)
    last = await stranger.created()
    shown = await stranger.shown("/v1/payments", 2)
    assert [last["payment_id"], payment["payment_id"]] == [one["payment_id"] for one in shown]
    history = await stranger.shown("/v1/events?limit=100", payment["version"] + 1)
    assert payment["version"] + 1 == len(history)
