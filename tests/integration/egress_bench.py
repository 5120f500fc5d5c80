"""What do tests of the egress need: receivers on this machine, messages for them, and what was told of each."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, NamedTuple, TypeVar

from aiohttp import web
from confluent_kafka import Consumer, Producer, TopicPartition

from schemas import ids, topics
from schemas.codec import codec_of
from schemas.envelope import Message, Recorded
from schemas.kafka import consumer_settings, producer_settings
from schemas.merchants import AccountSnapshot, WebhookEndpointDeleted
from schemas.sealing import Sealer
from schemas.testing import MERCHANT, envelope
from schemas.topics import Topic
from schemas.webhooks import DeliverMessage, DeliveryAttempted, Endpoint
from tests.integration.sink_bench import DEADLINE_S, PARTITIONS

SEALING_KEY: Final = "5e" * 32
SECRET: Final = b"k" * 32
TOPICS: Final = (
    topics.MERCHANTS_EVENTS,
    topics.WEBHOOKS_DELIVERIES,
    *topics.WEBHOOKS_DELAYED.values(),
    topics.WEBHOOKS_ATTEMPTS,
)
T = TypeVar("T")
_sealer = Sealer(SEALING_KEY)


class Received(NamedTuple):
    """One request as a receiver saw it. at_s: on the monotonic clock."""

    message_id: str
    headers: dict[str, str]
    body: bytes
    at_s: float


Answer = Callable[[int], Awaitable[int]]
"""The status for the n-th request (0, 1, ...)."""


async def accepts(_: int) -> int:
    """Every request at once."""
    return 200


class Receiver:
    """A merchant's server in a thread of its own."""

    def __init__(self, answer: Answer = accepts) -> None:
        self._answer = answer
        self.received: list[Received] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._runner = self._run(self._listen())
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/hooks"

    def close(self) -> None:
        """Stop listening; requests under way are cut."""
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def message_ids(self) -> set[str]:
        """Every message that came at least once."""
        return {one.message_id for one in tuple(self.received)}

    async def _end(self) -> None:
        await self._runner.cleanup()
        under_way = asyncio.all_tasks() - {asyncio.current_task()}
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    async def _listen(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_post("/hooks", self._receive)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        number = len(self.received)
        self.received.append(Received(headers.get("webhook-id", ""), headers, body, time.monotonic()))
        return web.Response(status=await self._answer(number))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(DEADLINE_S)


class Merchants:
    """The webhooks stage and the merchants, as far as the egress hears of them."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._producer = Producer(producer_settings(bootstrap_servers, client_id="test"))

    def deliver(self, name: str, url: str, count: int) -> list[DeliverMessage]:
        """Messages of events to the endpoint of this name, due now; spread over endpoints by calling in turns."""
        return [self.write(message(name, url, number)) for number in range(count)]

    def write(self, body: DeliverMessage, topic: Topic = topics.WEBHOOKS_DELIVERIES) -> DeliverMessage:
        """One message on a topic."""
        cause = envelope(ids.digest(body.message_id, str(body.attempt)))
        value = codec_of(topic).encode(Message(envelope=cause, body=body))
        self._producer.produce(topic.name, value, body.endpoint.endpoint_id.encode())
        return body

    def write_bytes(self, value: bytes) -> None:
        """A record that is no message."""
        self._producer.produce(topics.WEBHOOKS_DELIVERIES.name, value, b"we_corrupt")

    def delete(self, name: str) -> None:
        """The merchant deletes an endpoint."""
        event = Recorded(
            envelope=envelope(f"deleted-{name}", aggregate_key=MERCHANT, version=3),
            body=WebhookEndpointDeleted(endpoint_id=name),
            after=AccountSnapshot(account_id=MERCHANT, key_id="key_1", created_at_ms=0, version=3),
        )
        value = codec_of(topics.MERCHANTS_EVENTS).encode(event)
        self._producer.produce(topics.MERCHANTS_EVENTS.name, value, MERCHANT.encode())

    def flush(self) -> None:
        """Everything is on the brokers."""
        assert 0 == self._producer.flush(DEADLINE_S)

    def attempts(self) -> list[DeliveryAttempted]:
        """What has been told of all attempts so far, oldest first by partition."""
        decode = codec_of(topics.WEBHOOKS_ATTEMPTS).decode
        return [decode(value).body for value in self.values(topics.WEBHOOKS_ATTEMPTS.name)]

    def values(self, name: str) -> list[bytes | None]:
        """Every value of a topic up to its end now."""
        consumer = Consumer(consumer_settings(self._bootstrap_servers, client_id="test", group="test"))
        places = [TopicPartition(name, number, 0) for number in range(PARTITIONS)]
        expected = sum(
            (consumer.get_watermark_offsets(one, timeout=DEADLINE_S) or (0, 0))[1] for one in places
        )
        consumer.assign(places)
        found: list[bytes | None] = []
        while len(found) < expected:
            found += [one.value() for one in consumer.consume(500, 0.2) if one.error() is None]
        consumer.close()
        return found


def message(name: str, url: str, number: int, **changed: Any) -> DeliverMessage:
    """The n-th event for an endpoint."""
    event_id = f"evt_{name}{number}"
    fields: dict[str, Any] = {
        "message_id": ids.webhook_message_id(event_id, name),
        "event_id": event_id,
        "type": "payment.captured",
        "payment_id": "pay_1",
        "endpoint": Endpoint(
            endpoint_id=name, url=url, event_types=("*",), sealed_secret=_sealer.seal(SECRET, name=name)
        ),
        "payload": f'{{"id":"{event_id}"}}'.encode(),
        "attempt": 1,
        "begun_at_ms": 0,
        "due_at_ms": 0,
    }
    return DeliverMessage(**{**fields, **changed})
