"""T+n in a merchant's own days."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.ledger import Terms
from streams.ledger.calendar import DAY_MS, available_at_ms


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


WEEKEND = (6, 7)


@pytest.mark.parametrize(
    ("sold", "terms", "available"),
    [
        ("2026-11-26 12:00", Terms(settlement_days=2), "2026-11-28 12:00"),
        ("2026-11-26 12:00", Terms(settlement_days=0, rest_days=WEEKEND), "2026-11-26 12:00"),
        ("2026-11-26 12:00", Terms(settlement_days=2, rest_days=WEEKEND), "2026-11-30 12:00"),
        ("2026-11-28 12:00", Terms(settlement_days=1, rest_days=WEEKEND), "2026-12-01 00:00"),
        ("2026-12-24 12:00", Terms(settlement_days=1, holidays=("2026-12-25",)), "2026-12-26 12:00"),
        # 20:00 UTC on Thursday is Friday in India.
        (
            "2026-11-26 20:00",
            Terms(settlement_days=1, rest_days=WEEKEND, utc_offset_minutes=330),
            "2026-11-29 20:00",
        ),
        # A leap day is a day.
        ("2028-02-28 00:00", Terms(settlement_days=1, rest_days=(7,)), "2028-02-29 00:00"),
    ],
    ids=[
        "all days count",
        "at once",
        "over a weekend",
        "from a weekend",
        "a holiday",
        "their days",
        "leap day",
    ],
)
def test_available(sold: str, terms: Terms, available: str) -> None:
    """One line of the table."""
    assert _ms(available) == available_at_ms(_ms(sold), terms)


@given(
    st.integers(0, 4 * 10**12),
    st.integers(0, 30),
    st.sets(st.integers(1, 7), max_size=6).map(tuple),
    st.integers(-720, 840),
)
def test_a_later_sale_is_never_available_earlier(
    at_ms: int, days: int, rest: tuple[int, ...], offset: int
) -> None:
    """And never before so many days have passed."""
    terms = Terms(settlement_days=days, rest_days=rest, utc_offset_minutes=offset)
    found = available_at_ms(at_ms, terms)
    assert at_ms + days * DAY_MS <= found <= available_at_ms(at_ms + 3_600_000, terms)
