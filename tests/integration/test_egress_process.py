"""The egress process on the real Kafka: nothing is lost, and no receiver stands in the way of another."""

import asyncio
import base64
import hashlib
import hmac
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.stack import kafka as kafka_stack
from ops.stack.ports import free_port
from schemas.topics import WEBHOOKS_DELAYED, WEBHOOKS_DELIVERIES
from tests.integration.egress_bench import SEALING_KEY, SECRET, TOPICS, Answer, Merchants, Receiver, message
from tests.integration.sink_bench import Process, create_topics, until

pytestmark = pytest.mark.integration

Start = Callable[..., Process]
Listen = Callable[..., Receiver]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[kafka_stack.Broker]:
    """A broker of the test's own: the egress reads its topics from their beginning."""
    with kafka_stack.running(tmp_path / "kafka") as running:
        create_topics(running.bootstrap_servers, TOPICS)
        yield running


@pytest.fixture
def merchants(broker: kafka_stack.Broker) -> Merchants:
    return Merchants(broker.bootstrap_servers)


@pytest.fixture
def start(broker: kafka_stack.Broker, tmp_path: Path) -> Iterator[Start]:
    """Starts egresses and leaves none behind."""
    started: list[Process] = []

    def begin(**settings: object) -> Process:
        fields = {
            "kafka_bootstrap_servers": broker.bootstrap_servers,
            "webhooks_sealing_key": SEALING_KEY,
            "worker_session_timeout_ms": 6_000,
            **settings,
        }
        started.append(Process("connectors.webhooks", tmp_path / f"egress-{len(started)}.log", **fields))
        return started[-1]

    yield begin
    for process in started:
        process.kill()


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Opens receivers and closes them."""
    opened: list[Receiver] = []

    def receiver(*answer: Answer) -> Receiver:
        opened.append(Receiver(*answer))
        return opened[-1]

    yield receiver
    for one in opened:
        one.close()


def test_a_healthy_receiver_is_not_delayed_by_dead_and_hanging_ones(
    merchants: Merchants, start: Start, listen: Listen
) -> None:
    """The three share one partition and one process, and still only the ill ones wait."""

    async def hangs(_: int) -> int:
        await asyncio.sleep(3_600)
        return 200

    healthy, hanging, dead_url = listen(), listen(hangs), f"http://127.0.0.1:{free_port()}/"
    started = start(webhooks_timeout_ms=30_000)
    warm = merchants.deliver("we_warm", healthy.url, 1)[0]
    merchants.flush()
    until(lambda: warm.message_id in healthy.message_ids, "the first delivery")
    began_s, expected = time.monotonic(), {warm.message_id}
    for number in range(150):
        expected.add(merchants.write(message("we_healthy", healthy.url, number)).message_id)
        merchants.write(message("we_hanging", hanging.url, number))
        merchants.write(message("we_dead", dead_url, number))
    merchants.flush()
    until(lambda: healthy.message_ids == expected, "every delivery to the healthy receiver")
    assert time.monotonic() - began_s < 30, "no delivery may have waited for the end of one that hangs"
    assert len(hanging.received) <= 10
    first = healthy.received[-1]
    signed = f"{first.message_id}.{first.headers['webhook-timestamp']}.".encode() + first.body
    expected_signature = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
    assert f"v1,{expected_signature}" == first.headers["webhook-signature"]
    until(lambda: ("we_dead", "connect_failed") in told(merchants), "an attempt at the dead receiver")
    assert started.ask_to_stop() == 0


def told(merchants: Merchants) -> set[tuple[str, str | None]]:
    return {(one.endpoint_id, one.error) for one in merchants.attempts()}


def test_a_kill_loses_nothing_and_repeats_keep_their_ids(
    merchants: Merchants, start: Start, listen: Listen
) -> None:
    """Whatever was not told yet is sent again under the same id: receivers drop it by that."""

    async def is_slow(_: int) -> int:
        await asyncio.sleep(0.02)
        return 200

    receiver = listen(is_slow)
    first = start()
    sent = merchants.deliver("we_1", receiver.url, 250) + merchants.deliver("we_2", receiver.url, 250)
    merchants.flush()
    until(lambda: len(receiver.received) > 100, "some deliveries")
    first.kill()
    at_kill = len(receiver.received)
    start()
    expected = {one.message_id: one.payload for one in sent}
    until(lambda: receiver.message_ids == expected.keys(), "every delivery")
    until(
        lambda: (
            {one.message_id for one in merchants.attempts() if one.outcome == "delivered"} == expected.keys()
        ),
        "every attempt told",
    )
    assert all(expected[one.message_id] == one.body for one in receiver.received)
    assert at_kill < len(expected), "the kill came too late to be one"


def test_what_fails_is_tried_again_until_it_is_exhausted(
    merchants: Merchants, start: Start, listen: Listen
) -> None:
    """The delays pass through Kafka; 410 ends it at once, a resend is tried once, a deleted endpoint never."""

    async def recovers(number: int) -> int:
        return 500 if number < 2 else 200

    async def breaks(_: int) -> int:
        return 500

    async def is_gone(_: int) -> int:
        return 410

    recovering, broken, gone, deleted = listen(recovers), listen(breaks), listen(is_gone), listen()
    merchants.delete("we_deleted")
    merchants.write_bytes(b"no message")
    merchants.deliver("we_recovering", recovering.url, 1)
    merchants.deliver("we_broken", broken.url, 1)
    merchants.deliver("we_gone", gone.url, 1)
    merchants.deliver("we_deleted", deleted.url, 1)
    merchants.write(message("we_resent", broken.url, 0, is_resend=True))
    # On its way to a far time it is handed on from turn to turn, and never early.
    due_at_ms = time.time_ns() // 1_000_000 + 1_500
    merchants.write(message("we_late", deleted.url, 0, due_at_ms=due_at_ms), WEBHOOKS_DELAYED[5_000])
    merchants.flush()
    process = start(webhooks_retry_delays_ms="200,400")
    until(lambda: len(merchants.attempts()) == 10, "every attempt")
    outcomes: dict[str, list[tuple[int, str, int | None, str | None]]] = {}
    for one in sorted(merchants.attempts(), key=lambda one: one.attempt):
        outcomes.setdefault(one.endpoint_id, []).append(
            (one.attempt, one.outcome, one.http_status, one.error)
        )
    assert {
        "we_recovering": [(1, "failed", 500, None), (2, "failed", 500, None), (3, "delivered", 200, None)],
        "we_broken": [(1, "failed", 500, None), (2, "failed", 500, None), (3, "exhausted", 500, None)],
        "we_gone": [(1, "exhausted", 410, None)],
        "we_deleted": [(1, "exhausted", None, "endpoint_deleted")],
        "we_resent": [(1, "exhausted", 500, None)],
        "we_late": [(1, "delivered", 200, None)],
    } == outcomes
    assert ["we_late0"] == [one.body.decode().split('"')[3].removeprefix("evt_") for one in deleted.received]
    assert 1 == len({one.message_id for one in recovering.received})
    until(lambda: b"no message" in merchants.values(WEBHOOKS_DELIVERIES.dead_letters), "the dead letter")
    assert 0 == process.ask_to_stop()
    assert 10 == len(merchants.attempts())
    assert Counter({1: 6, 2: 2, 3: 2}) == Counter(one.attempt for one in merchants.attempts())
