"""What an idempotency key met is told by the answer alone."""

import pytest

from api.metrics import Metrics, idempotency_result
from schemas.outcomes import Outcome


@pytest.mark.parametrize(
    ("outcome", "is_replayed", "expected"),
    [
        (Outcome.SUCCEEDED, False, "miss"),
        (Outcome.SUCCEEDED, True, "hit"),
        (Outcome.DECLINED, False, "miss"),
        (Outcome.DECLINED, True, "hit"),
        (Outcome.PENDING, False, "miss"),
        (Outcome.IDEMPOTENCY_MISMATCH, False, "mismatch"),
        (Outcome.IDEMPOTENCY_KEY_IN_USE, False, "conflict"),
        (Outcome.OVERLOADED, False, None),
        (Outcome.UNAVAILABLE, False, None),
    ],
)
def test_what_a_key_met(outcome: Outcome, is_replayed: bool, expected: str | None) -> None:
    """The share of hits shows clients that repeat; what was never looked up must not dilute it."""
    found = idempotency_result(outcome.code, outcome.value.http_status, is_replayed=is_replayed)
    assert expected == found


def test_a_defect_met_nothing() -> None:
    """Nobody knows what a key met where the answer is a bug."""
    assert idempotency_result("bug", 500, is_replayed=False) is None


def test_results_are_counted() -> None:
    """One more of the kind that was met."""
    counted = Metrics()
    counted.count_idempotency("hit")
    assert 'idempotency_total{result="hit"} 1.0' in counted.text().decode()
