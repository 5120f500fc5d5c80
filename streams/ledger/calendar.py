"""When is a sale available: T+n in the days of the merchant's calendar?"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

from schemas.ledger import Terms

DAY_MS: Final = 86_400_000
_MINUTE_MS: Final = 60_000


def available_at_ms(at_ms: int, terms: Terms) -> int:
    """The same time of day after settlement_days days that count; at once for 0.

    at_ms: of the sale, Unix milliseconds. Without rest days and holidays every day counts. A sale on a day
    that does not count is one of the first moment of the next that does, so that none overtakes another.
    """
    days = terms.settlement_days
    if days == 0 or not (terms.rest_days or terms.holidays):
        return at_ms + days * DAY_MS
    offset_ms = terms.utc_offset_minutes * _MINUTE_MS
    day, time_ms = divmod(at_ms + offset_ms, DAY_MS)
    first = _counting(day, terms.rest_days, terms.holidays)
    if first != day:
        day, time_ms = first, 0
    for _ in range(days):
        day = _counting(day + 1, terms.rest_days, terms.holidays)
    return day * DAY_MS + time_ms - offset_ms


def reserve_at_ms(at_ms: int, terms: Terms) -> int:
    """When the rolling reserve of a sale is released: all days count."""
    return at_ms + terms.reserve_days * DAY_MS


@lru_cache(maxsize=16_384)
def _counting(day: int, rest_days: tuple[int, ...], holidays: tuple[str, ...]) -> int:
    """The first day from `day` on that counts; days from the epoch."""
    current = date.fromordinal(_EPOCH.toordinal() + day)
    while current.isoweekday() in rest_days or current.isoformat() in holidays:
        current += timedelta(days=1)
    return current.toordinal() - _EPOCH.toordinal()


_EPOCH: Final = datetime.fromtimestamp(0, UTC).date()
