"""What does the simulated provider do, and what does the gateway hear of it?

The provider keeps its own book and shares no code with the deciders; the gateway follows the rule
that a call which may have been made is never made again, only asked about.
"""

from random import Random
from typing import Any, NamedTuple

from schemas.psp import ExecuteOperation, OperationResult, QueryOperation

CALL_BOUND_MS = 30_000
SETTLE_MS = 5_000


class Effect(NamedTuple):
    """One thing the provider really did."""

    psp_key: str
    payment_id: str
    kind: str
    amount_minor: int
    currency: str
    provider_ref: str
    original_ref: str | None


class SimulatedProvider:
    """Acts, declines, stays silent or loses its answers, by the seed; remembers no keys at all."""

    def __init__(self, random: Random, *, fault_rate: float) -> None:
        self._random = random
        self.fault_rate = fault_rate
        self.effects: list[Effect] = []
        self._said: dict[str, OperationResult] = {}

    def execute(self, request: ExecuteOperation) -> OperationResult:
        """Carry one call out, or not; the answer may be lost either way."""
        roll = self._random.random()
        if roll < self.fault_rate / 3:
            return _result(request, "unknown")
        if roll < self.fault_rate / 2:
            return _result(request, "not_executed", code="not_sent")
        answer = self._act(request)
        self._said[request.psp_key] = answer
        return _result(request, "unknown") if roll < self.fault_rate else answer

    def query(self, request: QueryOperation, now_ms: int) -> OperationResult:
        """What became of a call; not found proves something only after the call's bound."""
        said = self._said.get(request.psp_key)
        if said is None:
            is_proved = now_ms > request.called_not_after_ms + CALL_BOUND_MS + SETTLE_MS
            return _result(request, "not_executed" if is_proved else "unknown", source="query")
        return _result(
            request,
            said.outcome,
            source="query",
            provider_ref=said.provider_ref,
            amount_minor=said.amount_minor,
            currency=said.currency,
            code=said.code,
        )

    def _act(self, request: ExecuteOperation) -> OperationResult:
        if request.kind in ("authorize", "sale") and self._random.random() < 0.15:
            return _result(request, "declined", code="insufficient_funds")
        refusal = self._refusal(request)
        if refusal is not None:
            return _result(request, "refused", code=refusal)
        provider_ref = f"sim_{len(self.effects)}"
        self.effects.append(
            Effect(
                request.psp_key,
                request.payment_id,
                request.kind,
                request.amount_minor,
                request.currency,
                provider_ref,
                request.original_ref,
            )
        )
        return _result(
            request,
            "succeeded",
            provider_ref=provider_ref,
            amount_minor=request.amount_minor,
            currency=request.currency,
        )

    def _refusal(self, request: ExecuteOperation) -> str | None:
        if request.kind in ("authorize", "sale"):
            return None
        held, captured, refunded = book_of(self.effects, request.payment_id)
        if request.kind == "refund":
            return "amount_exceeds_captured" if refunded + request.amount_minor > captured else None
        return "amount_exceeds_held" if request.amount_minor > held else None


def book_of(effects: list[Effect], payment_id: str) -> tuple[int, int, int]:
    """(held, captured, refunded) of one payment in minor units, from the provider's book alone."""
    held = captured = refunded = 0
    for effect in effects:
        if effect.payment_id != payment_id:
            continue
        match effect.kind:
            case "authorize":
                held += effect.amount_minor
            case "sale":
                captured += effect.amount_minor
            case "capture":
                held -= effect.amount_minor
                captured += effect.amount_minor
            case "void":
                held -= effect.amount_minor
            case "refund":
                refunded += effect.amount_minor
    return held, captured, refunded


def _result(
    request: ExecuteOperation | QueryOperation, outcome: str, source: str = "answer", **said: Any
) -> OperationResult:
    return OperationResult(
        operation_id=request.operation_id,
        psp_key=request.psp_key,
        call_attempt=request.call_attempt,
        provider=request.provider,
        source=source,  # type: ignore[arg-type]  # one of the two words above
        outcome=outcome,  # type: ignore[arg-type]  # one of the words above
        **said,
    )
