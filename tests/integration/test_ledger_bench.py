"""The benchmark of the ledger measures what it says, on a small scale, and fails when something is missing."""

import pytest

from ops.bench import ledger
from schemas.settings import Settings

pytestmark = pytest.mark.integration


def test_every_variant_is_measured_and_judged() -> None:
    """Through the real stage and in SQL; books and journals are checked by the run itself."""
    sizes = ledger.Sizes(captures=1_200, timed=100, many_accounts=300)
    results = {one.variant: one for one in ledger.run(Settings(), sizes)}
    assert {
        "in memory, chunks of 500",
        "real stage, 300 accounts",
        "real stage, 100 in flight",
        "real stage, 1,000 in flight",
        "real stage, one hot merchant",
        "SQL ledger, one a commit",
        "SQL ledger, a hundred a commit",
    } == set(results)
    assert all(one.cpu_us_per_unit > 0 and one.units > 0 for one in results.values())
    assert all(one.p50_ms is not None for name, one in results.items() if "in flight" in name)
