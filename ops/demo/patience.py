"""Is a request worth repeating, and after which pause?"""

from typing import Final

from connectors.retries import backoff_ms

FIRST_MS: Final = 200
MOST_MS: Final = 5_000
MOST_RETRY_AFTER_S: Final = 30.0

_TOO_MANY: Final = 429
_CONFLICT: Final = 409
_SERVER_ERRORS: Final = range(500, 600)
_KEY_IN_USE: Final = "idempotency_key_in_use"


def is_repeatable(status: int, code: str | None) -> bool:
    """Whether an answer says nothing about the request itself: busy, away, or its key still in use."""
    return status == _TOO_MANY or status in _SERVER_ERRORS or (status == _CONFLICT and code == _KEY_IN_USE)


def pause_s(failures: int, *, jitter: float, retry_after: str | None = None) -> float:
    """Seconds before the next try after `failures` (1, 2, ...) in a row.

    Doubles from FIRST_MS to MOST_MS, of which jitter (0..1) takes up to half, so that those who were
    turned away together do not come back together. Never shorter than Retry-After asks, up to
    MOST_RETRY_AFTER_S.
    """
    doubled_s = backoff_ms(failures, first_ms=FIRST_MS, most_ms=MOST_MS) / 1000
    asked_s = min(_seconds(retry_after), MOST_RETRY_AFTER_S)
    # Waiting exactly as long as asked would bring everyone back at once.
    return max(doubled_s * (1 - jitter / 2), asked_s * (1 + jitter / 2))


def _seconds(retry_after: str | None) -> float:
    """Retry-After in its form of seconds; a date is not sent by this API and counts as nothing."""
    return float(retry_after) if retry_after is not None and retry_after.isdecimal() else 0.0
