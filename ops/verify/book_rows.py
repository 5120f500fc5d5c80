"""P7, books: are the rows of the ledger's table the fold of its journal, all of them and no others?

A book is many rows, and platform accounts belong to no one book, so a partition is folded as a whole up
to the record its table ends with.
"""

from collections.abc import Mapping
from typing import Any, Final

from ops.verify.report import Finding
from schemas.envelope import Message
from streams.definition import StageDefinition
from streams.ledger.book import BOOK, SHARD
from streams.ledger.journal import CHAIN
from streams.simulator import MemoryStore
from streams.table import STATE

KEPT: Final = (STATE, BOOK, SHARD, CHAIN)
"""Beginnings of the names of rows that are folded; the rest is bookkeeping of the task."""
_FOLDED: Final = (STATE, BOOK, SHARD)


class BookRows:
    """Folds the journal of one partition, and compares at the record the table ends with.

    rows: of the changelog. must_hold_below: records below this offset were there before it was read.
    """

    def __init__(
        self,
        definition: StageDefinition[Any],
        rows: Mapping[bytes, bytes],
        finding: Finding,
        *,
        must_hold_below: int,
    ) -> None:
        self._definition = definition
        self._rows = {name: row for name, row in rows.items() if name.startswith(_FOLDED)}
        self._last_seq = int.from_bytes(rows.get(CHAIN, b"")[:8], "big")
        self._finding = finding
        self._below = must_hold_below
        self._folded = MemoryStore()

    def event(self, key: str, message: Message[Any], offset: int) -> None:
        """The next record of the journal."""
        if message.body.seq > self._last_seq:
            if offset < self._below:
                self._wrong(f"it ends with record {self._last_seq}, record {message.body.seq} is older")
            return
        definition = self._definition
        book = definition.states.load(self._folded, key)
        try:
            folded = definition.decider.evolve(book, message)
        except AssertionError as error:
            self._wrong(f"record {message.body.seq} does not fold: {error}")
            return
        definition.states.store(self._folded, key, folded)

    def finish(self) -> None:
        """Hold the rows against the fold."""
        folded = {name: row for name, row in self._folded.items().items() if name.startswith(_FOLDED)}
        self._finding.checked += len(folded)
        for name in sorted(folded.keys() | self._rows.keys()):
            if folded.get(name) != self._rows.get(name):
                self._wrong(f"the row {name.decode(errors='replace')} is not the fold of the journal")

    def _wrong(self, what: str) -> None:
        self._finding.wrong(f"{self._definition.name} table: {what}")
