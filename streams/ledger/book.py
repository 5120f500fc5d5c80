"""What is a book: a small head, and the rows it was loaded with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec
from msgspec import Struct

from schemas.envelope import WALL_CLOCK, Mode
from schemas.ledger import Terms
from streams.ledger.rows import Counters, Rows
from streams.ports import View
from streams.table import STATE

_FORMAT: Final = 1
"""Version of the form of all rows."""

_encode: Final = msgspec.json.Encoder().encode


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


_NO_HEAD: Final = Head()
_read_head: Final = msgspec.json.Decoder(Head).decode
