"""What do the code and id of an account say?"""

from typing import Literal

_DEBIT_THOUSANDS = frozenset({1, 5, 9})
"""Of the chart: assets, expenses and memoranda."""
_GAINS_AND_LOSSES = 4050
"""Counted as an expense, though it stands beside the margin of exchange."""


def normal_side(code: int) -> Literal["debit", "credit"]:
    """The side that makes the balance of accounts of this code grow."""
    return "debit" if code // 1000 in _DEBIT_THOUSANDS or code == _GAINS_AND_LOSSES else "credit"


def currency_of(account_id: str) -> str:
    """The ISO 4217 code in an account's id."""
    return account_id.partition("#")[0].rpartition(".")[2]
