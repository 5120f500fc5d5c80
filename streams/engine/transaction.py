"""How does one task commit: a fenced transactional producer that is never used after a doubt.

librdkafka lacks the client side of KIP-890: an EndTxn request that was delayed or sent twice can end
the *next* transaction of the same producer before its records are complete. So after an error, a
timeout, a lost connection or a slow commit the producer is not used again and the process ends.
Taking a new producer inside the process would need proof that the task is still ours (its
`init_transactions` fences whoever holds it now), and librdkafka does not show whether a heartbeat of
the group was answered after the error. A restart is that proof: it joins the group again before it
takes the task over, and it costs two seconds.
"""

from collections.abc import Iterable
from time import monotonic

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streams.engine import clients
from streams.engine.config import EngineConfig
from streams.engine.errors import CommitUncertain, EngineError, Fenced, KafkaFailed
from streams.engine.positions import POSITIONS_KEY
from streams.ports import Output

_FENCED = frozenset(
    {
        KafkaError._FENCED,
        KafkaError._FATAL,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.INVALID_PRODUCER_ID_MAPPING,
    }
)

_Headers = list[tuple[str, str | bytes | None]] | None


class TaskProducer:
    """The one writer of a task. `take_over` first; afterwards every earlier owner is refused."""

    def __init__(self, config: EngineConfig, transactional_id: str, changelog: str, partition: int) -> None:
        self._config = config
        self._task = transactional_id
        self._changelog = changelog
        self._partition = partition
        self._disturbance: KafkaError | None = None
        self._positions_offset = -1
        self._producer = Producer(
            {**clients.transactional(config, transactional_id), "error_cb": self._on_error}
        )

    def take_over(self) -> None:
        """Fence earlier owners and wait until their transaction is ended. Raises KafkaFailed."""
        try:
            self._producer.init_transactions(self._config.restore_timeout_ms / 1000)
        except KafkaException as error:
            raise KafkaFailed(f"{self._task}: cannot take the task over: {error.args[0]}") from error

    def commit(
        self, changes: Iterable[tuple[bytes, bytes | None]], outputs: Iterable[Output], positions: bytes
    ) -> int:
        """Write everything in one transaction; the changelog offset of its positions record.

        Raises Fenced when the broker refused this owner, CommitUncertain for any other doubt; the
        producer must not be used after either.
        """
        self._producer.poll(0)
        self._disturbance = None
        started = monotonic()
        try:
            self._producer.begin_transaction()
            self._produce(changes, outputs, positions)
            self._producer.commit_transaction(self._config.transaction_timeout_ms / 1000)
        except KafkaException as error:
            raise self._judged(error.args[0]) from error
        self._producer.poll(0)
        taken_ms = (monotonic() - started) * 1000
        if self._disturbance is not None:
            raise CommitUncertain(f"{self._task}: the connection was lost in a commit: {self._disturbance}")
        if taken_ms > self._config.slow_commit_ms:
            raise CommitUncertain(
                f"{self._task}: a commit took {taken_ms:.0f} ms; it may have been sent twice"
            )
        assert self._positions_offset >= 0, "a committed record has an offset"
        return self._positions_offset

    def close(self) -> None:
        """Let go of the connections; a transaction that was begun is aborted by the next owner."""
        self._producer.close()

    def _produce(
        self, changes: Iterable[tuple[bytes, bytes | None]], outputs: Iterable[Output], positions: bytes
    ) -> None:
        produce, changelog, partition = self._producer.produce, self._changelog, self._partition
        for key, row in changes:
            try:
                produce(changelog, row, key, partition)
            except BufferError:
                self._make_room()
                produce(changelog, row, key, partition)
        for topic, key, value, target, headers in outputs:
            at = -1 if target is None else target
            named: _Headers = list(headers) if headers else None
            try:
                produce(topic, value, key, at, headers=named)
            except BufferError:
                self._make_room()
                produce(topic, value, key, at, headers=named)
        self._positions_offset = -1
        produce(changelog, positions, POSITIONS_KEY, partition, on_delivery=self._on_positions)

    def _make_room(self) -> None:
        """Wait until the producer has sent what it holds; a unit of work may be larger than its queue."""
        if self._producer.flush(self._config.transaction_timeout_ms / 1000) > 0:
            raise CommitUncertain(f"{self._task}: the broker takes no records")

    def _on_positions(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self._positions_offset = message.offset() or 0

    def _on_error(self, error: KafkaError) -> None:
        self._disturbance = error

    def _judged(self, error: KafkaError) -> EngineError:
        if error.code() in _FENCED:
            return Fenced(f"{self._task}: another owner has taken over: {error}")
        return CommitUncertain(f"{self._task}: a commit failed: {error}")
