"""What is a book: a small head, and the rows it was loaded with."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Raw, Struct

from schemas.envelope import WALL_CLOCK, Envelope, Message, Mode
from schemas.ledger import BookOpened, Terms
from streams.ledger.accounts import Accounts
from streams.ledger.balances import told
from streams.ledger.rows import Rows
from streams.ledger.statements import announced
from streams.ports import Output, View
from streams.table import STATE

_FORMAT: Final = 1
"""Version of the form of all rows."""

_encode: Final = msgspec.json.Encoder().encode
_UNKNOWN: Final = Terms()


MAX_TERMS: Final = 8
"""Terms of the past that are remembered; a fact told late is under those that were in force when it occurred."""


class NumberedTerms(NamedTuple):
    """Terms under their number, as JSON of what is not as for everybody.

    A head is read and written with every transaction; most are under terms that were read before.
    """

    number: int
    written: Raw

    @property
    def terms(self) -> Terms:
        """What was agreed."""
        return _read_terms(bytes(self.written))


def numbered(number: int, terms: Terms) -> NumberedTerms:
    """Terms as a head keeps them."""
    told = {name: getattr(terms, name) for name in Terms.__struct_fields__}
    return NumberedTerms(
        number, Raw(_encode({name: said for name, said in told.items() if said != getattr(_UNKNOWN, name)}))
    )


@lru_cache(maxsize=4_096)
def _read_terms(written: bytes) -> Terms:
    return msgspec.json.decode(written, type=Terms)


class Head(Struct, frozen=True, array_like=True):
    """What is said of a book as a whole.

    version: events so far; 0: no book yet. terms: those that may still be in force, by the time they hold
    from; number 0 in books of no merchant. next_due_ms: when the first of what waits is due. allowances: by
    currency, what the platform kept of the payments that were refunded, in minor units. closed: accounts
    that are, as code and currency. indebted: currencies in which the merchant ever owed something.
    written_off: by currency, what of its debts was given up and has not come back since, in minor units.
    """

    state_version: int = _FORMAT
    merchant_id: str = ""
    mode: Mode = "test"
    version: int = 0
    clock_id: str = WALL_CLOCK
    terms: tuple[NumberedTerms, ...] = (numbered(0, _UNKNOWN),)
    next_due_ms: int | None = None
    allowances: dict[str, int] = {}
    closed: tuple[tuple[int, str], ...] = ()
    indebted: tuple[str, ...] = ()
    written_off: dict[str, int] = {}


def remembered(known: Sequence[NumberedTerms], new: NumberedTerms, at_ms: int) -> tuple[NumberedTerms, ...]:
    """The latest terms that have begun, in the order they came to hold, and all that are still to come, by their day.

    New ones from a day gone by take the place of all that were in force since; of those to come from the same
    moment the ones that were set last come last.
    """
    begun = [one for one in known if one.terms.effective_from_ms <= at_ms]
    coming = [one for one in known if one.terms.effective_from_ms > at_ms]
    (begun if new.terms.effective_from_ms <= at_ms else coming).append(new)
    return (*begun[-MAX_TERMS:], *sorted(coming, key=lambda one: one.terms.effective_from_ms))


def in_force(known: Sequence[NumberedTerms], at_ms: int) -> NumberedTerms:
    """The terms that came to hold last of those from then or earlier; the earliest known where there are none."""
    for numbered in reversed(known):
        if numbered.terms.effective_from_ms <= at_ms:
            return numbered
    return min(known, key=lambda one: one.terms.effective_from_ms)


def agreed(known: Sequence[NumberedTerms], number: int) -> Terms:
    """The terms with this number, under which something was just posted."""
    return next(one for one in known if one.number == number).terms


@dataclass(frozen=True, slots=True, repr=False)
class Book:
    """One book: its head as of now, by which books are compared, and where its rows are.

    partition: of the journal it is written in.
    """

    head: Head
    rows: Rows = field(compare=False)
    partition: int = field(compare=False)

    def __repr__(self) -> str:
        return repr(self.head)

    @property
    def version(self) -> int:
        """Events so far; 0 while there is no book."""
        return self.head.version

    @property
    def merchant_id(self) -> str:
        """Whose book it is: a merchant, a wallet or the treasury."""
        return self.head.merchant_id

    @property
    def mode(self) -> Mode:
        """test or live."""
        return self.head.mode

    def is_of(self, told: Envelope) -> bool:
        """Whether a message is about whose book it is, in the same mode."""
        return (self.merchant_id, self.mode) == (told.merchant_id, told.mode)

    @property
    def clock_id(self) -> str:
        """The clock by which it waits."""
        return self.head.clock_id


def opening(book: Book) -> tuple[BookOpened, ...]:
    """What is recorded first in the book of a wallet or the treasury, which agree to no terms."""
    return () if book.version else (BookOpened(terms=_UNKNOWN, terms_version=0),)


class Books:
    """Books in the store of their task."""

    def within(self, view: View, partition: int) -> "UnitBooks":
        """The books a unit of work meets."""
        return UnitBooks(view, partition)


class UnitBooks:
    """The books of one unit of work. Folds write their rows; heads and accounts are written once."""

    def __init__(self, view: View, partition: int) -> None:
        self._view, self._partition = view, partition
        self._accounts = Accounts(view)

    def load(self, key: str) -> Book:
        """The book under `key`; one of version 0 where there is none yet."""
        row = self._view.get(STATE + key.encode())
        head = _NO_HEAD if row is None else read_head(row)
        return Book(head, Rows(self._view, key, self._accounts), self._partition)

    def store(self, key: str, state: Book) -> None:
        """Write the head."""
        self._view.put(STATE + key.encode(), _encode(state.head))

    def finish(self, recorded: Sequence[Message[Any]]) -> Sequence[Output]:
        """Write the accounts that changed, and tell how each of them stands and what merchants gained or paid."""
        changed = self._accounts.write()
        if not recorded:
            # Rows that are folded anew are news to nobody.
            return ()
        stand = told(changed, recorded[-1].envelope, self._partition)
        return (*stand, *announced(recorded, self._partition))


def read_head(row: bytes) -> Head:
    """The head in a row's value. Raises ValueError for a form newer than this program."""
    head = _read_head(row)
    if head.state_version > _FORMAT:
        raise ValueError(
            f"state version {head.state_version} is newer than {_FORMAT}; deploy the newer program"
        )
    return head


_NO_HEAD: Final = Head()
_read_head: Final = msgspec.json.Decoder(Head).decode
