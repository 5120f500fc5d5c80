"""When is the journal sealed, and what happens to a seal: signed, to its topic, then to the file outside?"""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Final, Protocol

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from connectors.audit.journal import PartitionSoFar
from connectors.runtime import Assigned, Partition, Record
from schemas import metrics
from schemas.audit import NO_SEAL, JournalSealed, partitions_root, seal_hash, signed_bytes

_CAPACITY: Final = 2_000

_log = structlog.get_logger(__name__)


class Seals(Protocol):
    """Where seals are kept: the topic, and the file outside.

    last     the newest seal; what the file lacks of the topic's is appended to it first
    keep     the seal is in the topic and then in the file, durably
    """

    def last(self) -> JournalSealed | None: ...
    def keep(self, seal: JournalSealed) -> None: ...


class Sealer:
    """Follows the journal and seals it; the last seal is all it remembers."""

    def __init__(
        self,
        seals: Seals,
        key: Ed25519PrivateKey,
        *,
        every_ms: int,
        now_ms: Callable[[], int],
        registry: CollectorRegistry,
    ) -> None:
        self._seals, self._key = seals, key
        self._every_ms, self._now_ms = every_ms, now_ms
        self._last: JournalSealed | None = None
        self._partitions: dict[int, PartitionSoFar] = {}
        self._count = metrics.SEALS.counter(registry)
        self._records = metrics.SEALED_RECORDS.gauge(registry)

    def capacity(self) -> int:
        """Records taken at once."""
        return _CAPACITY

    def on_assigned(self, assigned: Sequence[Assigned]) -> Mapping[Partition, int]:
        """Go on where the last seal stands."""
        self._last = self._seals.last()
        known = {} if self._last is None else {one.partition: one for one in self._last.partitions}
        sums = () if self._last is None else self._last.trial_balance
        numbers = [one.partition.number for one in assigned]
        assert set(known) <= set(numbers), "a seal covers all partitions, so one process reads them all"
        self._partitions = {
            number: PartitionSoFar(
                number, known.get(number), [one for one in sums if one.partition == number]
            )
            for number in sorted(numbers)
        }
        return {
            one.partition: self._partitions[one.partition.number].next_offset
            for one in assigned
            if one.partition.number in known
        }

    def on_records(self, records: Sequence[Record]) -> None:
        """Take in records."""
        for record in records:
            assert record.value is not None, "a record of the journal has a value"
            self._partitions[record.partition.number].record(record.offset, record.value)
        self._seal_when_due()

    def on_end(self, partition: Partition, next_offset: int) -> None:
        """A partition is read to its end."""
        self._partitions[partition.number].reached(next_offset)

    def on_idle(self) -> None:
        """Nothing came for a moment."""
        self._seal_when_due()

    def on_revoked(self, partitions: Sequence[Partition]) -> None:
        """Seal what was read, so that what stops stops sealed."""
        self._seal()
        self._partitions = {}

    def _seal_when_due(self) -> None:
        last_ms = 0 if self._last is None else self._last.sealed_at_ms
        if self._now_ms() - last_ms >= self._every_ms:
            self._seal()

    def _seal(self) -> None:
        """Seal if there is anything new: a seal that says what the last one says would prove nothing more."""
        if not any(one.size > one.sealed_size for one in self._partitions.values()):
            return
        partitions = tuple(one.sealed() for one in self._partitions.values())
        unsigned = JournalSealed(
            number=1 if self._last is None else self._last.number + 1,
            sealed_at_ms=self._now_ms(),
            partitions=partitions,
            trial_balance=tuple(total for one in self._partitions.values() for total in one.sums()),
            root=partitions_root(partitions),
            previous=NO_SEAL if self._last is None else seal_hash(self._last),
            key_id=key_id(self._key),
        )
        seal = replace(unsigned, signature=self._key.sign(signed_bytes(unsigned)).hex())
        self._seals.keep(seal)
        for one in self._partitions.values():
            one.keep()
        self._last = seal
        self._count.inc()
        self._records.set(sum(one.size for one in partitions))
        _log.info("journal sealed", number=seal.number, root=seal.root)


def key_id(key: Ed25519PrivateKey) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of the public key."""
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return sha256(raw).hexdigest()[:16]
