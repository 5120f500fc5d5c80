"""A month of a marketplace ends with books that agree with the provider's and the bank's."""

from collections.abc import Sequence
from random import Random

import pytest
from msgspec.structs import replace

from ops.month.checks import Check, at_rest, at_the_end
from ops.month.memory import MemoryLedger
from ops.month.month import SELLERS, Month
from ops.month.orders import Order
from ops.month.trade import Seller
from schemas import ids
from schemas.ledger import PostEntry


def played(
    seed: int, sales_a_day: int, ledger: MemoryLedger | None = None
) -> tuple[MemoryLedger, Month, list[Check]]:
    """A month in memory, and what was wrong whenever the ledger was at rest."""
    sellers = [
        Seller(ids.merchant_id(cell="00", mode="test", idempotency_key=f"{seed}/{number}"), currency, terms)
        for number, (currency, terms) in enumerate(SELLERS)
    ]
    ledger = ledger or MemoryLedger()
    for seller in sellers:
        ledger.agree(seller.merchant, seller.terms)
    month = Month(seed, sellers, ids.treasury_id(cell="00", mode="test"), sales_a_day=sales_a_day)
    wrong: list[Check] = []
    for orders in month.parts(ledger.followed):
        ledger.tell(orders)
        wrong += [check for check in at_rest(ledger.followed, month) if not check.passed]
        if wrong:
            break
    return ledger, month, wrong


@pytest.mark.parametrize("seed", [3, 4, 7])
def test_a_month_agrees_with_the_books_of_others_all_the_time(seed: int) -> None:
    """After every part of every day, and at the end nothing is left under way, disputes of its last days included."""
    ledger, _, wrong = played(seed, sales_a_day=20)
    assert [] == wrong
    assert [] == [check for check in at_the_end(ledger.followed) if not check.passed]
    assert ledger.followed.model.transactions > 1_000


class Troubled(MemoryLedger):
    """Is told orders twice, and others under the ids of those told before; neither may move a thing."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = Random(seed)  # a seed repeats it

    def tell(self, orders: Sequence[Order]) -> None:
        super().tell(orders)
        # What came from the other partition after a tick becomes available with the next one.
        super().tell([])
        again = [order for order in orders if self._random.random() < 0.1]
        changed = [_changed(order) for order in again if isinstance(order.body, PostEntry)]
        before = self._rows()
        super().tell([*again, *changed])
        assert before == self._rows()

    def _rows(self) -> list[dict[bytes, bytes]]:
        return [desk.account_rows() for desk in self.desks]


def _changed(order: Order) -> Order:
    """The same id with another amount."""
    body = order.body
    assert isinstance(body, PostEntry), "entries are changed"
    return Order(
        order.book, replace(body, amounts={name: amount + 1 for name, amount in body.amounts.items()})
    )


@pytest.mark.parametrize("seed", range(100, 110))
def test_repeats_and_changed_repeats_move_nothing(seed: int) -> None:
    """And every invariant holds after every part."""
    ledger, _, wrong = played(seed, sales_a_day=2, ledger=Troubled(seed))
    assert [] == wrong
    assert [] == [check for check in at_the_end(ledger.followed) if not check.passed]


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_two_thousand_months(block: int) -> None:
    """Each of more than 400 operations, a hundred seeds to a block; every invariant after every record."""
    for seed in range(1_000 + 100 * block, 1_100 + 100 * block):
        ledger, _, wrong = played(seed, sales_a_day=1, ledger=Troubled(seed))
        assert [] == wrong, seed
        assert [] == [check for check in at_the_end(ledger.followed) if not check.passed], seed
        assert ledger.followed.model.transactions > 400
