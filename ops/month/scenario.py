"""Does a month of a marketplace end right on the running platform, and what says so?"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from ops import accounts
from ops.audit import export, standalone
from ops.ledger import beancount
from ops.month.checks import Check, at_rest, at_the_end
from ops.month.live import LiveLedger
from ops.month.month import SELLERS, Month
from ops.month.trade import Seller
from schemas import ids
from schemas.settings import Settings

SALES_A_DAY: Final = 420
"""Enough for more than 50,000 transactions in thirty days."""


class Scenario(Struct, frozen=True, kw_only=True):
    """The outcome of a month. transactions: posted for it. checks: each with its evidence."""

    passed: bool
    transactions: int
    checks: tuple[Check, ...]


def play(
    settings: Settings,
    api_url: str,
    operator_key: str,
    *,
    seed: int,
    sales_a_day: int = SALES_A_DAY,
    on_part: Callable[[int, int], None] | None = None,
) -> Scenario:
    """Play the month of a seed with merchants of its own; nothing else may move money meanwhile.

    on_part: told after each part of a day its number and the transactions posted so far.
    Raises LedgerStuck, ApiRefused, NotRunning; test mode only, as the topic of operators' entries is.
    """
    with LiveLedger(settings) as ledger:
        ledger.catch_up()
        before = ledger.followed.model.transactions
        ledger.followed.begin()
        sellers = [_seller(api_url, operator_key, seed, number) for number in range(len(SELLERS))]
        treasury = ids.treasury_id(cell=settings.cell, mode="test")
        month = Month(seed, sellers, treasury, sales_a_day=sales_a_day)
        wrong: list[Check] = []
        for number, orders in enumerate(month.parts(ledger.followed)):
            ledger.tell(orders, sellers)
            wrong += [check for check in at_rest(ledger.followed, month) if not check.passed]
            if on_part is not None:
                on_part(number, ledger.followed.model.transactions - before)
            if wrong:
                break
        checks = (
            *at_rest(ledger.followed, month),
            *at_the_end(ledger.followed),
            beancount.checked(settings),
            _audited(settings),
        )
        return Scenario(
            passed=all(check.passed for check in checks) and not wrong,
            transactions=ledger.followed.model.transactions - before,
            checks=(*wrong, *checks),
        )


def _audited(settings: Settings) -> Check:
    """Whether journal, seals and tables are as they were sealed."""
    with tempfile.TemporaryDirectory(prefix="millrace-audit-") as directory:
        counted = export.export(settings, Path(directory))
        found = standalone.verdict(standalone.check_export, Path(directory))
    told = f"{found['reason']}: {counted['records']:,} records, {counted['seals']} seals"
    return Check("audit verify", found["passed"], f"{told} {found['first_bad'] or ''}".rstrip())


def _seller(api_url: str, operator_key: str, seed: int, number: int) -> Seller:
    currency, terms = SELLERS[number]
    made = accounts.create_merchant(
        api_url,
        operator_key,
        display_name=f"Month {seed}, seller {number + 1}",
        terms=msgspec.to_builtins(terms),
    )
    return Seller(str(made["merchant_id"]), currency, terms)
