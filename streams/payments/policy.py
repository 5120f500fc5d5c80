"""How long does a payment wait for a provider: windows, delays and limits, all in milliseconds."""

from dataclasses import dataclass
from typing import Final

from schemas.settings import Settings

MAX_ATTEMPTS: Final = 10
"""Confirms of one intent."""
MAX_OPERATIONS: Final = 100
"""Operations of one payment, so that a state stays small."""
MAX_CALLS: Final = 10
"""Calls of one operation that the provider proved not to have carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentPolicy:
    """The windows payments are decided with; settings of the same names, prefixed `payments_`, say more.

    query_delays_ms: after an operation became unknown, the delay before each query; the last repeats.
    retry_delay_ms: before the first repeat of a call that was proved not executed; it doubles.
    """

    provider: str = "simulator"
    confirm_window_ms: int = 60_000
    operation_window_ms: int = 60_000
    answer_grace_ms: int = 30_000
    query_delays_ms: tuple[int, ...] = (60_000, 300_000, 3_600_000, 86_400_000)
    retry_delay_ms: int = 500
    authorization_window_ms: int = 7 * 86_400_000
    scheme_window_ms: int = 8 * 86_400_000

    def query_delay_ms(self, query: int) -> int:
        """The delay before query number `query` (0, 1, ...)."""
        return self.query_delays_ms[min(query, len(self.query_delays_ms) - 1)]

    def call_delay_ms(self, call_attempt: int) -> int:
        """The delay before the call after attempt `call_attempt` (0, 1, ...)."""
        return int(self.retry_delay_ms * 2**call_attempt)


def policy_of(settings: Settings) -> PaymentPolicy:
    """The policy in the settings. Raises ValueError for delays that are no positive integers."""
    delays = tuple(int(delay) for delay in settings.payments_query_delays_ms.split(","))
    if min(delays) <= 0:
        raise ValueError("MILLRACE_PAYMENTS_QUERY_DELAYS_MS: every delay must be at least 1 ms")
    return PaymentPolicy(
        provider=settings.psp_provider,
        confirm_window_ms=settings.payments_confirm_window_ms,
        operation_window_ms=settings.payments_operation_window_ms,
        answer_grace_ms=settings.payments_answer_grace_ms,
        query_delays_ms=delays,
        authorization_window_ms=settings.payments_authorization_window_ms,
        scheme_window_ms=settings.payments_scheme_window_ms,
    )
