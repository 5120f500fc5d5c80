"""Where does what is in a book lie: one row per account, payment and transaction, in the store of its task.

state/<key>                       the head
book/<key>/account/<id>           four counters of one of the book's accounts
book/<key>/payment/<id>           what is held, captured and refunded of one payment
book/<key>/item/<id>              a dispute, payout, invoice, ...: how far it has come
book/<key>/entry/<id>             the legs of a transaction that may be reversed, and whether it was
book/<key>/posted/<id>            what became of a transaction id, for life
book/<key>/adjustment/<id>        an entry by hand, proposed, posted or rejected
book/<key>/proposed/<version>     id of the adjustment that was proposed with this version of the book
book/<key>/due/<time><number>     what waits for its time: lots, rolling reserves, holds
shard/<account id>                four counters of a platform account in this partition, of no one book
unreported/<account id>           a shard that changed since it was last reported
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from schemas.envelope import Message
from schemas.ledger import Adjustment, Leg
from schemas.outcomes import Outcome
from streams.ledger.accounts import Accounts, Counters
from streams.ledger.due import DueRows
from streams.ledger.payment import Payment
from streams.ports import View

BOOK: Final = b"book/"
POSTED: Final = Outcome.SUCCEEDED.value.number
"""Outcome number of a transaction id that was posted."""

_encode: Final = msgspec.json.Encoder().encode


class Known(Struct, frozen=True, array_like=True):
    """A transaction id that was decided. fingerprint: of its command; empty when the ledger began it.

    refused: fingerprints of other commands that came under the same id.
    """

    fingerprint: bytes
    outcome: int
    refused: tuple[bytes, ...] = ()


class Item(Struct, frozen=True, kw_only=True, array_like=True):
    """Something with a beginning and an end in the books, such as a dispute or a payout.

    status: the template of its last transaction. amount_minor: of the one that began it. amounts: by name,
    as last said.
    left_minor: what of the amount is not ended yet, or was lost. provider: at which it was begun, where at one.
    payment_id: of which payment, where of one. made_up_minor: what of a debt or a loss it has made up for so far.
    """

    status: str
    amount_minor: int
    left_minor: int
    currency: str
    amounts: dict[str, int]
    provider: str | None = None
    payment_id: str | None = None
    made_up_minor: int = 0


class Entry(Struct, frozen=True, kw_only=True, array_like=True):
    """A transaction that may be reversed, and what it was about. reversed_by: the transaction that did."""

    template: str
    amount_minor: int
    currency: str
    legs: tuple[Leg, ...]
    reversed_by: str | None = None
    payment_id: str | None = None
    provider: str | None = None


class Rows:
    """The rows of one book besides its head, read and written through the view of a unit of work.

    accounts: of all books of the unit, since those of the platform belong to no one book.
    """

    def __init__(self, view: View, key: str, accounts: Accounts) -> None:
        self._view = view
        self._accounts = accounts
        prefix = BOOK + key.encode()
        self._prefix = prefix + b"/account/"
        self._payments = prefix + b"/payment/"
        self._items = prefix + b"/item/"
        self._entries = prefix + b"/entry/"
        self._posted = prefix + b"/posted/"
        self._adjustments = prefix + b"/adjustment/"
        self._proposed = prefix + b"/proposed/"
        self.due = DueRows(view, prefix + b"/due/")
        # What is decided on is folded next.
        self._last: tuple[str | None, Payment | None] = (None, None)

    def counters(self, account_id: str) -> Counters:
        """How an account stands."""
        return self._accounts.counters(self._prefix, account_id)

    def after(self, legs: Iterable[Leg]) -> Mapping[str, Counters]:
        """How the accounts of the legs stand once they are posted."""
        sums: dict[str, list[int]] = {}
        for leg in legs:
            counters = sums.get(leg.account_id)
            if counters is None:
                sums[leg.account_id] = counters = list(self.counters(leg.account_id))
            at = 0 if leg.side == "debit" else 2
            if leg.phase == "posted":
                counters[at + 1] += leg.amount_minor
            else:
                counters[at] += leg.amount_minor if leg.phase == "pending" else -leg.amount_minor
        return {account_id: Counters(*counters) for account_id, counters in sums.items()}

    def put_counters(self, account_id: str, counters: Counters, cause: Message[Any]) -> None:
        """How an account stands after a transaction."""
        self._accounts.put(account_id, counters, cause)

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

    def item(self, operation_id: str) -> Item | None:
        """How far a dispute, payout, ... has come."""
        row = self._view.get(self._items + operation_id.encode())
        return None if row is None else _read_item(row)

    def put_item(self, operation_id: str, item: Item) -> None:
        """How far it has come from now on."""
        self._view.put(self._items + operation_id.encode(), _encode(item))

    def entry(self, transaction_id: str) -> Entry | None:
        """A transaction that may be reversed."""
        row = self._view.get(self._entries + transaction_id.encode())
        return None if row is None else _read_entry(row)

    def put_entry(self, transaction_id: str, entry: Entry) -> None:
        """A transaction that may be reversed, from now on."""
        self._view.put(self._entries + transaction_id.encode(), _encode(entry))

    def adjustment(self, adjustment_id: str) -> Adjustment | None:
        """An entry by hand."""
        row = self._view.get(self._adjustments + adjustment_id.encode())
        return None if row is None else _read_adjustment(row)

    def proposed(self, version: int) -> Adjustment:
        """The entry by hand that was proposed with this version of the book. It must be there."""
        adjustment_id = self._view.get(self._proposed + str(version).encode())
        assert adjustment_id is not None, f"version {version} proposed nothing"
        found = self.adjustment(adjustment_id.decode())
        assert found is not None, f"{adjustment_id.decode()} is proposed, and not there"
        return found

    def put_adjustment(self, adjustment: Adjustment) -> None:
        """How an entry by hand stands from now on."""
        self._view.put(self._adjustments + adjustment.adjustment_id.encode(), _encode(adjustment))
        self._view.put(self._proposed + str(adjustment.version).encode(), adjustment.adjustment_id.encode())

    def known(self, transaction_id: str) -> Known | None:
        """What became of a transaction id."""
        row = self._view.get(self._posted + transaction_id.encode())
        return None if row is None else _read_known(row)

    def put_known(self, transaction_id: str, known: Known) -> None:
        """What became of a transaction id, for life."""
        self._view.put(self._posted + transaction_id.encode(), _encode(known))


_read_payment: Final = msgspec.json.Decoder(Payment).decode
_read_item: Final = msgspec.json.Decoder(Item).decode
_read_entry: Final = msgspec.json.Decoder(Entry).decode
_read_adjustment: Final = msgspec.json.Decoder(Adjustment).decode
_read_known: Final = msgspec.json.Decoder(Known).decode
