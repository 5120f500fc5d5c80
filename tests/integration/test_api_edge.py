"""What can a client send wrong, what does the platform do when its parts fail, and what does it offer beside /v1?"""

import io
import json
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import fastavro
import pytest
from confluent_kafka import Consumer, TopicPartition

from ops.stack.ports import free_port
from schemas import topics
from schemas.kafka import consumer_settings
from tests.integration.api_platform import Platform, running_platform
from tests.integration.api_process import Client, Process, until, until_ready
from tests.integration.api_stages import SILENT

pytestmark = pytest.mark.integration

ORDER = {"amount": 2599, "currency": "USD"}
JSON = {"Content-Type": "application/json"}
INTENT = f"/v1/payment_intents/pi_{'0' * 26}"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("edge"), api_max_in_flight=20) as running:
        yield running


@pytest.fixture(scope="module")
def merchant(platform: Platform) -> Client:
    return platform.merchant_client("Acme")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """One wrong request and how it is refused."""

    status: int
    code: str
    param: str | None = None
    method: str = "POST"
    path: str = "/v1/payment_intents"
    raw: bytes | None = None
    headers: dict[str, str] = field(default_factory=lambda: JSON)


def _order(**changed: Any) -> bytes:
    return json.dumps({**ORDER, **changed}).encode()


WRONG = (
    Wrong(status=404, code="route_not_found", path="/v1/nothing"),
    Wrong(status=404, code="route_not_found", path="/nothing", method="GET"),
    Wrong(status=405, code="method_not_allowed", method="DELETE"),
    Wrong(status=401, code="unauthenticated", headers={**JSON, "Authorization": "Bearer sk_test_wrong"}),
    Wrong(status=401, code="unauthenticated", headers={**JSON, "Authorization": "Basic ???"}),
    Wrong(status=401, code="unauthenticated", headers={**JSON, "Authorization": "Digest x"}),
    Wrong(status=403, code="forbidden", param="merchant_id", raw=_order(merchant_id="mer_other")),
    Wrong(status=413, code="body_too_large", raw=b" " * 65_537),
    Wrong(status=415, code="unsupported_media_type", raw=b"amount=1", headers={"Content-Type": "text/plain"}),
    Wrong(
        status=415,
        code="unsupported_media_type",
        raw=b"\x1f\x8b",
        headers={**JSON, "Content-Encoding": "gzip"},
    ),
    Wrong(status=400, code="body_invalid", raw=b"{"),
    Wrong(status=400, code="body_invalid", raw=b"[]"),
    Wrong(status=400, code="body_invalid", raw=b"\xff"),
    Wrong(status=400, code="body_invalid", raw=b"[" * 60_000),
    Wrong(status=400, code="body_invalid", raw=b'{"amount": NaN, "currency": "USD"}'),
    Wrong(status=400, code="body_invalid", raw=b'{"amount": 1, "amount": 2, "currency": "USD"}'),
    Wrong(status=400, code="body_invalid", raw=b'{"amount": 1%s, "currency": "USD"}' % (b"0" * 5000)),
    Wrong(status=400, code="body_invalid", raw=b'{"amount":1,"currency":"USD","description":"\\ud800"}'),
    Wrong(status=400, code="body_invalid", raw=b'{"amount":1,"currency":"USD","description":"\\u0000"}'),
    Wrong(status=400, code="parameter_unknown", param="amont", raw=_order(amont=1)),
    Wrong(
        status=400,
        code="parameter_unknown",
        param="payment_method[cvc]",
        raw=_order(payment_method={"type": "card", "token": "tok_visa", "cvc": "123"}),
    ),
    Wrong(status=400, code="parameter_missing", param="currency", raw=b'{"amount": 1}'),
    Wrong(status=400, code="parameter_missing", param="amount"),
    Wrong(status=400, code="parameter_invalid", param="amount", raw=_order(amount=1.0)),
    Wrong(status=400, code="parameter_invalid", param="amount", raw=_order(amount="10")),
    Wrong(status=400, code="parameter_invalid", param="amount", raw=_order(amount=True)),
    Wrong(status=400, code="parameter_invalid", param="amount", raw=_order(amount=-1)),
    Wrong(status=400, code="parameter_invalid", param="amount", raw=_order(amount=10**12)),
    Wrong(status=400, code="parameter_invalid", param="amount", raw=b'{"amount": 1e999, "currency": "USD"}'),
    Wrong(status=400, code="parameter_invalid", param="currency", raw=_order(currency="usd")),
    Wrong(
        status=400,
        code="parameter_invalid",
        param="payment_method[token]",
        raw=_order(payment_method={"type": "card", "token": "4242424242424242"}),
    ),
    Wrong(status=400, code="parameter_invalid", param="metadata", raw=_order(metadata={"a": 1})),
    Wrong(
        status=400,
        code="idempotency_keys_differ",
        param="idempotency_key",
        raw=_order(idempotency_key="a"),
        headers={**JSON, "Idempotency-Key": "b"},
    ),
    Wrong(
        status=400, code="parameter_invalid", param="idempotency_key", raw=_order(idempotency_key="k\u00e9")
    ),
    Wrong(status=404, code="not_found", path="/v1/payment_intents/pi_1/confirm"),
    Wrong(status=404, code="not_found", path="/v1/payments/pay_%C3%A9/capture"),
    Wrong(status=400, code="parameter_invalid", param="limit", path="/v1/payments?limit=0", method="GET"),
    Wrong(status=400, code="parameter_unknown", param="page", path="/v1/payments?page=2", method="GET"),
    Wrong(status=400, code="parameter_invalid", param="status", path="/v1/payments?status=x", method="GET"),
    Wrong(
        status=400,
        code="parameter_invalid",
        param="created_after",
        path="/v1/payments?created_after=today",
        method="GET",
    ),
)


