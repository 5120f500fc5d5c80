"""How is one request carried out: call the provider once, or ask it, or say why neither was done."""

import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, assert_never

import structlog

from connectors.psp import mapping
from connectors.psp.asked import Asked
from connectors.psp.attempts import BegunCalls, next_step
from connectors.psp.measures import Measures
from connectors.psp.port import CallEnd, Provider
from connectors.retries import BreakerLimits, CircuitBreaker
from schemas.psp import ExecuteOperation, QueryOperation, ResultSource
from schemas.psp_operations import ProviderStatement

_NOT_CONFIGURED: Final = "provider_not_configured"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimits:
    """Bounds of calls. call_timeout_ms: of one call. settle_ms: until a call's effect can be seen."""

    call_timeout_ms: int
    settle_ms: int
    breaker: BreakerLimits = field(default_factory=BreakerLimits)


class Learned(NamedTuple):
    """What is known after a request was carried out, and how we know."""

    statement: ProviderStatement
    source: ResultSource


class Caller:
    """Carries out requests to the providers named in `providers`; the only place that begins calls.

    confirm_membership: raises when this process may no longer begin a call.
    now_ms: Unix milliseconds.
    """

    def __init__(
        self,
        providers: Mapping[str, Provider],
        limits: CallLimits,
        *,
        confirm_membership: Callable[[], None],
        now_ms: Callable[[], int],
        measures: Measures,
    ) -> None:
        self._measures = measures
        self._providers = providers
        self._limits = limits
        self._confirm_membership = confirm_membership
        self._now_ms = now_ms
        self._begun = BegunCalls()
        self._breakers: defaultdict[tuple[str, str], CircuitBreaker] = defaultdict(
            lambda: CircuitBreaker(limits=limits.breaker)
        )

    async def carry_out(self, asked: Asked, *, may_be_repeated: bool) -> Learned:
        """Do what may be done about a request now.

        may_be_repeated: another process may have read the request before, and called for it.
        """
        request = asked.request
        may_have_been_called = may_be_repeated or self._begun.may_include(request.psp_key, asked.not_after_ms)
        step = next_step(
            request,
            not_after_ms=asked.not_after_ms,
            may_have_been_called=may_have_been_called,
            now_ms=self._now_ms(),
        )
        match step:
            case "ask":
                return Learned(await self._ask(request, asked.not_after_ms), "query")
            case "give_up":
                self._measures.withheld(request, "not_sent_in_time")
                return Learned(ProviderStatement(outcome="not_executed", code="not_sent_in_time"), "answer")
            case "call":
                assert isinstance(request, ExecuteOperation), "only an operation is called for"
                return Learned(await self._call(request, asked.not_after_ms), "answer")
            case _:
                assert_never(step)

    async def _ask(
        self, request: ExecuteOperation | QueryOperation, called_not_after_ms: int
    ) -> ProviderStatement:
        provider = self._providers.get(request.provider)
        if provider is None:
            self._measures.withheld(request, _NOT_CONFIGURED)
            return ProviderStatement(outcome="unknown", code=_NOT_CONFIGURED)
        provable_from_ms = called_not_after_ms + self._limits.call_timeout_ms + self._limits.settle_ms
        is_proof_of_absence = self._now_ms() >= provable_from_ms
        return await self._measured(
            request,
            "query",
            provider.query(request),
            lambda end: mapping.of_query(end, is_proof_of_absence=is_proof_of_absence),
        )

    async def _call(self, request: ExecuteOperation, not_after_ms: int) -> ProviderStatement:
        provider = self._providers.get(request.provider)
        if provider is None:
            self._measures.withheld(request, _NOT_CONFIGURED)
            return ProviderStatement(outcome="not_executed", code=_NOT_CONFIGURED)
        breaker = self._breakers[request.provider, request.kind]
        admission = breaker.admit(_monotonic_ms())
        if admission is None:
            self._measures.withheld(request, "not_sent")
            return ProviderStatement(outcome="not_executed", code="not_sent")
        state = breaker.state
        self._confirm_membership()
        self._begun.remember(request.psp_key, not_after_ms)
        statement = await self._measured(request, request.kind, provider.execute(request), mapping.of_execute)
        if statement.outcome in ("not_executed", "unknown"):
            breaker.failed(admission, _monotonic_ms())
        else:
            breaker.succeeded(admission)
        if breaker.state != state:
            self._measures.breaker_moved(request, is_closed=breaker.state == "closed")
            _log.warning(
                "breaker moved", provider=request.provider, operation=request.kind, state=breaker.state
            )
        return statement

    async def _measured(
        self,
        request: ExecuteOperation | QueryOperation,
        name: str,
        call: Awaitable[CallEnd],
        judged: Callable[[CallEnd], ProviderStatement],
    ) -> ProviderStatement:
        """What a call proves, counted and timed."""
        began_s = time.monotonic()
        statement = judged(await call)
        self._measures.called(request, name=name, statement=statement, seconds=time.monotonic() - began_s)
        return statement


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000
