"""An unreachable provider is spared, yet what it may have done is still asked for."""

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from connectors.psp.asked import Asked
from connectors.psp.caller import Caller, CallLimits, Learned
from connectors.psp.measures import Measures
from connectors.psp.port import Answered, CallEnd, Unanswered
from connectors.retries import BreakerLimits
from schemas.envelope import PLATFORM, Envelope, Message
from schemas.payments import OperationKind
from schemas.psp import ExecuteOperation, QueryOperation, Request
from schemas.psp_operations import ProviderStatement

NOW_MS = 1_000_000
NOT_SENT = Learned(ProviderStatement(outcome="not_executed", code="not_sent"), "answer")
LIMITS = CallLimits(
    call_timeout_ms=30_000,
    settle_ms=5_000,
    breaker=BreakerLimits(window=4, failures=2, first_cooldown_ms=600_000, most_cooldown_ms=600_000),
)


@dataclass
class ScriptedProvider:
    """A provider that never answers a call and knows none; it counts what reached it."""

    executed: list[str] = field(default_factory=list)
    queried: list[str] = field(default_factory=list)

    async def execute(self, request: ExecuteOperation) -> CallEnd:
        self.executed.append(request.psp_key)
        return Unanswered(reason="TimeoutError")

    async def query(self, request: ExecuteOperation | QueryOperation) -> CallEnd:
        self.queried.append(request.psp_key)
        return Answered(http_status=404, body=b'{"error": {"code": "operation_not_found"}}')


def calling(provider: ScriptedProvider, now_ms: int = NOW_MS) -> Caller:
    return Caller(
        {"simulator": provider},
        LIMITS,
        confirm_membership=lambda: None,
        now_ms=lambda: now_ms,
        measures=Measures(CollectorRegistry()),
    )


def asked(request: Request, not_after_ms: int = NOW_MS + 60_000) -> Asked:
    envelope = Envelope(
        message_id="m1",
        causation_id="m0",
        correlation_id="req_1",
        occurred_at_ms=NOW_MS,
        mode="test",
        merchant_id="mer_1",
        cell="00",
        actor=PLATFORM,
        not_after_ms=not_after_ms,
    )
    return Asked(key=b"k", message=Message(envelope=envelope, body=request), not_after_ms=not_after_ms)


def execute(psp_key: str, kind: OperationKind = "sale", provider: str = "simulator") -> ExecuteOperation:
    return ExecuteOperation(
        operation_id="auth_1",
        payment_id="pay_1",
        kind=kind,
        amount_minor=100,
        currency="EUR",
        psp_key=psp_key,
        call_attempt=0,
        provider=provider,
    )


def query(psp_key: str, called_not_after_ms: int) -> QueryOperation:
    return QueryOperation(
        operation_id="auth_1",
        payment_id="pay_1",
        kind="sale",
        psp_key=psp_key,
        call_attempt=0,
        provider="simulator",
        called_not_after_ms=called_not_after_ms,
    )


async def test_an_open_breaker_sends_nothing_and_says_so() -> None:
    """What was not sent is proved not executed, so payments may call again later."""
    provider = ScriptedProvider()
    caller = calling(provider)
    for number in range(2):
        await caller.carry_out(asked(execute(f"k{number}")), may_be_repeated=False)
    assert NOT_SENT == await caller.carry_out(asked(execute("k2")), may_be_repeated=False)
    assert ["k0", "k1"] == provider.executed


async def test_a_breaker_is_of_one_operation_kind_and_never_of_queries() -> None:
    """Broken captures must not stop sales, and an unknown outcome is asked for all the time."""
    provider = ScriptedProvider()
    caller = calling(provider)
    for number in range(3):
        await caller.carry_out(asked(execute(f"k{number}", "capture")), may_be_repeated=False)
    await caller.carry_out(asked(execute("other", "sale")), may_be_repeated=False)
    await caller.carry_out(asked(query("k0", NOW_MS)), may_be_repeated=False)
    assert ["k0", "k1", "other"] == provider.executed
    assert ["k0"] == provider.queried


async def test_what_may_have_been_called_is_only_asked_for() -> None:
    """Below the end at takeover, or called by this process before: a second call could charge twice."""
    provider = ScriptedProvider()
    caller = calling(provider)
    await caller.carry_out(asked(execute("from_before")), may_be_repeated=True)
    await caller.carry_out(asked(execute("ours")), may_be_repeated=False)
    await caller.carry_out(asked(execute("ours")), may_be_repeated=False)
    assert ["ours"] == provider.executed
    assert ["from_before", "ours"] == provider.queried


async def test_nothing_is_sent_past_its_time() -> None:
    """The customer has gone; what was surely never called is given up without asking."""
    provider = ScriptedProvider()
    learned = await calling(provider).carry_out(
        asked(execute("late"), not_after_ms=NOW_MS), may_be_repeated=False
    )
    assert Learned(ProviderStatement(outcome="not_executed", code="not_sent_in_time"), "answer") == learned
    assert ([], []) == (provider.executed, provider.queried)


async def test_not_found_proves_absence_only_once_every_call_must_be_over() -> None:
    """The last moment of a call, its bound and the provider's settling have to be over."""
    provable_from_ms = NOW_MS + LIMITS.call_timeout_ms + LIMITS.settle_ms
    for now_ms, outcome in ((provable_from_ms - 1, "unknown"), (provable_from_ms, "not_executed")):
        learned = await calling(ScriptedProvider(), now_ms).carry_out(
            asked(query("k", NOW_MS), not_after_ms=NOW_MS), may_be_repeated=False
        )
        assert (outcome, "query") == (learned.statement.outcome, learned.source)


async def test_a_provider_without_an_adapter_is_never_guessed_at() -> None:
    """A request for a provider that is not set up here was certainly not sent from here."""
    caller = calling(ScriptedProvider())
    never = await caller.carry_out(asked(execute("k", provider="other")), may_be_repeated=False)
    perhaps = await caller.carry_out(asked(execute("k", provider="other")), may_be_repeated=True)
    assert ["not_executed", "unknown"] == [never.statement.outcome, perhaps.statement.outcome]