def test_what_is_wrong_is_named_and_changes_nothing(platform: Platform, merchant: Client) -> None:
    """Every mistake is answered before anything is written, with its code and the parameter at fault."""
    before = platform.stages.settled()
    for wrong in WRONG:
        answered = merchant.ask(wrong.method, wrong.path, wrong.raw, wrong.headers)
        error = answered.body["error"]
        assert (wrong.status, wrong.code, wrong.param) == (
            answered.status,
            error["code"],
            error.get("param"),
        ), (
            wrong,
            error,
        )
        assert answered.headers["request-id"] == error["request_id"]
    assert before == platform.stages.settled()


def test_an_endless_body_is_cut_off(platform: Platform, merchant: Client) -> None:
    """A chunked body says no length, so it is counted as it comes."""
    head = (
        f"POST /v1/payment_intents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {merchant.secret_key}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", platform.settings.api_port), timeout=10) as connection:
        connection.sendall(head.encode() + b"4000\r\n" + b" " * 0x4000 + b"\r\n")
        for _ in range(4):
            connection.sendall(b"4000\r\n" + b" " * 0x4000 + b"\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 413")


def test_an_unknown_payment_is_not_found(merchant: Client) -> None:
    """A well-formed id of nothing is told by the stage, which alone knows."""
    answered = merchant.post(f"{INTENT}/confirm", {})
    assert (404, "not_found") == (answered.status, answered.code)
    assert (404, "not_found") == ((read := merchant.get(INTENT)).status, read.code)


def test_too_many_commands_in_flight_are_turned_away(platform: Platform, merchant: Client) -> None:
    """Under overload a client hears at once that nothing was written, and when to come back."""
    platform.stages.paused.set()
    try:
        with ThreadPoolExecutor(60) as threads:
            waiting = threads.map(lambda _: merchant.post("/v1/payment_intents", ORDER), range(60))
            overloaded = until(lambda: "in_flight 40.0" in _metrics(platform), "the cap is reached")
            platform.stages.paused.clear()
            answers = list(waiting)
    finally:
        platform.stages.paused.clear()
    assert overloaded
    turned_away = [answered for answered in answers if answered.status == 429]
    assert turned_away
    assert {201, 429} == {answered.status for answered in answers}
    assert {"1"} == {answered.headers["retry-after"] for answered in turned_away}


def test_a_result_that_does_not_come_is_pending(platform: Platform, merchant: Client) -> None:
    """Written is written: the caller is told where to look, and the repeat finds the result."""
    platform.stages.paused.set()
    try:
        pending = merchant.post("/v1/payment_intents", ORDER, "late")
    finally:
        platform.stages.paused.clear()
    assert (202, "pending") == (pending.status, pending.body["object"])
    path = pending.headers["location"]
    until(lambda: merchant.get(path).status == 200, "the payment can be read")
    again = merchant.post("/v1/payment_intents", ORDER, "late")
    assert (201, pending.body["object_id"]) == (again.status, again.body["payment_id"])


