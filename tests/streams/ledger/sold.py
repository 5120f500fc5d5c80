"""A merchant who has sold, and what is told of it: what tests of entries, movements and refusals begin with."""

from streams.ledger.testing import DAY, Desk, entry

# A full capture of 100.00 that has become available: fee 2.9 % + 0.30.
SOLD = {1100: 10_000, 2020: -9_680, 4010: -320}
OPENED = entry("dispute_opened", "dsp_1", amounts={"amount": 8_000, "fee": 1_500, "cost": 300})
PAID_OUT = entry("payout_reserved", "po_1", amounts={"amount": 9_000, "fee": 25})
IN_TRANSIT = entry("settlement_in", "line-1", amounts={"net": 9_700, "fee": 100, "withheld": 200})


def sold(desk: Desk) -> Desk:
    """The sale, and its day."""
    return desk.open().capture().wait(2 * DAY)
