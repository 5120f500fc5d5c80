"""What in a book waits for its time, in which order, and what comes first?"""

from bisect import bisect_left, insort
from typing import Final, Literal, NamedTuple

import msgspec

from streams.ports import View

DueKind = Literal["lot", "reserve", "hold"]
"""What waits: the net of a sale for its day, its rolling reserve, or a hold for its end."""

_WINDOW: Final = 256
_TIME_BYTES: Final = 8
_encode: Final = msgspec.json.Encoder().encode


class Due(NamedTuple):
    """Something that waits. number: version of the book that made it wait; ties of time go by it."""

    due_ms: int
    number: int
    kind: DueKind
    operation_id: str
    payment_id: str


class DueRows:
    """What waits in a book, by time and then by creation. Keeps the first of it in memory for one unit of
    work: a scan crosses everything the unit wrote, and a tick takes many one by one."""

    def __init__(self, view: View, prefix: bytes) -> None:
        self._view, self._prefix = view, prefix
        self._first: list[Due] = []
        self._is_all = False

    def add(self, due: Due) -> None:
        """Let something wait."""
        self._view.put(self._row(due), _encode(due[2:]))
        if self._is_all or (self._first and due < self._first[-1]):
            insort(self._first, due)

    def remove(self, due: Due) -> None:
        """Let something wait no longer."""
        self._view.delete(self._row(due))
        at = bisect_left(self._first, due)
        if at < len(self._first) and self._first[at] == due:
            del self._first[at]

    def earliest(self, limit: int) -> list[Due]:
        """At most `limit` (1..256) of what waits, the earliest first."""
        if len(self._first) < limit and not self._is_all:
            end = self._prefix[:-1] + bytes((self._prefix[-1] + 1,))
            rows = self._view.scan(self._prefix, end, _WINDOW)
            self._first = [self._read(row, value) for row, value in rows]
            self._is_all = len(self._first) < _WINDOW
        return self._first[:limit]

    def _row(self, due: Due) -> bytes:
        time, number = due.due_ms.to_bytes(_TIME_BYTES, "big"), due.number.to_bytes(_TIME_BYTES, "big")
        return self._prefix + time + number + due.kind.encode()

    def _read(self, row: bytes, value: bytes) -> Due:
        at = len(self._prefix)
        return Due(
            int.from_bytes(row[at : at + _TIME_BYTES], "big"),
            int.from_bytes(row[at + _TIME_BYTES : at + 2 * _TIME_BYTES], "big"),
            *_read_rest(value),
        )


_read_rest: Final = msgspec.json.Decoder(tuple[DueKind, str, str]).decode
