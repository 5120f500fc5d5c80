"""Merchants ask over HTTP, real stage steps decide on real Kafka, the real sink stores: what is answered?"""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from schemas import ids
from tests.integration.api_platform import Platform, running_platform
from tests.integration.api_process import CALLBACK_SECRET, Answered, Client, until
from tests.integration.api_stages import DECLINED, SILENT

pytestmark = pytest.mark.integration

CARD = {"type": "card", "token": "tok_visa"}
ORDER = {"amount": 2599, "currency": "USD", "payment_method": CARD}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("api")) as running:
        yield running


@pytest.fixture(scope="module")
def merchant(platform: Platform) -> Client:
    return platform.merchant_client("Acme")


def _created(merchant: Client, **changed: Any) -> dict[str, Any]:
    answered = merchant.post("/v1/payment_intents", {**ORDER, **changed})
    assert 201 == answered.status, answered
    body: dict[str, Any] = answered.body
    return body


def _confirmed(merchant: Client, **changed: Any) -> Answered:
    intent = _created(merchant, **changed)
    return merchant.post(f"/v1/payment_intents/{intent['payment_intent_id']}/confirm", {})


def test_a_payment_from_creation_to_refund(merchant: Client) -> None:
    """The whole path of a merchant's day, each answer after its commit."""
    intent = _created(merchant, capture_method="manual", description="Two books", metadata={"order": "7"})
    assert "requires_confirmation" == intent["status"]
    assert ("Two books", {"order": "7"}) == (intent["description"], intent["metadata"])
    confirmed = merchant.post(f"/v1/payment_intents/{intent['payment_intent_id']}/confirm", {})
    assert (200, "authorized", 2599) == (
        confirmed.status,
        confirmed.body["status"],
        confirmed.body["amount_authorized"],
    )
    path = f"/v1/payments/{intent['payment_id']}"
    captured = merchant.post(f"{path}/capture", {"amount": 2000})
    assert (200, "captured", 2000) == (
        captured.status,
        captured.body["status"],
        captured.body["amount_captured"],
    )
    refund = merchant.post(f"{path}/refunds", {"amount": 500, "reason": "damaged"})
    assert refund.status in (200, 201)
    assert ("refund", "succeeded", 500, "damaged") == tuple(
        refund.body[name] for name in ("object", "status", "amount", "reason")
    )
    newest = f"{path}?min_version={refund.body['version']}"
    read = until(
        lambda: _if("stale" not in (found := merchant.get(newest)).body, found), "it shows the refund"
    )
    assert ("partially_refunded", 500) == (read.body["status"], read.body["amount_refunded"])
    assert refund.body["status"] == merchant.get(f"/v1/refunds/{refund.body['refund_id']}").body["status"]


def test_a_repeat_gets_the_first_answer(merchant: Client) -> None:
    """A client that lost an answer repeats with its key and must not pay twice."""
    first = merchant.post("/v1/payment_intents", ORDER, "repeat-1")
    again = merchant.post("/v1/payment_intents", ORDER, "repeat-1")
    assert (201, 201) == (first.status, again.status)
    assert first.body == again.body
    assert ("true", "repeat-1") == (again.headers["idempotent-replayed"], again.headers["idempotency-key"])
    assert "idempotent-replayed" not in first.headers


def test_a_repeat_with_other_parameters_is_refused_and_says_which(merchant: Client) -> None:
    """A key names one request for life; the difference is named, so that it can be found."""
    merchant.post("/v1/payment_intents", ORDER, "repeat-2")
    other = merchant.post("/v1/payment_intents", {**ORDER, "amount": 1}, "repeat-2")
    assert (422, "idempotency_mismatch", "amount") == (other.status, other.code, other.body["error"]["param"])


def test_parallel_repeats_make_one_payment(merchant: Client, platform: Platform) -> None:
    """Retries that overtake each other are one request."""
    with ThreadPoolExecutor(20) as threads:
        answers = list(
            threads.map(lambda _: merchant.post("/v1/payment_intents", ORDER, "parallel"), range(20))
        )
    assert {201} == {answered.status for answered in answers}
    assert 1 == len({answered.body["payment_id"] for answered in answers})


