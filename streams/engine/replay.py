"""Do the records of a changelog make up whole transactions: checked while a table is restored."""

from streams.engine import positions as codec
from streams.engine.digest import Digest, checksum
from streams.engine.errors import GuardRefused
from streams.engine.positions import PositionsRecord


class Replay:
    """Follows one changelog partition record by record, from `at` (None: from its beginning).

    checked_from_ms: transactions written since then (Unix milliseconds) cannot have been compacted,
    so every one of them must follow its predecessor and hold exactly the records it says.
    """

    def __init__(self, task: str, at: PositionsRecord | None, *, checked_from_ms: int) -> None:
        self._task = task
        self._checked_from_ms = checked_from_ms
        self._records = 0
        self._checksum = 0
        self.positions = at

    @property
    def is_between_transactions(self) -> bool:
        """True when the last record was a positions record, or none came."""
        return self._records == 0

    def row(self, key: bytes, value: bytes | None) -> None:
        """A changelog record of a transaction whose positions are still to come."""
        self._records += 1
        self._checksum = checksum(self._checksum, key, value)

    def end_transaction(self, value: bytes, written_at_ms: int) -> PositionsRecord:
        """A positions record. Raises GuardRefused when it cannot follow what came before it."""
        found = codec.decode(value)
        before = self.positions
        if before is not None:
            self._check_order(before, found)
        is_recent = written_at_ms >= self._checked_from_ms
        if is_recent and (before is not None or found.transaction == 0):
            self._check_contents(before, found)
        self.positions = found
        self._records = self._checksum = 0
        return found

    def _check_order(self, before: PositionsRecord, found: PositionsRecord) -> None:
        if found.transaction <= before.transaction:
            self._refuse(f"transaction {found.transaction} follows {before.transaction}")
        for topic, offset in before.inputs.items():
            if found.inputs.get(topic, -1) < offset:
                self._refuse(f"{topic} goes back from {offset} to {found.inputs.get(topic)}")

    def _check_contents(self, before: PositionsRecord | None, found: PositionsRecord) -> None:
        if before is not None and found.transaction != before.transaction + 1:
            self._refuse(f"transactions {before.transaction + 1} to {found.transaction - 1} are missing")
        if (found.records, found.checksum) != (self._records, self._checksum):
            self._refuse(
                f"transaction {found.transaction} has {self._records} records with checksum "
                f"{self._checksum} and should have {found.records} with {found.checksum}"
            )

    def _refuse(self, what: str) -> None:
        raise GuardRefused(f"{self._task}: the changelog is damaged: {what}")


def check_table(task: str, positions: PositionsRecord, table: Digest) -> None:
    """Raises GuardRefused when the restored rows are not the ones the positions were written with."""
    if positions.table != table:
        raise GuardRefused(
            f"{task}: the restored table has {table.rows} rows with digest {table.total:x}, its positions "
            f"(transaction {positions.transaction}) say {positions.rows} with {positions.digest}"
        )
