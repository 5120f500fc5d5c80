"""What is a book: a small head and many rows, all in the store of its task.

state/<key>                       the head
book/<key>/account/<id>           four counters of one of the merchant's accounts
book/<key>/payment/<id>           what is held, captured and refunded of one payment
book/<key>/posted/<id>            what became of a transaction id, for life
book/<key>/due/<time><lot>        lots that have something pending, by the time it becomes available
shard/<account id>                four counters of a platform account in this partition, of no one book
unreported/<account id>           a shard that changed since it was last reported
"""

from bisect import bisect_left, insort
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from schemas.envelope import WALL_CLOCK, Mode
from schemas.ledger import Terms
from schemas.outcomes import Outcome
from streams.ledger.chart import described
from streams.ledger.payment import Payment
from streams.ports import View
from streams.table import STATE

BOOK: Final = b"book/"
SHARD: Final = b"shard/"
UNREPORTED: Final = b"unreported/"
_WINDOW_LOTS: Final = 256
_FORMAT: Final = 1
"""Version of the form of all rows."""

_encode: Final = msgspec.json.Encoder().encode


class Counters(NamedTuple):
    """All that was ever posted to an account, and what is announced, per side in minor units."""

    debits_pending: int = 0
    debits_posted: int = 0
    credits_pending: int = 0
    credits_posted: int = 0


class Known(Struct, frozen=True, array_like=True):
    """A transaction id that was decided. fingerprint: of its command; empty when the ledger began it.

    refused: fingerprints of other commands that came under the same id.
    """

    fingerprint: bytes
    outcome: int
    refused: tuple[bytes, ...] = ()


class Head(Struct, frozen=True, array_like=True):
    """What is said of a book as a whole.

    version: events so far; 0: no book yet. terms_version: 0 while nothing is known of its terms.
    next_due_ms: when the first lot becomes available. allowances: by currency, what the platform kept
    of the payments that were refunded, in minor units.
    """

    state_version: int = _FORMAT
    merchant_id: str = ""
    mode: Mode = "test"
    version: int = 0
    clock_id: str = WALL_CLOCK
    terms: Terms = Terms()
    terms_version: int = 0
    next_due_ms: int | None = None
    allowances: dict[str, int] = {}


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


class Rows:
    """The rows of one book besides its head, read and written through the view of a unit of work."""

    def __init__(self, view: View, key: str) -> None:
        self._view = view
        prefix = BOOK + key.encode()
        self._accounts = prefix + b"/account/"
        self._payments = prefix + b"/payment/"
        self._posted = prefix + b"/posted/"
        self.due_lots = DueLots(view, prefix + b"/due/")
        # What is decided on is folded next.
        self._last: tuple[str, Payment | None] = ("", None)

    def counters(self, account_id: str) -> Counters:
        """How an account stands."""
        row = self._view.get(self._account_row(account_id))
        return _NO_COUNTERS if row is None else Counters(*_read_counters(row))

    def put_counters(self, account_id: str, counters: Counters) -> None:
        """How an account stands from now on; a shard is to be reported."""
        row = self._account_row(account_id)
        self._view.put(row, _encode(counters))
        if row.startswith(SHARD):
            self._view.put(UNREPORTED + account_id.encode(), b"")

    def payment(self, payment_id: str) -> Payment | None:
        """What is known of a payment."""
        if payment_id == self._last[0]:
            return self._last[1]
        row = self._view.get(self._payments + payment_id.encode())
        payment = None if row is None else _read_payment(row)
        self._last = (payment_id, payment)
        return payment

    def put_payment(self, payment_id: str, payment: Payment) -> None:
        """What is known of a payment from now on."""
        self._view.put(self._payments + payment_id.encode(), _encode(payment))
        self._last = (payment_id, payment)

    def known(self, transaction_id: str) -> Known | None:
        """What became of a transaction id."""
        row = self._view.get(self._posted + transaction_id.encode())
        return None if row is None else _read_known(row)

    def put_known(self, transaction_id: str, known: Known) -> None:
        """What became of a transaction id, for life."""
        self._view.put(self._posted + transaction_id.encode(), _encode(known))

    def _account_row(self, account_id: str) -> bytes:
        is_sharded = described(account_id).kind.is_sharded
        return (SHARD if is_sharded else self._accounts) + account_id.encode()


@dataclass(frozen=True, slots=True, repr=False)
class Book:
    """One merchant's book: its head as of now, by which books are compared, and where its rows are.

    touched: the accounts of its last transaction, as it left them; whoever is told need not read them again.
    """

    head: Head
    rows: Rows = field(compare=False)
    touched: Mapping[str, Counters] = field(default_factory=dict, compare=False)

    def __repr__(self) -> str:
        return repr(self.head)

    @property
    def version(self) -> int:
        """Events so far; 0 while there is no book."""
        return self.head.version

    @property
    def merchant_id(self) -> str:
        """Whose book it is."""
        return self.head.merchant_id

    @property
    def mode(self) -> Mode:
        """test or live."""
        return self.head.mode

    @property
    def clock_id(self) -> str:
        """The clock its lots wait by."""
        return self.head.clock_id


class Books:
    """Books in the store of their task. Folds write the rows; the head is written once per unit of work."""

    def load(self, view: View, key: str) -> Book:
        """The book under `key`; one of version 0 where there is none yet."""
        row = view.get(STATE + key.encode())
        return Book(_NO_HEAD if row is None else read_head(row), Rows(view, key))

    def store(self, view: View, key: str, state: Book) -> None:
        """Write the head."""
        view.put(STATE + key.encode(), _encode(state.head))


def read_head(row: bytes) -> Head:
    """The head in a row's value. Raises ValueError for a form newer than this program."""
    head = _read_head(row)
    if head.state_version > _FORMAT:
        raise ValueError(
            f"state version {head.state_version} is newer than {_FORMAT}; deploy the newer program"
        )
    return head


def read_counters(row: bytes) -> Counters:
    """The counters in the row of a shard or account."""
    return Counters(*_read_counters(row))


POSTED: Final = Outcome.SUCCEEDED.value.number
"""Outcome number of a transaction id that was posted."""
_NO_COUNTERS: Final = Counters()
_NO_HEAD: Final = Head()
_read_head: Final = msgspec.json.Decoder(Head).decode
_read_counters: Final = msgspec.json.Decoder(tuple[int, int, int, int]).decode
_read_payment: Final = msgspec.json.Decoder(Payment).decode
_read_known: Final = msgspec.json.Decoder(Known).decode
