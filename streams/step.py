"""What does a stage do with its records: the one generic step that runs any decider.

Decode, and give each message to the unit of work. The engine runs it on Kafka and RocksDB, the
simulator on in-memory topics; it performs no I/O itself.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

from schemas import topics
from schemas.codec import CodecError, CorruptMessage, NewerVersion
from schemas.envelope import WALL_CLOCK, Message
from schemas.platform import Tick
from streams import deadlines, handled
from streams.core import Decider
from streams.definition import Reader, Reference, StageDefinition
from streams.ports import HandlerBug, Outbox, Record, View
from streams.table import Aggregate
from streams.unit import Unit

S = TypeVar("S", bound=Aggregate)

SWEEP_ROWS: Final = 500
REFERENCE: Final = b"reference/"
_ANSWERED: Final = frozenset(topic.name for topic in topics.ALL if topic.is_answered)


class StageStep(Generic[S]):
    """The generic step of one task (one partition of a stage); remembers only where its scans stand."""

    def __init__(self, definition: StageDefinition[S]) -> None:
        self._definition = definition
        self._readers: Mapping[str, Reader] = {
            topic.name: definition.reader_of(topic) for topic in definition.all_inputs
        }
        self._log = definition.log_of(definition.events)
        self._bound: tuple[bytes | None, Decider[S, Any]] = (None, definition.decider)
        self._due_from_ms: dict[str, int] = {}
        self._sweep_cursor = b""

    def __call__(self, view: View, records: Sequence[Record]) -> Outbox:
        """Handle records in order as one unit of work. Raises HandlerBug naming the record that failed."""
        partition = records[0].partition if records else 0
        assert all(one.partition == partition for one in records), "a task is one partition"
        unit = Unit(self._definition, self._decider(view), self._log, view, partition)
        for one in records:
            try:
                self._handle(unit, one)
            except Exception as error:
                raise HandlerBug(one, error) from error
        unit.write()
        for clock_id, from_ms in self._due_from_ms.items():
            # A scan must not start behind a deadline that was written since.
            self._due_from_ms[clock_id] = int(min(from_ms, unit.table.earliest_ms))
        return unit.outbox

    def _handle(self, unit: Unit[S], one: Record) -> None:
        try:
            message = self._readers[one.topic](one.value)
            if (one.topic in _ANSWERED) != (message.envelope.request is not None):
                raise CorruptMessage(f"{one.topic}: only what callers ask for says how it is answered")
            self._check_key(one, message.body)
        except NewerVersion:
            raise
        except CodecError as error:
            unit.dead_letter(one, error)
            return
        reference = self._definition.reference
        if isinstance(message.body, Tick):
            self._tick(unit, message)
        elif reference is not None and one.topic == reference.topic.name:
            assert one.value is not None, "a decoded record has a value"
            unit.view.put(_reference_row(reference), one.value)
            unit.decider = self._decider(unit.view)
        elif one.key is None:
            unit.dead_letter(
                one, CorruptMessage(f"{one.topic}: a record without a key belongs to no aggregate")
            )
        elif message.envelope.request is None:
            unit.inform(one.key.decode(), message, one)
        else:
            unit.command(one.key.decode(), message, one)

    def _check_key(self, one: Record, body: object) -> None:
        key_of = self._definition.key_of
        if key_of is None or one.key is None or isinstance(body, Tick):
            return
        said = key_of(body)
        if said.encode() != one.key:
            raise CorruptMessage(
                f"{one.topic}: the body belongs under {said!r}, the record's key is {one.key!r}"
            )

    def _decider(self, view: View) -> Decider[S, Any]:
        """The decider bound to what the task was told last; bound anew only when that changed."""
        reference = self._definition.reference
        if reference is None:
            return self._definition.decider
        told = view.get(_reference_row(reference))
        if told != self._bound[0]:
            body = reference.initial if told is None else self._readers[reference.topic.name](told).body
            self._bound = (told, reference.bind(body))
        return self._bound[1]

    def _tick(self, unit: Unit[S], message: Message[Tick]) -> None:
        clock_id, now_ms = message.envelope.clock_id, message.body.now_ms
        unit.write()
        popped = deadlines.due(unit.view, clock_id, from_ms=self._due_from_ms.get(clock_id, 0), now_ms=now_ms)
        behind = deque(key for _, key in popped if unit.elapse(key, message))
        for _ in range(deadlines.MAX_AGAIN):
            if not behind:
                break
            key = behind.popleft()
            if unit.elapse(key, message):
                behind.append(key)
        is_drained = len(popped) < deadlines.MAX_POPPED
        self._due_from_ms[clock_id] = now_ms if is_drained else popped[-1][0]
        if clock_id == WALL_CLOCK:
            before_ms = now_ms - handled.RETENTION_MS
            self._sweep_cursor = handled.sweep(unit.view, self._sweep_cursor, before_ms, SWEEP_ROWS)
            if self._definition.on_tick is not None:
                unit.write()
                unit.outbox.outputs.extend(self._definition.on_tick(unit.view, message))


def _reference_row(reference: Reference) -> bytes:
    return REFERENCE + reference.topic.name.encode()
