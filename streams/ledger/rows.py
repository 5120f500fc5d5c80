"""Where does what is in a book lie: one row per account, payment and transaction, in the store of its task.

state/<key>                       the head
book/<key>/account/<id>           four counters of one of the merchant's accounts
book/<key>/payment/<id>           what is held, captured and refunded of one payment
book/<key>/posted/<id>            what became of a transaction id, for life
book/<key>/due/<time><lot>        lots that have something pending, by the time it becomes available
shard/<account id>                four counters of a platform account in this partition, of no one book
unreported/<account id>           a shard that changed since it was last reported
"""

from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from schemas.outcomes import Outcome
from streams.ledger.chart import described
from streams.ledger.due_lots import DueLots
from streams.ledger.payment import Payment
from streams.ports import View

BOOK: Final = b"book/"
SHARD: Final = b"shard/"
UNREPORTED: Final = b"unreported/"
POSTED: Final = Outcome.SUCCEEDED.value.number
"""Outcome number of a transaction id that was posted."""

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


def read_counters(row: bytes) -> Counters:
    """The counters in the row of a shard or account."""
    return Counters(*_read_counters(row))


_NO_COUNTERS: Final = Counters()
_read_counters: Final = msgspec.json.Decoder(tuple[int, int, int, int]).decode
_read_payment: Final = msgspec.json.Decoder(Payment).decode
_read_known: Final = msgspec.json.Decoder(Known).decode
