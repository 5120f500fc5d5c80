"""What does the simulated provider settle, and which of its files' lines are wrong on purpose?"""

from collections.abc import Iterator
from random import Random
from typing import Final, Literal

from ops.simulation.provider import Effect, SimulatedProvider
from schemas.reconciliation import SettlementLine

Break = Literal["amount_mismatch", "missing_external", "missing_internal", "duplicate"]
_BREAKS: Final[tuple[Break, ...]] = (
    "amount_mismatch",
    "missing_external",
    "missing_internal",
    "duplicate",
)
_FEE_BPS: Final = 140


class Settlement:
    """The provider's batches. breaks: what is wrong with which reference; the oracle of reconciliation."""

    def __init__(self, random: Random, provider: SimulatedProvider, *, break_rate: float = 0.1) -> None:
        self._random = random
        self._provider = provider
        self._break_rate = break_rate
        self._settled = 0
        self._batches = 0
        self.breaks: dict[str, Break] = {}

    def batch(self) -> Iterator[SettlementLine]:
        """The lines of everything that moved money since the last batch."""
        effects = self._provider.effects[self._settled :]
        self._settled = len(self._provider.effects)
        self._batches += 1
        for effect in effects:
            if effect.kind in ("sale", "capture", "refund"):
                yield from self._lines(effect)

    def _lines(self, effect: Effect) -> Iterator[SettlementLine]:
        line = self._line(effect.provider_ref, effect, effect.amount_minor)
        if self._random.random() >= self._break_rate:
            yield line
            return
        broken = self._random.choice(_BREAKS)
        reference = effect.provider_ref
        match broken:
            case "amount_mismatch":
                yield self._line(reference, effect, effect.amount_minor + 1)
            case "missing_external":
                pass
            case "missing_internal":
                reference = f"nobody_{effect.provider_ref}"
                yield from (line, self._line(reference, effect, effect.amount_minor))
            case "duplicate":
                yield from (line, self._line(reference, effect, effect.amount_minor, copy=1))
        self.breaks[reference] = broken

    def _line(self, reference: str, effect: Effect, amount_minor: int, *, copy: int = 0) -> SettlementLine:
        is_refund = effect.kind == "refund"
        gross_minor = -amount_minor if is_refund else amount_minor
        fee_minor = 0 if is_refund else amount_minor * _FEE_BPS // 10_000
        return SettlementLine(
            line_id=f"line_{reference}_{copy}",
            file_id=f"stl_{self._batches}",
            provider="simulator",
            provider_ref=reference,
            kind="refund" if is_refund else "capture",
            gross_minor=gross_minor,
            fee_minor=fee_minor,
            net_minor=gross_minor - fee_minor,
            currency=effect.currency,
            settled_on="2027-01-15",
        )
