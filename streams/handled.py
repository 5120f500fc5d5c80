"""Which commands have been handled, how did they end, and who still waits for their result?"""

from typing import Final, NamedTuple

import msgspec

from schemas.envelope import ReplyAddress
from schemas.outcomes import Outcome
from streams.core import Moment
from streams.ports import View

MAX_WAITING: Final = 8
"""Callers that wait for the result of one command; one more is told that the key is in use."""
RETENTION_MS: Final = 35 * 24 * 60 * 60 * 1000
"""Longer than dead letters live, so that a replayed command still finds its result."""

_PENDING: Final = 0
_encode: Final = msgspec.msgpack.Encoder().encode
_decode_row: Final = msgspec.msgpack.Decoder(tuple[bytes, int, int, tuple[int, ...]]).decode
_decode_waiting: Final = msgspec.msgpack.Decoder(list[ReplyAddress]).decode

HANDLED: Final = b"handled/"
WAITING: Final = b"waiting/"


class Handled(NamedTuple):
    """One handled command. outcome: None while its result is not known."""

    fingerprint: bytes
    at_ms: int
    outcome: Outcome | None
    moment: Moment


def load(view: View, key: str, command_id: str) -> Handled | None:
    """The handled row of a command of an aggregate, if there is one."""
    row = view.get(_row(HANDLED, key, command_id))
    return None if row is None else decode(row)


def decode(row: bytes) -> Handled:
    """The handled command in a row's value."""
    fingerprint, at_ms, number, moment = _decode_row(row)
    return Handled(fingerprint, at_ms, None if number == _PENDING else Outcome.numbered(number), moment)


def store(view: View, key: str, command_id: str, handled: Handled) -> None:
    """Write a handled row: at most 64 bytes for every decider's moments."""
    number = _PENDING if handled.outcome is None else handled.outcome.value.number
    view.put(
        _row(HANDLED, key, command_id), _encode((handled.fingerprint, handled.at_ms, number, handled.moment))
    )


def join(view: View, key: str, command_id: str, caller: ReplyAddress, now_ms: int) -> bool:
    """Let `caller` wait for the result too; False when enough live callers wait already."""
    row = view.get(_row(WAITING, key, command_id))
    waiting = [address for address in _decode_waiting(row) if address.expires_at_ms > now_ms] if row else []
    if len(waiting) >= MAX_WAITING:
        return False
    view.put(_row(WAITING, key, command_id), _encode([*waiting, caller]))
    return True


def take_waiting(view: View, key: str, command_id: str) -> list[ReplyAddress]:
    """Everyone who waits for the result of a command; they wait no longer."""
    name = _row(WAITING, key, command_id)
    row = view.get(name)
    if row is None:
        return []
    view.delete(name)
    return _decode_waiting(row)


def sweep(view: View, cursor: bytes, before_ms: int, limit: int) -> bytes:
    """Delete handled rows older than `before_ms` among `limit` rows from `cursor`; returns the next cursor.

    A pending row stays: its command is not over. The cursor is empty to begin and to begin again.
    """
    last = b""
    rows = 0
    for name, row in view.scan(max(cursor, HANDLED), HANDLED + b"\xff", limit):
        rows, last = rows + 1, name
        handled = decode(row)
        if handled.outcome is not None and handled.at_ms < before_ms:
            view.delete(name)
    return last + b"\0" if rows == limit else b""


def _row(kind: bytes, key: str, command_id: str) -> bytes:
    return kind + f"{key}/{command_id}".encode()
