"""A month of a marketplace ends with books that agree with the provider's and the bank's."""

import pytest

from ops.month.checks import Check, at_rest, at_the_end
from ops.month.memory import MemoryLedger
from ops.month.month import SELLERS, Month
from ops.month.trade import Seller
from schemas import ids


def played(seed: int, sales_a_day: int) -> tuple[MemoryLedger, Month, list[Check]]:
    """A month in memory, and what was wrong whenever the ledger was at rest."""
    sellers = [
        Seller(ids.merchant_id(cell="00", mode="test", idempotency_key=f"{seed}/{number}"), currency, terms)
        for number, (currency, terms) in enumerate(SELLERS)
    ]
    ledger = MemoryLedger()
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


@pytest.mark.parametrize("seed", range(3))
def test_a_month_agrees_with_the_books_of_others_all_the_time(seed: int) -> None:
    """After every part of every day, and at the end nothing is left under way."""
    ledger, _, wrong = played(seed, sales_a_day=8)
    assert [] == wrong
    assert [] == [check for check in at_the_end(ledger.followed) if not check.passed]
    assert ledger.followed.model.transactions > 1_000
