"""What does the simulated provider settle, and which of its files' lines are wrong on purpose?"""

from collections.abc import Iterator
from random import Random
from typing import Final, Literal, NamedTuple

from ops.simulation.provider import Effect, SimulatedProvider
from schemas import ids
from schemas.reconciliation import SettlementLine

Break = Literal["amount_mismatch", "missing_external", "missing_internal", "duplicate"]
_BREAKS: Final[tuple[Break, ...]] = (
    "amount_mismatch",
    "missing_external",
    "missing_internal",
    "duplicate",
)
_FEE_BPS: Final = 140
_PROVIDER: Final = "simulator"
SETTLED_ON: Final = "2027-01-15"


class Batch(NamedTuple):
    """One file. omitted: references of which no file will ever tell."""

    batch_id: str
    lines: tuple[SettlementLine, ...]
    omitted: tuple[str, ...]


class Settlement:
    """The provider's files. breaks: what is wrong with which reference; the oracle of reconciliation."""

    def __init__(self, random: Random, provider: SimulatedProvider, *, break_rate: float = 0.1) -> None:
        self._random = random
        self._provider = provider
        self._break_rate = break_rate
        self._settled = 0
        self.batches: list[Batch] = []
        self.breaks: dict[str, Break] = {}

    def batch(self) -> Batch:
        """Everything that moved money since the last batch."""
        effects = [
            effect
            for effect in self._provider.effects[self._settled :]
            if effect.kind in ("sale", "capture", "refund")
        ]
        self._settled = len(self._provider.effects)
        batch_id = f"batch_{len(self.batches)}"
        lines = tuple(line for effect in effects for line in self._lines(effect, batch_id))
        omitted = tuple(
            effect.provider_ref
            for effect in effects
            if self.breaks.get(effect.provider_ref) == "missing_external"
        )
        self.batches.append(Batch(batch_id, lines, omitted))
        return self.batches[-1]

    def _lines(self, effect: Effect, batch_id: str) -> Iterator[SettlementLine]:
        line = self._line(effect.provider_ref, effect, effect.amount_minor, batch_id)
        if self._random.random() >= self._break_rate:
            yield line
            return
        broken = self._random.choice(_BREAKS)
        reference = effect.provider_ref
        match broken:
            case "amount_mismatch":
                yield self._line(reference, effect, effect.amount_minor + 1, batch_id)
            case "missing_external":
                pass
            case "missing_internal":
                reference = f"nobody_{effect.provider_ref}"
                yield from (line, self._line(reference, effect, effect.amount_minor, batch_id))
            case "duplicate":
                yield from (line, self._line(reference, effect, effect.amount_minor, batch_id, copy=1))
        self.breaks[reference] = broken

    def _line(
        self, reference: str, effect: Effect, amount_minor: int, batch_id: str, *, copy: int = 0
    ) -> SettlementLine:
        is_refund = effect.kind == "refund"
        gross_minor = -amount_minor if is_refund else amount_minor
        fee_minor = 0 if is_refund else amount_minor * _FEE_BPS // 10_000
        return SettlementLine(
            line_id=f"line_{reference}_{copy}",
            file_id=ids.file_id(_PROVIDER, batch_id),
            provider=_PROVIDER,
            provider_ref=reference,
            kind="refund" if is_refund else "capture",
            gross_minor=gross_minor,
            fee_minor=fee_minor,
            net_minor=gross_minor - fee_minor,
            currency=effect.currency,
            settled_on=SETTLED_ON,
        )
