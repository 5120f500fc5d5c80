"""How do messages become deliveries: read, waited for, sent side by side, told, and only then behind the mark."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import structlog
from msgspec.structs import replace

from connectors.acknowledged import AcknowledgedWriter, Said
from connectors.crew import Crew
from connectors.dead_letters import DeadLetters
from connectors.holdings import Holdings, Place, Positions
from connectors.runtime import Assigned, Partition, Record
from connectors.webhooks.conclusion import ENDPOINT_DELETED, concluded
from connectors.webhooks.deletions import Deletions
from connectors.webhooks.lanes import EndpointLanes, Parcel
from connectors.webhooks.schedule import RetrySchedule
from connectors.webhooks.sender import Ended, Sender
from connectors.webhooks.tiers import looked_at_ms, tier_for
from schemas.codec import CorruptMessage, codec_of
from schemas.envelope import Message
from schemas.topics import BY_NAME, WEBHOOKS_ATTEMPTS, WEBHOOKS_DELAYED
from schemas.webhooks import DeliverMessage

# Attempts may last longer than a member may be silent; one that is cut off is made again under the same id.
DRAIN_S: Final = 3.0
MAX_BATCH: Final = 200
"""Records read at once; also how many of a delayed partition are held until they are due."""
_DRAIN_POLL_S: Final = 0.05
_TIER_OF: Final = {topic.name: tier_ms for tier_ms, topic in WEBHOOKS_DELAYED.items()}
_write_attempt = codec_of(WEBHOOKS_ATTEMPTS).encode
_log = structlog.get_logger(__name__)


class Reading(Positions, Protocol):
    """The loop as the egress uses it: positions, and partitions that wait."""

    def withhold(self, partition: Partition) -> None: ...
    def resume(self, partition: Partition) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """A message as read. at_ms: when it is handled, for those that wait."""

    key: bytes
    message: Message[DeliverMessage]
    place: Place
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliveries:
    """What an attempt is made with. now_ms: Unix milliseconds."""

    sender: Sender
    schedule: RetrySchedule
    deletions: Deletions
    now_ms: Callable[[], int]


class Egress:
    """The handler of deliveries and delayed ones. All but `_send` and `_put_aside` runs in the loop's thread.

    most_in_hand: messages read, not waiting until they are due, and not yet told of.
    """

    def __init__(
        self,
        reading: Reading,
        deliveries: Deliveries,
        crew: Crew[Parcel, EndpointLanes],
        *,
        writer: AcknowledgedWriter,
        letters: DeadLetters,
        most_in_hand: int,
    ) -> None:
        self._reading = reading
        self._holdings = Holdings(reading)
        self._deliveries = deliveries
        self._crew = crew
        self._writer = writer
        self._letters = letters
        self._most_in_hand = most_in_hand
        self._waiting: dict[Partition, deque[_Read]] = {}
        # Given up because somebody else has their partition: the first count is the loop's, the other the crew's.
        self._dropped = 0
        self._left = 0

    def capacity(self) -> int:
        """How many more messages are taken; called before every poll, so it also keeps house."""
        self._crew.check()
        self._writer.serve()
        self._deliveries.deletions.follow()
        self._holdings.commit_when_due()
        if not self._deliveries.deletions.is_ready:
            return 0
        self._handle_due()
        return max(0, min(MAX_BATCH, self._most_in_hand - self.in_hand))

    def on_assigned(self, assigned: Sequence[Assigned]) -> None:
        """Take partitions over, where the group stands."""
        self._holdings.take(assigned)

    def on_records(self, records: Sequence[Record]) -> None:
        """Begin messages, or let them wait; set those aside that are none."""
        corrupt: list[Place] = []
        for record in records:
            place = self._holdings.begin(record)
            try:
                read = _read(record, place)
            except CorruptMessage as error:
                self._letters.put(record, error)
                corrupt.append(place)
                continue
            if record.partition.topic in _TIER_OF:
                self._waiting.setdefault(record.partition, deque()).append(read)
            else:
                self._handle(read)
        self._letters.flush()
        for place in corrupt:
            self._holdings.finish(place)
        self._handle_due()
        for partition in self._waiting.keys() & {record.partition for record in records}:
            self._reading.withhold(partition)

    def on_end(self, partition: Partition, next_offset: int) -> None:
        """Only the markers of transactions lie between the last message and here."""
        self._holdings.skip_to(partition, next_offset)

    def on_idle(self) -> None:
        """Nothing came; what waits and what is under way is looked after before every poll."""

    def on_revoked(self, partitions: Sequence[Partition]) -> None:
        """Begin no more attempts for these; finish those under way."""
        released = self._holdings.take_out(partitions)
        for holding in released:
            holding.is_held = False
            self._dropped += len(self._waiting.pop(holding.partition, ()))
        deadline_s = time.monotonic() + DRAIN_S
        while self.in_hand and time.monotonic() < deadline_s:
            self._writer.serve(_DRAIN_POLL_S)
            self._crew.check()
        self._holdings.release(released)
        _log.info("partitions released", in_hand=self.in_hand)

    @property
    def in_hand(self) -> int:
        waiting = sum(map(len, self._waiting.values()))
        return self._holdings.unfinished - waiting - self._dropped - self._left

    def _handle_due(self) -> None:
        now_ms = self._deliveries.now_ms()
        for partition, waiting in tuple(self._waiting.items()):
            while waiting and waiting[0].at_ms <= now_ms and self.in_hand < self._most_in_hand:
                read = waiting.popleft()
                left_ms = read.message.body.due_at_ms - now_ms
                if left_ms > 0:
                    self._delay(read, read.message, tier_for(left_ms))
                else:
                    self._handle(read)
            if not waiting:
                del self._waiting[partition]
                self._reading.resume(partition)

    def _handle(self, read: _Read) -> None:
        parcel = Parcel(send=partial(self._send, read), put_aside=partial(self._put_aside, read))
        self._crew.add(read.key, parcel)

    async def _send(self, read: _Read) -> bool:
        """Make one attempt and tell of it; False if nobody answered in time."""
        if not read.place.holding.is_held:
            self._left += 1
            return True
        work, message = self._deliveries, read.message
        if work.deletions.is_deleted(message.body.endpoint.endpoint_id):
            ended = Ended(latency_ms=0, error=ENDPOINT_DELETED)
        else:
            ended = await work.sender.send(message.body)
        attempted, following = concluded(message, ended, work.schedule, work.now_ms())
        said = [Said(WEBHOOKS_ATTEMPTS.name, read.key, _write_attempt(attempted))]
        if following is not None:
            left_ms = following.body.due_at_ms - work.now_ms()
            said.append(_delayed(read.key, following, tier_for(left_ms)))
        _log_end(message.body, ended, attempted.body.outcome)
        self._writer.write(said, partial(self._holdings.finish, read.place))
        return ended.error != "timeout"

    def _put_aside(self, read: _Read, wait_ms: int) -> None:
        """The endpoint cannot take the message soon: it waits elsewhere, and no attempt is counted."""
        if not read.place.holding.is_held:
            self._left += 1
            return
        due_at_ms = self._deliveries.now_ms() + wait_ms
        later = replace(read.message, body=replace(read.message.body, due_at_ms=due_at_ms))
        self._delay(read, later, tier_for(wait_ms))

    def _delay(self, read: _Read, message: Message[DeliverMessage], tier_ms: int) -> None:
        said = [_delayed(read.key, message, tier_ms)]
        self._writer.write(said, partial(self._holdings.finish, read.place))


def _read(record: Record, place: Place) -> _Read:
    """The message in a record. Raises CodecError."""
    topic = BY_NAME[record.partition.topic]
    message: Message[DeliverMessage] = codec_of(topic).decode(record.value)
    if record.key is None:
        raise CorruptMessage(f"{topic.name}: a message without a key belongs to no endpoint")
    tier_ms = _TIER_OF.get(topic.name)
    at_ms = 0
    if tier_ms is not None:
        at_ms = looked_at_ms(
            written_at_ms=record.timestamp_ms, tier_ms=tier_ms, due_at_ms=message.body.due_at_ms
        )
    return _Read(key=record.key, message=message, place=place, at_ms=at_ms)


def _delayed(key: bytes, message: Message[DeliverMessage], tier_ms: int) -> Said:
    topic = WEBHOOKS_DELAYED[tier_ms]
    return Said(topic.name, key, codec_of(topic).encode(message))


def _log_end(tried: DeliverMessage, ended: Ended, outcome: str) -> None:
    log = _log.debug if ended.is_delivered else _log.info
    log(
        "attempt ended",
        message_id=tried.message_id,
        endpoint_id=tried.endpoint.endpoint_id,
        attempt=tried.attempt,
        outcome=outcome,
        http_status=ended.http_status,
        error=ended.error,
        latency_ms=ended.latency_ms,
    )
