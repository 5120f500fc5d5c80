"""When may something that failed be tried again: back-off, and a circuit breaker that stops asking."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final, Literal

BreakerState = Literal["closed", "open", "probing"]
Admission = Literal["call", "probe"]

_MAX_DOUBLINGS: Final = 30


def backoff_ms(failures: int, *, first_ms: int, most_ms: int) -> int:
    """How long to wait after the `failures`-th failure in a row (1, 2, ...): doubling, at most `most_ms`."""
    assert failures >= 1, "there is nothing to wait for before a failure"
    return min(most_ms, first_ms << min(failures - 1, _MAX_DOUBLINGS))


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerLimits:
    """When a breaker opens and for how long.

    It opens when `failures` of the last `window` calls failed. It stays open for a cool-down that
    doubles from `first_cooldown_ms` to `most_cooldown_ms` with every probe that fails.
    """

    window: int = 20
    failures: int = 10
    first_cooldown_ms: int = 2_000
    most_cooldown_ms: int = 30_000


@dataclass(slots=True, kw_only=True)
class CircuitBreaker:
    """Admits calls, or not. The end of every call it admits must be told with its admission.

    Times are milliseconds of any one monotonic clock. After a cool-down one probe is admitted at a
    time; its end closes the breaker or opens it for longer. The ends of calls admitted before the
    breaker opened no longer count.
    """

    limits: BreakerLimits = field(default_factory=BreakerLimits)
    _ends: deque[bool] = field(default_factory=deque)
    _openings: int = 0
    _open_until_ms: int | None = None
    _is_probing: bool = False

    @property
    def state(self) -> BreakerState:
        """closed: calls flow. open: none may. probing: one is under way that decides."""
        if self._open_until_ms is None:
            return "closed"
        return "probing" if self._is_probing else "open"

    def admit(self, now_ms: int) -> Admission | None:
        """How a call may be made now, None if it may not."""
        if self._open_until_ms is None:
            return "call"
        if self._is_probing or now_ms < self._open_until_ms:
            return None
        self._is_probing = True
        return "probe"

    def succeeded(self, admission: Admission) -> None:
        """A call ended well; a probe that did closes the breaker."""
        if admission == "probe":
            self._open_until_ms, self._is_probing, self._openings = None, False, 0
            self._ends.clear()
        elif self._open_until_ms is None:
            self._remember(True)

    def failed(self, admission: Admission, now_ms: int) -> None:
        """A call failed; enough of them, or a failed probe, open the breaker."""
        if admission == "probe":
            self._open(now_ms)
        elif self._open_until_ms is None:
            self._remember(False)
            if self._ends.count(False) >= self.limits.failures:
                self._open(now_ms)

    def _remember(self, is_success: bool) -> None:
        self._ends.append(is_success)
        if len(self._ends) > self.limits.window:
            self._ends.popleft()

    def _open(self, now_ms: int) -> None:
        self._openings += 1
        cooldown_ms = backoff_ms(
            self._openings, first_ms=self.limits.first_cooldown_ms, most_ms=self.limits.most_cooldown_ms
        )
        self._open_until_ms, self._is_probing = now_ms + cooldown_ms, False
