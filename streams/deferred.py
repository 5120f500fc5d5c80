"""What came before its aggregate was there: kept in the order it came, and handled once the aggregate is."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from streams.ports import Record, View

DEFERRED: Final = b"deferred/"

_TOTAL: Final = b"deferred"

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(tuple[str, bytes]).decode


def keep(view: View, key: str, one: Record) -> None:
    """Keep a record for the aggregate `key`; under `deferred/<key>` is how many are kept."""
    assert one.value is not None, "what was decoded has a value"
    count = int(view.get(_count(key)) or 0)
    view.put(_row(key, count), _encode((one.topic, one.value)))
    view.put(_count(key), str(count + 1).encode())
    view.put(_TOTAL, str(waiting(view.get) + 1).encode())


def take(view: View, key: str) -> Sequence[tuple[str, bytes]]:
    """Topic and value of each record kept for the aggregate, in the order they came; none is kept any more."""
    count = view.get(_count(key))
    if count is None:
        return ()
    taken = []
    for number in range(int(count)):
        row = view.get(_row(key, number))
        assert row is not None, f"the record {number} kept for {key} is gone"
        taken.append(_decode(row))
        view.delete(_row(key, number))
    view.delete(_count(key))
    view.put(_TOTAL, str(waiting(view.get) - len(taken)).encode())
    return taken


def waiting(get: Callable[[bytes], bytes | None]) -> int:
    """How many records a task keeps, for all its aggregates. get: a row of its table."""
    return int(get(_TOTAL) or 0)


def _count(key: str) -> bytes:
    return DEFERRED + key.encode()


def _row(key: str, number: int) -> bytes:
    return DEFERRED + f"{key}/{number:08d}".encode()
