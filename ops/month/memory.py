"""How is a month played in memory: the ledger's real step, one task a partition, every record followed?"""

from collections.abc import Callable, Sequence

from ops.month.checks import Followed
from ops.month.orders import Order
from schemas import ids, topics
from schemas.codec import codec_of
from schemas.ledger import AggregateEvent, Terms
from streams.ledger.testing import Desk

_TICK_MS = 1_000


class MemoryLedger:
    """The tasks of a ledger. on_record: told after every record of the journal, with its partition."""

    def __init__(self, partitions: int = 2, on_record: Callable[[Followed], None] | None = None) -> None:
        self.desks = [Desk(partition) for partition in range(partitions)]
        self.followed = Followed()
        self._seen = [0] * partitions
        self._on_record = on_record
        self._number = 0

    def agree(self, merchant: str, terms: Terms) -> None:
        """A merchant's terms."""
        self._desk_of(merchant).terms(terms, merchant=merchant)
        self._follow()

    def tell(self, orders: Sequence[Order]) -> None:
        """Post these, and what is on its way between books, until nothing moves any more."""
        for order in orders:
            self._take(order)
        for desk in self.desks:
            self._deliver(desk)
            desk.wait(_TICK_MS)
        self._follow()

    def _take(self, order: Order) -> None:
        self._number += 1
        desk = self._desk_of(order.book)
        message = order.message(self._number, desk.now_ms)
        desk.take(topics.LEDGER_COMMANDS_OPS, order.key, codec_of(topics.LEDGER_COMMANDS_OPS).encode(message))
        self._follow()

    def _deliver(self, desk: Desk) -> None:
        while desk.on_their_way:
            output = desk.on_their_way.pop(0)
            other = self._desk_of(f"mer_{output.key.decode()}")
            other.take(topics.LEDGER_COMMANDS_INTERBOOK, output.key.decode(), output.value)
            if other is not desk:
                self._deliver(other)
        self._follow()

    def _follow(self) -> None:
        for partition, desk in enumerate(self.desks):
            while self._seen[partition] < len(desk.journal):
                at = self._seen[partition]
                self._seen[partition] += 1
                message = desk.journal[at]
                assert isinstance(message.body, AggregateEvent), "the journal holds records"
                self.followed.model.record(partition, desk.values[at], message)
                if self._on_record is not None:
                    self._on_record(self.followed)

    def _desk_of(self, book: str) -> Desk:
        key = ids.key_of(book)
        assert key is not None, f"{book} is no book"
        return self.desks[sum(key.encode()) % len(self.desks)]
