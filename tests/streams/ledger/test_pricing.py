"""What is deducted from a sale is never more than the sale, and a full refund returns exactly the fee."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.ledger import Price, PriceTier, Terms
from streams.ledger.pricing import deductions, price_of, returned_fee_minor

AMOUNTS = st.integers(1, 2**63 - 1)
BPS = st.integers(0, 10_000)
FIXED = st.integers(0, 10**9)
TIERS = st.builds(
    PriceTier, up_to_minor=st.none() | st.integers(1, 10**12), fee_bps=BPS, fee_fixed_minor=FIXED
)
PRICES = st.builds(
    Price,
    method=st.sampled_from([None, "card", "upi"]),
    currency=st.sampled_from([None, "USD", "JPY"]),
    tiers=st.lists(TIERS, min_size=1, max_size=3).map(tuple),
    minimum_minor=FIXED,
    maximum_minor=st.none() | FIXED,
)
TERMS = st.builds(
    Terms,
    fee_bps=BPS,
    fee_fixed_minor=FIXED,
    tax_bps=BPS,
    reserve_bps=BPS,
    prices=st.lists(PRICES, max_size=4).map(tuple),
)


@given(AMOUNTS, TERMS, st.sampled_from([None, "card"]))
def test_deductions_are_parts_of_the_sale(amount_minor: int, terms: Terms, method: str | None) -> None:
    """None is below zero, and what is left for the merchant is not either."""
    parts = deductions(amount_minor, terms, method=method, currency="USD")
    assert 0 <= min(parts)
    assert sum(parts) <= amount_minor


@given(st.integers(0, 10**12), st.integers(1, 10**12), st.lists(st.integers(1, 10**12), max_size=8))
def test_refunds_return_the_fee_without_losing_a_unit(
    fee_minor: int, captured_minor: int, parts: list[int]
) -> None:
    """Whatever the parts, what is returned never falls, and in the end is exactly the fee."""
    refunded = returned = 0
    for part in parts:
        refunded = min(captured_minor, refunded + part)
        target = returned_fee_minor(fee_minor, refunded_minor=refunded, captured_minor=captured_minor)
        assert returned <= target <= fee_minor
        returned = target
    whole = returned_fee_minor(fee_minor, refunded_minor=captured_minor, captured_minor=captured_minor)
    assert fee_minor == whole


def _price(fee_bps: int, **names: Any) -> Price:
    return Price(tiers=(PriceTier(fee_bps=fee_bps),), **names)


def test_the_most_specific_price_is_taken() -> None:
    """Method and currency before method, method before currency, currency before any."""
    prices = [
        _price(1),
        _price(2, currency="USD"),
        _price(3, method="card"),
        _price(4, method="card", currency="USD"),
    ]

    def taken(method: str | None, currency: str) -> int:
        found = price_of(prices, method=method, currency=currency)
        assert found is not None
        return found.tiers[0].fee_bps

    assert [4, 3, 2, 1] == [
        taken("card", "USD"),
        taken("card", "EUR"),
        taken("upi", "USD"),
        taken("upi", "EUR"),
    ]
    assert price_of(prices[1:2], method=None, currency="EUR") is None


TIERED = Price(
    tiers=(PriceTier(up_to_minor=1_000, fee_fixed_minor=10), PriceTier(up_to_minor=5_000, fee_bps=200)),
    minimum_minor=5,
    maximum_minor=60,
)


@pytest.mark.parametrize(
    ("amount_minor", "fee_minor"),
    [(1_000, 10), (1_001, 20), (3_001, 60), (5_000, 60), (5_001, 5), (3, 3)],
    ids=[
        "first tier",
        "second tier",
        "rounded down",
        "maximum",
        "beyond all tiers: the minimum",
        "never more than the sale",
    ],
)
def test_a_price_in_tiers(amount_minor: int, fee_minor: int) -> None:
    """The first tier that reaches the sale prices it whole, between minimum and maximum."""
    terms = Terms(prices=(TIERED,))
    assert fee_minor == deductions(amount_minor, terms, method="card", currency="USD").fee_minor


def test_tax_is_on_the_fee_and_the_reserve_on_the_sale() -> None:
    """2.9 % + 0.30 of 100.00, 18 % tax on that, 10 % kept back."""
    terms = Terms(tax_bps=1_800, reserve_bps=1_000, reserve_days=90)
    assert (320, 57, 1_000) == deductions(10_000, terms, method=None, currency="INR")
