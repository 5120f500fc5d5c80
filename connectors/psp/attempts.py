"""May the provider have been called for this request before, and so what may be done about it now?"""

from typing import Final, Literal

from schemas.psp import ExecuteOperation, QueryOperation

Step = Literal["call", "ask", "give_up"]

MAX_REMEMBERED_CALLS: Final = 200_000


class BegunCalls:
    """The calls this process has begun, by psp_key; never forgets one without erring on the safe side.

    At most `limit` are remembered. Once one is forgotten, every request as old as it counts as begun.
    """

    def __init__(self, limit: int = MAX_REMEMBERED_CALLS) -> None:
        self._limit = limit
        self._not_after_ms: dict[str, int] = {}
        self._forgotten_until_ms = -1

    def remember(self, psp_key: str, not_after_ms: int) -> None:
        """A call under the key is about to begin; it would not be begun after `not_after_ms`."""
        self._not_after_ms[psp_key] = not_after_ms
        if len(self._not_after_ms) > self._limit:
            oldest = next(iter(self._not_after_ms))
            self._forgotten_until_ms = max(self._forgotten_until_ms, self._not_after_ms.pop(oldest))

    def may_include(self, psp_key: str, not_after_ms: int) -> bool:
        """False only if this process certainly began no call under the key."""
        return psp_key in self._not_after_ms or not_after_ms <= self._forgotten_until_ms


def next_step(
    request: ExecuteOperation | QueryOperation, *, not_after_ms: int, may_have_been_called: bool, now_ms: int
) -> Step:
    """What may be done about a request at `now_ms`.

    call: it was certainly not called and may be. ask: only its provider knows what became of it.
    give_up: it was certainly not called, and now it is too late to.
    """
    if isinstance(request, QueryOperation) or may_have_been_called:
        return "ask"
    return "call" if now_ms < not_after_ms else "give_up"
