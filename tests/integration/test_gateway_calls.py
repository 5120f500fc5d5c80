"""The gateway process between the real Kafka and the real simulator: what is asked becomes one result."""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from confluent_kafka import Consumer, TopicPartition

from connectors.psp.app import GROUP
from schemas import ids, topics
from schemas.envelope import Actor
from schemas.psp import OperationResult
from tests.integration.gateway_bench import (
    CALL_TIMEOUT_MS,
    DEADLINE_S,
    PARTITIONS,
    SETTLE_MS,
    Gateway,
    Payments,
    Provider,
    execute,
    fresh_key,
    provide_topics,
    query,
    until,
    wall_ms,
)

pytestmark = pytest.mark.integration


class Broker(Protocol):
    """What the tests need of the embedded Kafka."""

    bootstrap_servers: str


@pytest.fixture(scope="module")
def bootstrap_servers(kafka: Broker) -> str:
    """The brokers, with the gateway's topics on them."""
    provide_topics(kafka.bootstrap_servers)
    return kafka.bootstrap_servers


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    """A simulator that hangs for longer than a call may last."""
    simulator = Provider(tmp_path / "book.jsonl", "--hang-s", "3")
    yield simulator
    simulator.stop()


@pytest.fixture
def payments(bootstrap_servers: str) -> Iterator[Payments]:
    stage = Payments(bootstrap_servers)
    yield stage
    stage.close()


