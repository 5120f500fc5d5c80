"""Who waits for the result of which command, and what did the stage say?"""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
from confluent_kafka import KafkaError

from api.limits import partition_of
from api.problems import Problem
from api.reader import Records, TopicReader
from schemas import topics
from schemas.api import Reply
from schemas.codec import CorruptMessage, codec_of
from schemas.envelope import ReplyAddress
from schemas.kafka import consumer_settings
from schemas.outcomes import Outcome
from schemas.settings import Settings

_decode = codec_of(topics.API_REPLIES).decode
_log = structlog.get_logger(__name__)


class Waiting:
    """One caller that waits. `result` becomes the reply, None when time is up, or a Problem."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.result: asyncio.Future[Reply | None] = loop.create_future()
        self._is_delivered = False

    def on_delivered(self, error: KafkaError | None) -> None:
        """The command has been written, or may not have been."""
        if error is None:
            self._is_delivered = True
        else:
            self._fail()

    def on_reply(self, reply: Reply) -> None:
        """The stage has answered."""
        if not self.result.done():
            self.result.set_result(reply)

    def on_expired(self) -> None:
        """Time is up. Without proof that the command was written, its outcome is unknown."""
        if not self._is_delivered:
            self._fail()
        elif not self.result.done():
            self.result.set_result(None)

    def _fail(self) -> None:
        if not self.result.done():
            self.result.set_exception(Problem(Outcome.UNAVAILABLE))


class Replies:
    """The replies to this process: its own partition of the topic, matched by request id."""

    def __init__(self, settings: Settings) -> None:
        self._loop = asyncio.get_running_loop()
        self._timeout_ms = settings.api_reply_timeout_ms
        self._waiting: dict[str, Waiting] = {}
        self._partition: Final = partition_of(settings.api_instance.encode(), settings.partitions)
        client = {
            **consumer_settings(
                settings.kafka_bootstrap_servers,
                client_id=settings.api_instance,
                group="millrace.api.replies",
            ),
            # Replies are sent by plain producers after the commit; one that is lost is a 202.
            "isolation.level": "read_uncommitted",
            "auto.offset.reset": "latest",
        }
        self.reader = TopicReader(
            client,
            topics.API_REPLIES.name,
            partitions=[self._partition],
            start="end",
            on_records=self._read,
        )

    def address(self, request_id: str, now_ms: int) -> ReplyAddress:
        """Where the stage sends the result of a request that begins to wait now."""
        return ReplyAddress(
            partition=self._partition, request_id=request_id, expires_at_ms=now_ms + self._timeout_ms
        )

    async def result(self, request_id: str, send: Callable[[Waiting], None]) -> Reply | None:
        """Wait for the reply to what `send` writes; None: written, but no result in time.

        Raises Problem when the command may not have been written.
        """
        if not self.reader.is_ready:
            raise Problem(Outcome.UNAVAILABLE, "starting; replies cannot be received yet")
        waiting = Waiting(self._loop)
        self._waiting[request_id] = waiting
        timer = self._loop.call_later(self._timeout_ms / 1000, waiting.on_expired)
        try:
            send(waiting)
            return await waiting.result
        finally:
            timer.cancel()
            del self._waiting[request_id]

    def expire_all(self) -> None:
        """Let everyone who waits go on without a result."""
        for waiting in tuple(self._waiting.values()):
            waiting.on_expired()

    def _read(self, records: Records) -> None:
        """Runs in the reader's thread; only what this process waits for is decoded."""
        replies = []
        for record in records:
            key = record.key()
            if key is None or _text(key) not in self._waiting:
                continue
            try:
                replies.append(_decode(record.value()).body)
            except CorruptMessage as error:
                _log.error("reply_unreadable", error=str(error), offset=record.offset())
        if replies:
            self._loop.call_soon_threadsafe(self._deliver, replies)

    def _deliver(self, replies: list[Reply]) -> None:
        for reply in replies:
            waiting = self._waiting.get(reply.request_id)
            if waiting is not None:
                waiting.on_reply(reply)


def _text(key: bytes | str) -> str:
    return key if isinstance(key, str) else key.decode("ascii", "replace")
