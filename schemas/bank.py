"""What is said about files of providers and banks: taken in whole, or refused whole with the reason."""

from typing import Literal

from schemas.envelope import Body, Code, Identifier

FileProblem = Literal[
    "unreadable",
    "truncated",
    "header_invalid",
    "line_invalid",
    "currency_unknown",
    "line_does_not_add_up",
    "totals_differ",
    "line_repeated",
    "content_changed",
]


class SettlementFileAccepted(Body, frozen=True, kw_only=True):
    """Every line of a file has been told. Totals in minor units, of a file in one currency.

    file_id: derived from provider and batch, so that a file told again is the same.
    """

    file_id: Identifier
    file_name: Identifier
    sha256: Code
    provider: Code
    batch_id: Identifier
    settled_on: Code
    currency: Code
    lines: int
    gross_minor: int
    fee_minor: int
    net_minor: int
    is_restated: bool = False


class SettlementFileRefused(Body, frozen=True, kw_only=True):
    """Nothing of a file was told. line: number of the first line at fault, from 1; None: the whole.

    The file is kept aside under its name; a corrected one may be delivered.
    """

    file_id: Identifier
    file_name: Identifier
    sha256: Code
    problem: FileProblem
    detail: Identifier
    line: int | None = None


FileEvent = SettlementFileAccepted | SettlementFileRefused