@pytest.fixture
def start(bootstrap_servers: str, provider: Provider, tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Starts gateways, one after the other, and leaves none behind."""
    started: list[Gateway] = []

    def begin(**settings: object) -> Gateway:
        log = tmp_path / f"gateway-{len(started)}.log"
        started.append(Gateway(bootstrap_servers, provider, log, **settings))
        return started[-1]

    yield begin
    for gateway in started:
        gateway.kill()


Start = Callable[..., Gateway]


def test_a_sale_becomes_one_effect_and_one_result(
    payments: Payments, provider: Provider, start: Start
) -> None:
    """The result must say what the provider did, and name its cause, so that payments can book it."""
    start()
    key = fresh_key()
    asked = payments.ask(key, execute(key))
    (result,) = payments.results(key)
    (effect,) = provider.effects(f"pay_{key}")
    expected = OperationResult(
        operation_id=asked.body.operation_id,
        psp_key=asked.body.psp_key,
        call_attempt=0,
        provider="simulator",
        source="answer",
        outcome="succeeded",
        provider_ref=effect["provider_ref"],
        amount_minor=2_599,
        currency="EUR",
    )
    assert expected == result.body
    assert asked.body.psp_key == effect["idempotency_key"]
    envelope = result.envelope
    assert ids.digest(asked.body.psp_key, "answer", asked.envelope.message_id) == envelope.message_id
    assert (asked.envelope.message_id, "req_1", "mer_1") == (
        envelope.causation_id,
        envelope.correlation_id,
        envelope.merchant_id,
    )
    assert Actor(role="provider", principal="simulator") == envelope.actor


def test_every_answer_of_the_provider_has_its_outcome(
    payments: Payments, provider: Provider, start: Start
) -> None:
    """Declines, refusals, actions and stated failures must reach payments as what they are."""
    start()
    expectations = {
        "tok_insufficient_funds": ("declined", "insufficient_funds"),
        "tok_requires_action": ("requires_action", None),
        "tok_psp_5xx_twice": ("not_executed", "unavailable"),
    }
    for token, (outcome, code) in expectations.items():
        key = fresh_key()
        payments.ask(key, execute(key, token=token))
        (result,) = payments.results(key)
        assert (outcome, code) == (result.body.outcome, result.body.code), token
        assert provider.effects(f"pay_{key}") == []
    key = fresh_key()
    payments.ask(key, execute(key, "refund", original_ref="op_nothing"))
    (result,) = payments.results(key)
    assert ("refused", "original_not_found") == (result.body.outcome, result.body.code)


def test_a_lost_answer_is_unknown_until_the_provider_is_asked(
    payments: Payments, provider: Provider, start: Start
) -> None:
    """The provider acted and its answer was lost: no decline, no second call, and the query finds it."""
    start()
    key = fresh_key()
    asked = execute(key, token="tok_psp_timeout_then_success")
    payments.ask(key, asked)
    payments.results(key)
    payments.ask(key, query(asked, wall_ms()))
    lost, found = payments.results(key, 2)
    assert ("unknown", "no_answer", "answer") == (lost.body.outcome, lost.body.code, lost.body.source)
    assert ("succeeded", 2_599, "query") == (found.body.outcome, found.body.amount_minor, found.body.source)
    assert len(provider.effects(f"pay_{key}")) == 1


def test_not_found_is_no_proof_before_its_time(payments: Payments, start: Start) -> None:
    """Asked too early, a call under way could still arrive; asked late enough, it never was made."""
    start()
    key = fresh_key()
    asked = execute(key, token="tok_psp_timeout_then_nothing")
    payments.ask(key, asked)
    payments.ask(key, query(asked, wall_ms() + 60_000))
    payments.ask(key, query(asked, wall_ms() - CALL_TIMEOUT_MS - SETTLE_MS))
    outcomes = [(result.body.outcome, result.body.code) for result in payments.results(key, 3)]
    assert [("unknown", "no_answer"), ("unknown", "not_found"), ("not_executed", "not_found")] == outcomes


def test_operations_of_a_payment_keep_their_order(
    payments: Payments, provider: Provider, start: Start
) -> None:
    """A refund that overtakes its sale would be refused; other payments must not wait for either."""
    start()
    provider.behave(rates={"slow": 0.5}, slow_s=0.1, seed=7)
    key, others = fresh_key(), [fresh_key() for _ in range(20)]
    payments.ask(key, execute(key))
    (sale,) = payments.results(key)
    for number in range(2, 12):
        reference = sale.body.provider_ref
        payments.ask(key, execute(key, "refund", amount_minor=number, original_ref=reference, number=number))
    for other in others:
        payments.ask(other, execute(other))
    refunds = payments.results(key, 11)[1:]
    assert list(range(2, 12)) == [result.body.amount_minor for result in refunds]
    done = [effect["amount_minor"] for effect in provider.effects(f"pay_{key}")]
    assert [2_599, *range(2, 12)] == done
    found = payments.settled(set(others))
    assert [1] * len(others) == [len(found[other]) for other in others]


@pytest.mark.parametrize("key_memory_s", [0, 3_600])
def test_a_killed_gateway_never_calls_twice(
    payments: Payments, provider: Provider, start: Start, key_memory_s: int
) -> None:
    """Whatever was in flight is only asked for by the next process, even where the provider forgets keys."""
    gateway = start()
    provider.behave(rates={"slow": 1.0}, slow_s=0.5, key_memory_s=key_memory_s)
    keys = {fresh_key() for _ in range(200)}
    for key in keys:
        payments.ask(key, execute(key))
    until(lambda: len(provider.effects()) > 20)
    gateway.kill()
    provider.behave(key_memory_s=key_memory_s)
    done_before = {effect["payment_reference"] for effect in provider.effects()}
    start()
    results = payments.settled(keys)
    effects = provider.effects()
    assert done_before == {effect["payment_reference"] for effect in effects}
    assert len(done_before) == len(effects)
    for key in keys:
        outcomes = {result.body.outcome for result in results[key]}
        assert {"succeeded" if f"pay_{key}" in done_before else "unknown"} == outcomes


def test_a_suspended_gateway_ends_instead_of_calling(
    payments: Payments, provider: Provider, start: Start
) -> None:
    """After a long silence another process may hold the partitions, and it may have called."""
    gateway = start(worker_session_timeout_ms=2_000)
    gateway.process.send_signal(signal.SIGSTOP)
    suspended_s = time.monotonic()
    key = fresh_key()
    payments.ask(key, execute(key))
    until(lambda: time.monotonic() > suspended_s + 1.5)
    gateway.process.send_signal(signal.SIGCONT)
    assert gateway.process.wait(DEADLINE_S) == 1
    start()
    (result,) = payments.results(key)
    assert ("unknown", "query") == (result.body.outcome, result.body.source)
    assert provider.effects() == []


def test_a_failing_provider_is_spared_and_found_again(
    payments: Payments, provider: Provider, start: Start
) -> None:
    """An outage must not burn a call per payment; queries go on, and one probe finds the provider back."""
    start()
    provider.behave(rates={"error_5xx_before": 1.0})
    keys = [fresh_key() for _ in range(40)]
    # All calls of the first batch may be on their way before the first of them fails.
    for batch in (keys[:30], keys[30:]):
        for key in batch:
            payments.ask(key, execute(key))
        found = payments.settled(set(batch))
        assert {"not_executed"} == {result.body.outcome for key in batch for result in found[key]}
    assert "not_sent" in {result.body.code for key in keys[30:] for result in found[key]}
    payments.ask(keys[0], query(execute(keys[0]), 0))
    assert payments.results(keys[0], 2)[1].body.source == "query"
    provider.behave()
    until(lambda: _probe(payments) == "succeeded")


def _probe(payments: Payments) -> str:
    key = fresh_key()
    payments.ask(key, execute(key))
    return payments.results(key)[0].body.outcome


def test_bytes_that_are_no_request_are_set_aside(
    payments: Payments, provider: Provider, start: Start, bootstrap_servers: str
) -> None:
    """One corrupt record must not stop the payments behind it, and must not be lost."""
    start()
    letters = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": "test-letters"})
    name = topics.PSP_REQUESTS.dead_letters
    letters.assign([TopicPartition(name, number, 0) for number in range(PARTITIONS)])
    key = fresh_key()
    payments.write(key, b"not a message " + key.encode())
    payments.ask(key, execute(key))
    (result,) = payments.results(key)
    assert result.body.outcome == "succeeded"
    values: list[bytes | None] = []

    def is_there() -> bool:
        values.extend(record.value() for record in letters.consume(100, 0.05))
        return b"not a message " + key.encode() in values

    until(is_there)
    letters.close()


def test_a_terminated_gateway_finishes_its_calls(
    payments: Payments, provider: Provider, start: Start, bootstrap_servers: str
) -> None:
    """A deployment must not leave payments unknown, nor have their requests read again."""
    gateway = start()
    key = fresh_key()
    provider.behave(rates={"slow": 1.0}, slow_s=0.5)
    payments.ask(key, execute(key))
    until(lambda: len(provider.effects()) == 1)
    begun_s = time.monotonic()
    assert gateway.terminate() == 0
    assert time.monotonic() - begun_s < 10
    assert payments.results(key)[0].body.outcome == "succeeded"
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": GROUP})
    place = TopicPartition(topics.PSP_REQUESTS.name, payments.last_partition)
    (committed,) = consumer.committed([place], timeout=10)
    assert committed.offset > payments.last_offset
    consumer.close()
