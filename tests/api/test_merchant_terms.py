"""Terms are completed with the standard ones, and a price that could never apply is refused by name."""

import pytest

from api.merchant_terms import TermsBody, chosen_terms
from api.problems import Problem
from schemas.envelope import Mode
from schemas.ledger import Price, PriceTier, Terms

TIERS = (PriceTier(up_to_minor=1_000, fee_bps=300), PriceTier(fee_bps=200))


@pytest.mark.parametrize(
    ("asked", "mode", "terms"),
    [
        (None, "test", Terms(settlement_days=0)),
        (None, "live", Terms()),
        (TermsBody(fee_bps=10), "test", Terms(fee_bps=10, settlement_days=0)),
        (TermsBody(settlement_days=7), "test", Terms(settlement_days=7)),
        (
            TermsBody(refund_policy="refuse", fee_fixed_minor=0),
            "live",
            Terms(refund_policy="refuse", fee_fixed_minor=0),
        ),
    ],
)
def test_terms_left_out_are_standard(asked: TermsBody | None, mode: Mode, terms: Terms) -> None:
    """In test mode captured money is available at once."""
    assert terms == chosen_terms(asked, mode)


@pytest.mark.parametrize(
    ("price", "said"),
    [
        (Price(currency="usd", tiers=TIERS), "ISO 4217"),
        (Price(currency="XXX", tiers=TIERS), "ISO 4217"),
        (Price(tiers=TIERS, minimum_minor=10, maximum_minor=9), "below minimum_minor"),
        (Price(tiers=TIERS[::-1]), "go up"),
        (Price(tiers=(TIERS[0], TIERS[0])), "go up"),
    ],
)
def test_a_price_that_would_not_be_as_it_looks_is_refused(price: Price, said: str) -> None:
    """A tier nothing reaches, a currency nobody pays in: the merchant would be charged something else."""
    with pytest.raises(Problem, match="parameter_invalid") as refused:
        chosen_terms(TermsBody(prices=(Price(tiers=TIERS), price)), "test")
    assert "terms[prices]" == refused.value.param
    assert said in str(refused.value.detail) and "prices[1]" in str(refused.value.detail)


def test_prices_in_order_are_taken() -> None:
    """By currency, by method, in tiers, between bounds."""
    price = Price(method="card", currency="JPY", tiers=TIERS, minimum_minor=10, maximum_minor=10)
    assert (price,) == chosen_terms(TermsBody(prices=(price,)), "live").prices


def test_a_holiday_is_a_day() -> None:
    """There is no thirtieth of February."""
    with pytest.raises(Problem) as refused:
        chosen_terms(TermsBody(holidays=("2026-02-30",)), "test")
    assert "terms[holidays]" == refused.value.param
