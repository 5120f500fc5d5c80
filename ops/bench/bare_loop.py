"""What does the reference workload cost without any framework: one exactly-once loop written by hand.

It does what a stage does for one chunk (consume, decide over an overlay, one Kafka transaction with
changelog, outputs and input offsets, then one batch to RocksDB) and nothing else: no restore, no
fencing of its own, no checksums, no guards.
"""

import signal
import threading
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka import Message as Consumed
from rocksdict import Options, Rdict, WriteBatch, WriteOptions

from ops.bench.reference import Tally, decode_record, decode_tally, encode, is_known, output_of, tallied
from ops.bench.reference_log import Names
from schemas.kafka import PARTITIONER

_BATCH = 500
_WAIT_S = 0.03
_TIMEOUT_S = 30.0


def run(bootstrap_servers: str, names: Names, data_dir: Path) -> None:
    """Handle records until SIGTERM."""
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    loop = _Loop(bootstrap_servers, names, data_dir)
    while not stopping.is_set():
        loop.turn()
    loop.close()


class _Loop:
    """One consumer, one transactional producer, one store."""

    def __init__(self, bootstrap_servers: str, names: Names, data_dir: Path) -> None:
        self._names = names
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        self._store = Rdict(str(data_dir), options)
        self._unlogged = WriteOptions()
        self._unlogged.disable_wal = True  # type: ignore[assignment,method-assign]  # a property
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "reference.bare_loop",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
            }
        )
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "transactional.id": "reference.bare_loop",
                "partitioner": PARTITIONER,
                "compression.type": "lz4",
                "linger.ms": 2,
                "batch.size": 1_048_576,
            }
        )
        self._producer.init_transactions(_TIMEOUT_S)
        self._consumer.subscribe([names.records])

    def turn(self) -> None:
        """Handle one batch, if there is one, as one transaction."""
        batch = self._consumer.consume(_BATCH, _WAIT_S)
        found = [one for one in batch if _is_record(one)]
        if not found:
            return
        changes: dict[bytes, bytes] = {}
        self._producer.begin_transaction()
        for one in found:
            self._handle(one, changes)
        self._commit(found, changes)

    def close(self) -> None:
        """Leave the group and close the store."""
        self._consumer.close()
        self._store.close()

    def _handle(self, consumed: Consumed, changes: dict[bytes, bytes]) -> None:
        key, one = consumed.key() or b"", decode_record(consumed.value() or b"")
        row = changes.get(key) or self._store.get(key)
        before: Tally | None = None if row is None else decode_tally(row)
        if is_known(before, one):
            return
        after = tallied(before, one)
        changes[key] = encode(after)
        self._producer.produce(
            self._names.tallies, encode(output_of(after, one.payment_id)), after.merchant_id.encode()
        )

    def _commit(self, found: list[Consumed], changes: dict[bytes, bytes]) -> None:
        partitions = {one.key() or b"": one.partition() or 0 for one in found}
        for key, row in changes.items():
            self._producer.produce(self._names.changelog, row, key, partitions[key])
        offsets = self._consumer.position(self._consumer.assignment())
        self._producer.send_offsets_to_transaction(
            [place for place in offsets if place.offset >= 0], self._consumer.consumer_group_metadata()
        )
        self._producer.commit_transaction(_TIMEOUT_S)
        rows = WriteBatch(raw_mode=True)
        for key, row in changes.items():
            rows.put(key, row)
        self._store.write(rows, self._unlogged)


def _is_record(one: Consumed) -> bool:
    problem = one.error()
    if problem is not None:
        raise KafkaException(problem)
    return True
