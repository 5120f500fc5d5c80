"""Is the recomputation of features right by itself: the definition, worked out by hand?"""

from typing import Any

from ops.verify.risk_features import LookedUp, expected_features
from schemas.risk import Features

HOUR_MS = 3_600_000
NOW_MS = 1_800_000_000_000


def attempt(assessment: str, ago_ms: int, **changes: Any) -> LookedUp:
    made = LookedUp("card_1", NOW_MS - ago_ms, assessment, "visa", 100, "USD")
    return made._replace(**changes)


def test_features_worked_out_by_hand() -> None:
    """Half-open windows, distinct cards, one currency, entities apart, a late one and a repeat."""
    attempts = [
        attempt("a", 24 * HOUR_MS),
        attempt("b", 24 * HOUR_MS - 1),
        attempt("c", HOUR_MS, card_key="amex", amount_minor=7, currency="JPY"),
        attempt("d", 0, entity_key="card_2"),
        attempt("e", 0, card_key="amex"),
        attempt("late", 30_000),
        attempt("e", 0, card_key="amex"),
    ]
    found = list(expected_features(attempts))
    assert found[4] == found[6]
    assert found[3] == Features(
        attempts_1m=1,
        attempts_10m=1,
        attempts_1h=1,
        attempts_24h=1,
        cards_1h=1,
        cards_24h=1,
        amount_24h_minor=100,
    )
    assert (1, 1, 1, 3) == (
        found[4].attempts_1m,
        found[4].attempts_10m,
        found[4].attempts_1h,
        found[4].attempts_24h,
    )
    assert (1, 2, 200, False) == (
        found[4].cards_1h,
        found[4].cards_24h,
        found[4].amount_24h_minor,
        found[4].is_saturated,
    )
    # The one of 24 hours ago was forgotten when the latest came, so the late one may miss it, and says so.
    assert (1, 2, 3, True) == (
        found[5].attempts_10m,
        found[5].attempts_1h,
        found[5].attempts_24h,
        found[5].is_saturated,
    )


def test_more_than_is_remembered_is_saturated() -> None:
    """The 129th of a day is told 128 and that there were more."""
    *_, before, last = expected_features(attempt(str(number), 1_000 - number) for number in range(129))
    assert (128, False) == (before.attempts_24h, before.is_saturated)
    assert (128, True) == (last.attempts_24h, last.is_saturated)
