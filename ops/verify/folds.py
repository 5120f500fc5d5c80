"""P7, tables: is every row of a stage's table the fold of its events, and the digest that of the rows?"""

from typing import Any, TypeVar

import msgspec

from ops.verify.report import Finding
from schemas.envelope import CommandRefused, Message
from streams.definition import StageDefinition
from streams.engine import positions
from streams.engine.digest import INTERNAL, Digest, row_hash
from streams.engine.errors import GuardRefused
from streams.engine.positions import POSITIONS_KEY
from streams.simulator import MemoryStore
from streams.table import STATE

K = TypeVar("K")
_ANY_PARTITION = 0
"""Only decisions ask for their partition; folds read it in the records."""


class Changelog:
    """One changelog partition followed record by record: its live rows, and what its positions say of them.

    folded: prefixes of the rows besides states that follow from the events; `rows` are those.
    """

    def __init__(self, task: str, finding: Finding, folded: tuple[bytes, ...] = ()) -> None:
        self.states: dict[str, bytes] = {}
        self.rows: dict[bytes, bytes] = {}
        self._folded = folded
        self._task = task
        self._finding = finding
        self._hashes: dict[bytes, int] = {}
        self._total = 0
        self._last: bytes | None = None
        self._is_between_transactions = True

    def record(self, key: bytes, value: bytes | None) -> None:
        """The next record of the changelog."""
        if key == POSITIONS_KEY:
            self._last, self._is_between_transactions = value, True
            return
        self._is_between_transactions = False
        if key[:1] == INTERNAL:
            return
        self._total -= self._hashes.pop(key, 0)
        if value is not None:
            self._hashes[key] = row_hash(key, value)
            self._total += self._hashes[key]
        if key.startswith(STATE):
            _keep(self.states, key[len(STATE) :].decode(), value)
        elif key.startswith(self._folded):
            _keep(self.rows, key, value)

    def check(self) -> None:
        """Hold the rows against the last positions record."""
        self._finding.checked += 1
        if self._last is None:
            if self._hashes:
                self._finding.wrong(f"{self._task}: {len(self._hashes)} rows and no positions")
            return
        if not self._is_between_transactions:
            self._finding.wrong(f"{self._task}: the changelog ends inside a transaction")
            return
        try:
            said = positions.decode(self._last)
        except GuardRefused as error:
            self._finding.wrong(f"{self._task}: {error}")
            return
        found = Digest(self._total % (1 << 128), len(self._hashes))
        if said.table != found:
            self._finding.wrong(
                f"{self._task}: {found.rows} rows with digest {found.total:x}, positions of transaction "
                f"{said.transaction} say {said.rows} with {said.digest}"
            )


class Folds:
    """Folds the events of one partition up to the version each row has, and compares.

    must_hold_below: events below this offset were there before the changelog was read, so their
    aggregates have rows at least as new.
    """

    def __init__(
        self,
        definition: StageDefinition[Any],
        changelog: Changelog,
        finding: Finding,
        *,
        must_hold_below: int,
    ) -> None:
        self._finding = finding
        self._evolve = definition.decider.evolve
        self._prefixes = definition.folded
        self._stored_rows = changelog.rows
        # Where folds write that have rows of their own.
        self._folded = MemoryStore()
        self._unit = definition.states.within(self._folded, _ANY_PARTITION)
        self._stage = definition.name
        self._below = must_hold_below
        self._rows: dict[str, Any] = {}
        self._states: dict[str, Any] = {}
        self._done: set[str] = set()
        stored = MemoryStore()
        stored.apply((STATE + key.encode(), value) for key, value in changelog.states.items())
        as_stored = definition.states.within(stored, _ANY_PARTITION)
        for key in changelog.states:
            try:
                self._rows[key] = as_stored.load(key)
            except (msgspec.DecodeError, ValueError) as error:
                self._wrong(key, f"the row is no state: {error}")

    def event(self, key: str, message: Message[Any], offset: int) -> None:
        """The next event of the partition."""
        if isinstance(message.body, CommandRefused):
            return
        row = self._rows.get(key)
        version = message.envelope.version
        if row is None or version > row.version:
            self._newer(key, version, offset)
        elif key not in self._done:
            self._fold(key, row, message)

    def finish(self) -> None:
        """Name the rows whose events never came."""
        for key, row in self._rows.items():
            if key not in self._done:
                self._wrong(key, f"the row has version {row.version}, its events do not reach it")
        if self._prefixes:
            self._unit.finish(())
            self._compare_rows()

    def _compare_rows(self) -> None:
        """Every event up to the version of its state is folded by now, so the rows must be these."""
        folded = {name: row for name, row in self._folded.items().items() if name.startswith(self._prefixes)}
        for name in sorted(folded.keys() | self._stored_rows.keys()):
            self._finding.checked += 1
            stored, expected = self._stored_rows.get(name), folded.get(name)
            if stored != expected:
                self._wrong(repr(name)[2:-1], f"the row is {stored!r}, its events make it {expected!r}")

    def _fold(self, key: str, row: Any, message: Message[Any]) -> None:
        before = self._states.get(key)
        try:
            state = self._evolve(self._unit.load(key) if before is None else before, message)
        except AssertionError as error:
            self._wrong(key, f"its events do not fold: {error}")
            self._end(key)
            return
        self._states[key] = state
        if message.envelope.version == row.version:
            self._finding.checked += 1
            if state != row:
                self._wrong(
                    key,
                    f"the row of version {row.version} is not the fold of its events{_difference(row, state)}",
                )
            self._end(key)

    def _newer(self, key: str, version: int, offset: int) -> None:
        """An event the row does not know: fine if it came while we read."""
        if offset < self._below and version > 0:
            row = self._rows.get(key)
            known = "no row" if row is None else f"a row of version {row.version}"
            self._wrong(key, f"{known}, its event of version {version} at offset {offset} is older than that")

    def _end(self, key: str) -> None:
        self._done.add(key)
        self._states.pop(key, None)

    def _wrong(self, key: str, what: str) -> None:
        self._finding.wrong(f"{self._stage} table, {key}: {what}")


def _keep(rows: dict[K, bytes], key: K, value: bytes | None) -> None:
    if value is None:
        rows.pop(key, None)
    else:
        rows[key] = value


def _difference(row: Any, state: Any) -> str:
    if not isinstance(row, msgspec.Struct):
        return f"; it is {row}, they make it {state}"
    names = [name for name in row.__struct_fields__ if getattr(row, name) != getattr(state, name)]
    return f"; they differ in {', '.join(names)}" if names else ""
