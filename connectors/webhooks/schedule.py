"""When is a message tried again that was not delivered, and when never more?"""

import hashlib
from typing import Final

from connectors.webhooks.tiers import LONGEST_MS
from schemas.settings import SettingsError, variable

_SETTING: Final = "webhooks_retry_delays_ms"
_COARSE_MS: Final = 300_000


class RetrySchedule:
    """The delays before the second attempt, the third, and so on; after the last there is none."""

    def __init__(self, delays_ms: tuple[int, ...]) -> None:
        self._delays_ms = delays_ms

    def delay_ms(self, message_id: str, attempt: int, *, retry_after_ms: int | None = None) -> int | None:
        """How long after a failed attempt (1, 2, ...) the next one is made; None: never.

        At most a tenth is added, the same for every repeat of the attempt, so that what failed
        together does not come back together. retry_after_ms: what the receiver asked for; taken
        between the delay and twice the delay.
        """
        if attempt > len(self._delays_ms):
            return None
        delay_ms = self._delays_ms[attempt - 1]
        asked_ms = min(retry_after_ms or 0, 2 * delay_ms)
        return max(asked_ms, delay_ms + _jitter_ms(message_id, attempt, delay_ms))


def schedule_of(text: str) -> RetrySchedule:
    """The schedule in a setting: milliseconds with commas. Raises SettingsError."""
    parts = text.split(",") if text.strip() else []
    if not all(part.strip().isascii() and part.strip().isdigit() for part in parts):
        raise SettingsError(f"{variable(_SETTING)}={text!r}: milliseconds with commas, such as 5000,300000")
    return RetrySchedule(tuple(int(part) for part in parts))


def _jitter_ms(message_id: str, attempt: int, delay_ms: int) -> int:
    # Long delays are waited for in turns of whole tiers; what is added must not leave a rest of many short ones.
    step_ms = _COARSE_MS if delay_ms > LONGEST_MS else 1
    drawn = int.from_bytes(hashlib.sha256(f"{message_id}:{attempt}".encode()).digest()[:8], "big")
    return drawn % (delay_ms // 10 // step_ms + 1) * step_ms
