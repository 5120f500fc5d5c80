"""Which aggregates are due: one ordered row per aggregate that time alone has to decide again."""

from typing import Final

from streams.ports import View

DUE: Final = b"due/"
MAX_POPPED: Final = 500
"""Deadlines popped by one tick, so that a tick is never a longer unit of work than a chunk."""
MAX_AGAIN: Final = 16
"""How often one tick goes on with aggregates that did not get everything done that was due."""


def move(view: View, clock_id: str, key: str, *, old_ms: int | None, new_ms: int | None) -> None:
    """Replace the aggregate's due row; nothing to do when the deadline stayed."""
    if old_ms == new_ms:
        return
    if old_ms is not None:
        view.delete(_row(clock_id, old_ms, key))
    if new_ms is not None:
        view.put(_row(clock_id, new_ms, key), b"")


def due(view: View, clock_id: str, *, from_ms: int, now_ms: int) -> list[tuple[int, str]]:
    """At most MAX_POPPED (deadline, key) with from_ms <= deadline <= now_ms, earliest first.

    Scanning from the last popped deadline keeps a scan from crossing the deleted rows before it.
    """
    prefix = _prefix(clock_id)
    start, end = prefix + _big_endian(from_ms), prefix + _big_endian(now_ms + 1)
    skip = len(prefix)
    return [
        (int.from_bytes(row[skip : skip + 8], "big"), row[skip + 9 :].decode())
        for row, _ in view.scan(start, end, MAX_POPPED)
    ]


def _row(clock_id: str, deadline_ms: int, key: str) -> bytes:
    return _prefix(clock_id) + _big_endian(deadline_ms) + b"/" + key.encode()


def _prefix(clock_id: str) -> bytes:
    return DUE + clock_id.encode() + b"/"


def _big_endian(time_ms: int) -> bytes:
    return time_ms.to_bytes(8, "big")