def test_min_version_is_waited_for_and_then_stale(merchant: Client) -> None:
    """A reader that knows of a newer version is told when it got an older one."""
    intent = merchant.post("/v1/payment_intents", ORDER).body
    path = f"/v1/payment_intents/{intent['payment_intent_id']}"
    assert "stale" not in merchant.get(f"{path}?min_version={intent['version']}").body
    assert merchant.get(f"{path}?min_version={intent['version'] + 1}").body["stale"] is True


def test_a_second_api_knows_every_key_and_drains_on_sigterm(platform: Platform, merchant: Client) -> None:
    """Stopping one of several processes loses no answer: what is in flight is finished within ten seconds."""
    settings = platform.settings.__class__(
        **{
            **{name: getattr(platform.settings, name) for name in platform.settings.__struct_fields__},
            "api_port": free_port(),
            "api_instance": "api-2",
            "api_reply_timeout_ms": 30_000,
        }
    )
    second = Process("api", settings, platform.home / "api-2.log")
    client = Client(settings.api_port, merchant.secret_key)
    try:
        until_ready(client, second)
        method = {"type": "card", "token": SILENT}
        order: dict[str, Any] = {**ORDER, "payment_method": method}
        intent = client.post("/v1/payment_intents", order).body
        platform.stages.paused.set()
        with ThreadPoolExecutor(1) as thread:
            path = f"/v1/payment_intents/{intent['payment_intent_id']}/confirm"
            waiting = thread.submit(client.post, path, {})
            until(lambda: "in_flight 1.0" in str(client.get("/metrics").body), "the confirm waits")
            assert 0 == second.stop(signal.SIGTERM, 10.0)
            assert 202 == waiting.result().status
    finally:
        platform.stages.paused.clear()
        second.stop(signal.SIGKILL)


def test_the_schema_registry_decodes_a_topic(platform: Platform, merchant: Client) -> None:
    """Any Confluent client can read our contracts by asking the API for their schemas."""
    merchant.get("/v1/payments")
    consumer = Consumer(
        {
            **consumer_settings(platform.settings.kafka_bootstrap_servers, client_id="t", group="t"),
            "auto.offset.reset": "earliest",
        }
    )
    consumer.assign([TopicPartition(topics.API_REQUESTS.name, one, 0) for one in range(2)])
    value = until(lambda: _value(consumer), "a logged answer")
    consumer.close()
    schema = platform.client.get(f"/schemas/ids/{int.from_bytes(value[1:5], 'big')}").body["schema"]
    parsed = fastavro.parse_schema(json.loads(schema), named_schemas={})
    datum: Any = fastavro.schemaless_reader(io.BytesIO(value[5:]), parsed, None)
    assert datum["body"]["request_id"].startswith("req_")
    subject = "api.requests.v1-millrace.api.AnsweredRequest"
    assert subject in platform.client.get("/subjects").body
    assert schema == platform.client.get(f"/subjects/{subject}/versions/latest").body["schema"]
    missing = platform.client.get("/subjects/none/versions")
    assert (404, 40401, "not_found") == (missing.status, missing.body["error_code"], missing.code)


def test_a_dead_broker_is_a_503(platform: Platform, merchant: Client) -> None:
    """Without an acknowledged write nothing is promised; afterwards the same key gets the result."""
    merchant.post("/v1/payment_intents", ORDER)
    platform.broker.pause()
    try:
        lost = merchant.post("/v1/payment_intents", ORDER, "lost")
    finally:
        platform.broker.resume()
    assert (503, "unavailable", "1") == (lost.status, lost.code, lost.headers["retry-after"])
    again = until(
        lambda: _created(merchant.post("/v1/payment_intents", ORDER, "lost")), "the repeat is answered"
    )
    assert again


def _created(answered: Any) -> bool:
    return bool(answered.status == 201)


def _value(consumer: Consumer) -> bytes | None:
    record = consumer.poll(0.1)
    value = None if record is None else record.value()
    return value if isinstance(value, bytes) else None


def _metrics(platform: Platform) -> str:
    return str(platform.client.get("/metrics").body)
