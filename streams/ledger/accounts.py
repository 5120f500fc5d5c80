"""How does each account stand in a unit of work: read once, counted in memory, written and told once."""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple

import msgspec

from schemas.envelope import Message
from schemas.ledger import Side, TransactionPosted
from streams.ledger.chart import described
from streams.ports import View

SHARD: Final = b"shard/"
UNREPORTED: Final = b"unreported/"

_encode: Final = msgspec.json.Encoder().encode


class Counters(NamedTuple):
    """All that was ever posted to an account, and what is announced, per side in minor units."""

    debits_pending: int = 0
    debits_posted: int = 0
    credits_pending: int = 0
    credits_posted: int = 0

    def free(self, side: Side) -> int:
        """What may still be taken from an account that grows on `side` and may not have the other sign."""
        if side == "credit":
            return self.credits_posted - self.debits_posted - self.debits_pending
        return self.debits_posted - self.credits_posted - self.credits_pending


class Standing(NamedTuple):
    """How an account stands after its last transaction in a unit of work."""

    account_id: str
    counters: Counters
    cause: Message[TransactionPosted]


class Accounts:
    """The accounts one unit of work has met."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._known: dict[str, Counters] = {}
        self._rows: dict[str, bytes] = {}
        self._causes: dict[str, Message[TransactionPosted]] = {}

    def counters(self, prefix: bytes, account_id: str) -> Counters:
        """How an account stands. prefix: of the rows of the book it is asked for in."""
        known = self._known.get(account_id)
        if known is None:
            row = self._view.get(self._row(prefix, account_id))
            known = self._known[account_id] = _NO_COUNTERS if row is None else read_counters(row)
        return known

    def put(self, account_id: str, counters: Counters, cause: Message[Any]) -> None:
        """How an account that was read stands from now on, after the transaction of `cause`."""
        self._known[account_id] = counters
        self._causes[account_id] = cause

    def write(self) -> Sequence[Standing]:
        """Write what changed; a shard is to be reported. What was written, in order of the accounts' ids."""
        written = [
            Standing(account_id, self._known[account_id], cause)
            for account_id, cause in sorted(self._causes.items(), key=itemgetter(0))
        ]
        for account_id, counters, _ in written:
            row = self._rows[account_id]
            self._view.put(row, _encode(counters))
            if row.startswith(SHARD):
                self._view.put(UNREPORTED + account_id.encode(), b"")
        self._causes.clear()
        return written

    def _row(self, prefix: bytes, account_id: str) -> bytes:
        row = self._rows.get(account_id)
        if row is None:
            is_sharded = described(account_id).kind.is_sharded
            row = self._rows[account_id] = (SHARD if is_sharded else prefix) + account_id.encode()
        return row


def read_counters(row: bytes) -> Counters:
    """The counters in the row of a shard or account."""
    return Counters(*_read_counters(row))


_NO_COUNTERS: Final = Counters()
_read_counters: Final = msgspec.json.Decoder(tuple[int, int, int, int]).decode
