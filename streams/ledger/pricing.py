"""What does the platform keep of a sale: fee, tax, rolling reserve; and what of the fee goes back with a refund?"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from schemas.ledger import Price, Terms

_BASIS_POINTS: Final = 10_000


class Deductions(NamedTuple):
    """What does not reach the merchant at once, in minor units; together never more than the sale."""

    fee_minor: int
    tax_minor: int
    reserve_minor: int


def deductions(amount_minor: int, terms: Terms, *, method: str | None, currency: str) -> Deductions:
    """Of a sale of this amount (above zero). Every part is rounded down: what is left over is the merchant's."""
    fee_minor = min(amount_minor, _fee_minor(amount_minor, terms, method, currency))
    tax_minor = min(amount_minor - fee_minor, _part(fee_minor, terms.tax_bps))
    left_minor = amount_minor - fee_minor - tax_minor
    return Deductions(fee_minor, tax_minor, min(left_minor, _part(amount_minor, terms.reserve_bps)))


def returned_fee_minor(fee_minor: int, *, refunded_minor: int, captured_minor: int) -> int:
    """What of the fee is the merchant's again once so much of what was captured is refunded.

    A floor of the whole and not of each refund, so that a full refund returns exactly the fee.
    """
    if not captured_minor:
        return 0
    return fee_minor * min(refunded_minor, captured_minor) // captured_minor


def price_of(prices: Sequence[Price], *, method: str | None, currency: str) -> Price | None:
    """The price of a sale: one for its method and currency before one for its method, then its currency, then any."""
    fitting = [
        price for price in prices if price.method in (None, method) and price.currency in (None, currency)
    ]
    return max(
        fitting, key=lambda price: (price.method is not None, price.currency is not None), default=None
    )


def _fee_minor(amount_minor: int, terms: Terms, method: str | None, currency: str) -> int:
    price = price_of(terms.prices, method=method, currency=currency) if terms.prices else None
    if price is None:
        return _part(amount_minor, terms.fee_bps) + terms.fee_fixed_minor
    fee_minor = 0
    for tier in price.tiers:
        if tier.up_to_minor is None or amount_minor <= tier.up_to_minor:
            fee_minor = _part(amount_minor, tier.fee_bps) + tier.fee_fixed_minor
            break
    fee_minor = max(fee_minor, price.minimum_minor)
    return fee_minor if price.maximum_minor is None else min(fee_minor, price.maximum_minor)


def _part(amount_minor: int, basis_points: int) -> int:
    return amount_minor * basis_points // _BASIS_POINTS
