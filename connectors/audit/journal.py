"""How far has a partition of the journal come: its tree, its chain and its sums, record by record?"""

from collections.abc import Iterable

from schemas import topics
from schemas.accounts import currency_of
from schemas.audit import SealedPartition, SealedSum
from schemas.chain import BEGINNING, link
from schemas.codec import codec_of
from schemas.ledger import TransactionPosted
from schemas.merkle import Tree


class PartitionSoFar:
    """One partition up to the last record told. before: what the last seal says of it, and of its sums."""

    def __init__(
        self, number: int, before: SealedPartition | None = None, sums: Iterable[SealedSum] = ()
    ) -> None:
        self.number = number
        self.next_offset = 0
        self.sealed_size = 0
        self._head = BEGINNING
        self._tree = Tree()
        self._sums = {
            one.currency: [
                int(one.debits_posted),
                int(one.credits_posted),
                int(one.debits_pending),
                int(one.credits_pending),
            ]
            for one in sums
        }
        if before is not None:
            self.next_offset, self.sealed_size = before.next_offset, before.size
            self._head = bytes.fromhex(before.head)
            self._tree = Tree(before.size, [bytes.fromhex(one) for one in before.frontier])

    @property
    def size(self) -> int:
        """Records so far."""
        return self._tree.size

    def record(self, offset: int, value: bytes) -> None:
        """The next record. Raises AssertionError where the chain is broken: such a journal is not sealed."""
        body = codec_of(topics.LEDGER_JOURNAL).decode(value).body
        place = f"{topics.LEDGER_JOURNAL.name}:{self.number}:{offset}"
        assert body.seq == self.size + 1, f"{place} has number {body.seq}, {self.size + 1} would follow"
        assert body.prev_hash == self._head, f"{place} does not follow the record before it"
        self._head = link(self._head, value)
        self._tree.append(value)
        self.next_offset = offset + 1
        if isinstance(body, TransactionPosted):
            self._add(body)

    def reached(self, next_offset: int) -> None:
        """Everything below was told; what lies between are marks of transactions."""
        self.next_offset = max(self.next_offset, next_offset)

    def sealed(self) -> SealedPartition:
        """What a seal says of it now."""
        return SealedPartition(
            partition=self.number,
            size=self.size,
            next_offset=self.next_offset,
            head=self._head.hex(),
            root=self._tree.root().hex(),
            frontier=tuple([one.hex() for one in self._tree.frontier()]),
            consistency=tuple([one.hex() for one in self._tree.consistency(self.sealed_size)]),
        )

    def sums(self) -> list[SealedSum]:
        """Its sums by currency."""
        return [
            SealedSum(
                partition=self.number,
                currency=currency,
                debits_posted=str(debits_posted),
                credits_posted=str(credits_posted),
                debits_pending=str(debits_pending),
                credits_pending=str(credits_pending),
            )
            for currency, (debits_posted, credits_posted, debits_pending, credits_pending) in sorted(
                self._sums.items()
            )
        ]

    def keep(self) -> None:
        """A seal was written of it as it is."""
        self.sealed_size = self.size
        self._tree.forget()

    def _add(self, body: TransactionPosted) -> None:
        for leg in body.legs:
            currency = currency_of(leg.account_id)
            sums = self._sums.setdefault(currency, [0, 0, 0, 0])
            at = (0 if leg.phase == "posted" else 2) + (0 if leg.side == "debit" else 1)
            sums[at] += -leg.amount_minor if leg.phase == "released" else leg.amount_minor