def test_a_drawn_key_is_returned(merchant: Client) -> None:
    """Without a key of its own a client can still repeat under the one it was given."""
    answered = merchant.post("/v1/payment_intents", ORDER)
    again = merchant.post("/v1/payment_intents", ORDER, answered.headers["idempotency-key"])
    assert answered.body == again.body


def test_a_decline_tells_why_and_shows_the_payment(merchant: Client) -> None:
    """402 is the only 4xx that changes state, so it carries the state."""
    declined = _confirmed(merchant, payment_method={"type": "card", "token": DECLINED})
    error = declined.body["error"]
    assert (402, "declined", "insufficient_funds") == (declined.status, declined.code, error["decline_code"])
    assert "failed" == error["payment"]["status"]
    assert "insufficient_funds" == error["payment"]["last_error"]["decline_code"]


def test_a_slow_provider_is_answered_with_202_and_where_to_look(merchant: Client) -> None:
    """A caller is not kept waiting for ever, and nothing is guessed."""
    slow = _confirmed(merchant, payment_method={"type": "card", "token": SILENT})
    assert (202, "pending_auth") == (slow.status, slow.body["status"])
    assert f"/v1/payment_intents/{slow.body['payment_intent_id']}" == slow.headers["location"]


def test_a_refusal_shows_the_status_that_caused_it(merchant: Client) -> None:
    """409 says what the object is instead of what the caller thought."""
    body = _confirmed(merchant).body
    refused = merchant.post(f"/v1/payments/{body['payment_id']}/void", {})
    assert (409, "unexpected_state") == (refused.status, refused.code)
    assert "captured" == refused.body["error"]["payment"]["status"]


def test_another_merchants_objects_are_not_there(platform: Platform, merchant: Client) -> None:
    """404 for every way to touch what belongs to someone else."""
    body = _confirmed(merchant).body
    stranger = platform.merchant_client("Other")
    payment = f"/v1/payments/{body['payment_id']}"
    stored = until(lambda: merchant.get(payment).status == 200, "the payment is stored")
    assert stored
    assert 404 == stranger.get(payment).status
    assert 404 == stranger.post(f"{payment}/refunds", {}).status
    assert 404 == stranger.get(f"/v1/payment_intents/{body['payment_intent_id']}").status
    assert [] == stranger.get("/v1/payments").body["data"]


def test_lists_are_newest_first_in_pages(platform: Platform) -> None:
    """A client can walk all payments without missing or repeating one."""
    own = platform.merchant_client("Lister")
    made = [_created(own, customer_id=f"cus_{n % 2}")["payment_id"] for n in range(5)]
    until(lambda: len(own.get("/v1/payments").body["data"]) == 5, "all are stored")
    first = own.get("/v1/payments?limit=3").body
    rest = own.get(f"/v1/payments?limit=3&starting_after={first['data'][-1]['payment_id']}").body
    assert (True, False) == (first["has_more"], rest["has_more"])
    assert set(made) == {one["payment_id"] for one in first["data"] + rest["data"]}
    assert 5 == len(first["data"] + rest["data"])
    odd = own.get("/v1/payments?customer_id=cus_1&status=requires_confirmation").body["data"]
    assert {made[1], made[3]} == {one["payment_id"] for one in odd}
    assert 400 == own.get(f"/v1/payments?starting_after=pay_{'0' * 26}").status


def test_events_tell_the_history(platform: Platform, merchant: Client) -> None:
    """Every step of a payment can be read back, with the payment as it was then."""
    payment_id = _confirmed(merchant, description="noted").body["payment_id"]
    path = f"/v1/events?payment_id={payment_id}"
    events = until(lambda: _if(len(found := merchant.get(path).body["data"]) == 4, found), "four events")
    assert {1, 2, 3, 4} == {event["version"] for event in events}
    by_version = {event["version"]: event for event in events}
    assert "PaymentIntentCreated" == by_version[1]["type"]
    assert "RiskAssessmentRequested" == by_version[2]["type"]
    assert ("captured", "noted") == (
        by_version[4]["payment"]["status"],
        by_version[4]["payment"]["description"],
    )


