"""Sums of shards are those of their last reports, and say up to when they count everything."""

import pytest

from schemas.balances import ShardReported
from schemas.envelope import PLATFORM, Message
from schemas.settings import Settings
from schemas.testing import START_MS, envelope
from streams.testing import History
from streams.totals.app import totals

ACCOUNT = "test.1100.psp.receivable.simulator.USD"
Report = tuple[int, int, int, int]
# Reports as (shard, debits, credits, seconds); the last sum as (debits, credits, watermark) and how many there were.
CASES: dict[str, tuple[list[Report], tuple[int, int, int], int]] = {
    "one shard": ([(0, 5, 2, 1)], (5, 2, 1), 1),
    "two shards": ([(0, 5, 2, 1), (1, 7, 0, 3)], (12, 2, 1), 2),
    "the slowest shard is the watermark": ([(0, 5, 2, 9), (1, 7, 0, 3)], (12, 2, 3), 2),
    "a newer report": ([(0, 5, 2, 1), (0, 8, 2, 2)], (8, 2, 2), 2),
    "nothing new but the time": ([(0, 5, 2, 1), (0, 5, 2, 2)], (5, 2, 2), 2),
    "the same report": ([(0, 5, 2, 1), (0, 5, 2, 1)], (5, 2, 1), 1),
    "an older report": ([(0, 8, 2, 2), (0, 5, 2, 1)], (8, 2, 2), 1),
}


@pytest.mark.parametrize("case", CASES)
def test_case(case: str) -> None:
    """One line of the table."""
    reports, (debits, credits, watermark), count = CASES[case]
    history = History(totals(Settings()).decider, ACCOUNT)
    for number, (shard, debit, credit, seconds) in enumerate(reports):
        body = ShardReported(
            account_id=ACCOUNT,
            shard=shard,
            code=1100,
            kind="psp.receivable",
            currency="USD",
            debits_posted_minor=debit,
            credits_posted_minor=credit,
            as_of_ms=START_MS + seconds,
        )
        cause = envelope(f"report-{number}", merchant_id="platform", actor=PLATFORM)
        history.receive(Message(envelope=cause, body=body))
    last = history.events[-1].body
    assert count == len(history.events)
    assert (debits, credits, START_MS + watermark) == (
        last.debits_posted_minor,
        last.credits_posted_minor,
        last.watermark_ms,
    )
    assert history.state == history.fold()
