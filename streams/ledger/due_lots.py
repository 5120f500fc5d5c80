"""Which lots of a book wait for their day, and which is the first?"""

from bisect import bisect_left, insort
from typing import Final, NamedTuple

from streams.ports import View

_WINDOW_LOTS: Final = 256


class DueLot(NamedTuple):
    """A lot that has something pending until a time."""

    due_ms: int
    lot_id: str
    payment_id: str


class DueLots:
    """The lots of a book that wait, by time. Keeps the first of them in memory for one unit of work:
    a scan crosses everything the unit wrote, and a tick takes many lots one by one."""

    def __init__(self, view: View, prefix: bytes) -> None:
        self._view, self._prefix = view, prefix
        self._first: list[DueLot] = []
        self._is_all = False

    def add(self, lot: DueLot) -> None:
        """Wait for a lot."""
        self._view.put(self._row(lot.due_ms, lot.lot_id), lot.payment_id.encode())
        if self._is_all or (self._first and lot < self._first[-1]):
            insort(self._first, lot)

    def remove(self, lot: DueLot) -> None:
        """Wait for a lot no longer."""
        self._view.delete(self._row(lot.due_ms, lot.lot_id))
        at = bisect_left(self._first, lot)
        if at < len(self._first) and self._first[at] == lot:
            del self._first[at]

    def earliest(self, limit: int) -> list[DueLot]:
        """At most `limit` (1..256) lots, the earliest first."""
        if len(self._first) < limit and not self._is_all:
            end = self._prefix[:-1] + bytes((self._prefix[-1] + 1,))
            rows = self._view.scan(self._prefix, end, _WINDOW_LOTS)
            skip = len(self._prefix)
            self._first = [
                DueLot(
                    int.from_bytes(row[skip : skip + 8], "big"), row[skip + 8 :].decode(), payment.decode()
                )
                for row, payment in rows
            ]
            self._is_all = len(self._first) < _WINDOW_LOTS
        return self._first[:limit]

    def _row(self, due_ms: int, lot_id: str) -> bytes:
        return self._prefix + due_ms.to_bytes(8, "big") + lot_id.encode()