def test_an_account_is_created_once_with_one_key(platform: Platform) -> None:
    """A lost answer to a creation must not lose the secret key, which is stored nowhere."""
    first, again = platform.merchant("Twice", "twice"), platform.merchant("Twice", "twice")
    assert first == again
    assert 43 + len("sk_test_") == len(first["secret_key"])
    renamed = platform.operator.post("/v1/merchants", {"display_name": "New"}, "twice")
    assert (422, "display_name") == (renamed.status, renamed.body["error"]["param"])


def test_operators_have_roles(platform: Platform, merchant: Client) -> None:
    """A viewer may not change anything, and a merchant is no operator."""
    admin = platform.operator
    viewer = admin.post("/v1/operators", {"display_name": "Vera", "role": "viewer"}).body["secret_key"]
    for client in (platform.client.under(viewer), merchant):
        assert 403 == client.post("/v1/merchants", {"display_name": "No"}).status
    assert 403 == admin.post("/v1/payment_intents", ORDER).status


def test_an_operator_resolves_an_unknown_operation(platform: Platform, merchant: Client) -> None:
    """The last resort of an operation nobody answers for reaches the stage under the operator's name."""
    slow = _confirmed(merchant, payment_method={"type": "card", "token": SILENT}).body
    path = f"/v1/operations/{slow['authorization_id']}/resolve"
    refused = platform.operator.post(path, {"resolution": "not_executed"})
    # Nobody gave up on it yet, so there is nothing to resolve; but the operator may see whose it is.
    assert (409, slow["payment_id"]) == (refused.status, refused.body["error"]["payment"]["payment_id"])
    assert 403 == merchant.post(path, {"resolution": "not_executed"}).status


def test_a_signed_callback_completes_the_payment(platform: Platform, merchant: Client) -> None:
    """The provider's word counts when it is signed, and only then."""
    slow = _confirmed(merchant, payment_method={"type": "card", "token": SILENT}).body
    raw = _callback(slow)
    path = "/v1/psp/notifications/simulator"
    assert 401 == platform.client.ask("POST", path, raw + b" ", _signed(raw)).status
    assert 404 == platform.client.ask("POST", "/v1/psp/notifications/nobody", raw, _signed(raw)).status
    assert 400 == platform.client.ask("POST", path, b"{}", _signed(b"{}")).status
    assert 200 == platform.client.ask("POST", path, raw, _signed(raw)).status
    payment = f"/v1/payments/{slow['payment_id']}"
    until(lambda: merchant.get(payment).body["status"] == "captured", "the payment is captured")


def _callback(payment: dict[str, Any]) -> bytes:
    operation_id = payment["authorization_id"]
    operation = {
        "operation": "sale",
        "status": "succeeded",
        "amount_minor": payment["amount"],
        "currency": payment["currency"],
        "provider_ref": "sim_callback",
        "idempotency_key": ids.psp_key(operation_id, 0),
        "payment_reference": payment["payment_id"],
        "metadata": {"operation_id": operation_id, "call_attempt": "0", "provider": "simulator"},
    }
    return json.dumps({"id": "cb_1", "type": "operation.updated", "operation": operation}).encode()


def _signed(raw: bytes) -> dict[str, str]:
    signed_at = str(int(time.time()))
    signature = hmac.new(CALLBACK_SECRET.encode(), f"{signed_at}.".encode() + raw, hashlib.sha256).hexdigest()
    return {"Provider-Signature": f"t={signed_at},v1={signature}"}


def test_every_answer_is_logged(platform: Platform, merchant: Client) -> None:
    """What was acknowledged can be looked up by request id, and refusals too."""
    sent = [merchant.post("/v1/payment_intents", ORDER), merchant.post("/v1/payment_intents", {"amount": 1})]
    sent += [platform.client.get("/v1/payments"), merchant.get("/v1/nothing")]
    with psycopg.connect(platform.settings.postgres_dsn, autocommit=True) as database:
        for answered in sent:
            row = until(
                lambda answered=answered: database.execute(  # type: ignore[misc]  # bound at once
                    "SELECT status, route, object_id FROM raw.api_requests WHERE request_id = %s",
                    [answered.headers["request-id"]],
                ).fetchone(),
                "the answer is logged",
            )
            assert answered.status == row[0]
            assert answered.body.get("payment_id") == row[2]


def _if(is_so: bool, value: Any) -> Any:
    return value if is_so else None
