"""How long does a payment wait for a provider: windows, delays and limits, all in milliseconds."""

from dataclasses import dataclass
from typing import Final

from schemas.settings import Settings, delays_ms

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
    reserve_delays_ms: before the ledger is asked again for a refund; the last repeats.
    retry_delay_ms: before the first repeat of a call that was proved not executed; it doubles.
    """

    provider: str = "simulator"
    confirm_window_ms: int = 60_000
    operation_window_ms: int = 60_000
    answer_grace_ms: int = 30_000
    query_delays_ms: tuple[int, ...] = (60_000, 300_000, 3_600_000, 86_400_000)
    retry_delay_ms: int = 500
    reserve_delays_ms: tuple[int, ...] = (10_000, 60_000, 600_000)
    review_window_ms: int = 86_400_000
    gather_ms: int = 2_000
    authorization_window_ms: int = 7 * 86_400_000
    scheme_window_ms: int = 8 * 86_400_000

    def query_delay_ms(self, query: int) -> int:
        """The delay before query number `query` (0, 1, ...)."""
        return _nth(self.query_delays_ms, query)

    def reserve_delay_ms(self, repeat: int) -> int:
        """The delay before the ledger is asked for the (`repeat` + 1)th time again (0, 1, ...)."""
        return _nth(self.reserve_delays_ms, repeat)

    def call_delay_ms(self, call_attempt: int) -> int:
        """The delay before the call after attempt `call_attempt` (0, 1, ...)."""
        return int(self.retry_delay_ms * 2**call_attempt)


def policy_of(settings: Settings) -> PaymentPolicy:
    """The policy in the settings. Raises SettingsError for delays that are no positive integers."""
    return PaymentPolicy(
        provider=settings.psp_provider,
        confirm_window_ms=settings.payments_confirm_window_ms,
        operation_window_ms=settings.payments_operation_window_ms,
        answer_grace_ms=settings.payments_answer_grace_ms,
        query_delays_ms=delays_ms("payments_query_delays_ms", settings),
        reserve_delays_ms=delays_ms("payments_reserve_delays_ms", settings),
        review_window_ms=settings.payments_review_window_ms,
        gather_ms=settings.risk_gather_ms,
        authorization_window_ms=settings.payments_authorization_window_ms,
        scheme_window_ms=settings.payments_scheme_window_ms,
    )


def _nth(delays: tuple[int, ...], index: int) -> int:
    return delays[min(index, len(delays) - 1)]
