"""What does a book know of one payment: what is held, what each capture left, and where refunds came from?"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

RefundStatus = Literal["reserved", "succeeded", "failed"]


class Lot(Struct, frozen=True, kw_only=True, array_like=True):
    """What one capture brought. pending_minor: of its net, what is not available yet and not refunded.

    is_available: its date came and it was moved; nothing returns to its pending part any more.
    """

    lot_id: str
    provider: str
    gross_minor: int
    fee_minor: int
    pending_minor: int
    available_at_ms: int
    is_available: bool = False


class Sources(NamedTuple):
    """Where the amount of a refund comes from, or goes back to.

    pending: amounts by index of the payment's lots; owed_minor: lent to the merchant.
    """

    pending: tuple[tuple[int, int], ...]
    available_minor: int
    owed_minor: int

    @property
    def pending_minor(self) -> int:
        """The part that is in no one's hands yet."""
        return sum([amount_minor for _, amount_minor in self.pending])


class Refund(Struct, frozen=True, kw_only=True, array_like=True):
    """One refund and its sources."""

    refund_id: str
    amount_minor: int
    status: RefundStatus
    sources: Sources


class Payment(Struct, frozen=True, kw_only=True, array_like=True):
    """One payment. holds: what is held, by provider. Its currency never changes."""

    currency: str
    holds: dict[str, int] = {}
    lots: tuple[Lot, ...] = ()
    refunds: tuple[Refund, ...] = ()

    @property
    def allowance_minor(self) -> int:
        """What the platform kept of it, once any of it went back: so much of a debt is the platform's doing."""
        if not any(refund.status != "failed" for refund in self.refunds):
            return 0
        return self.kept_minor

    @property
    def kept_minor(self) -> int:
        """The fees of all its captures."""
        return sum([lot.fee_minor for lot in self.lots])

    def refund(self, refund_id: str) -> Refund | None:
        """The refund with this id."""
        return next((one for one in self.refunds if one.refund_id == refund_id), None)

    def lot(self, lot_id: str) -> Lot | None:
        """The lot of the capture with this id."""
        return next((one for one in self.lots if one.lot_id == lot_id), None)


def held(payment: Payment, provider: str, change_minor: int) -> Payment:
    """The payment with more or less held at a provider."""
    holds = dict(payment.holds)
    left_minor = holds.pop(provider, 0) + change_minor
    assert left_minor >= 0, f"more is released at {provider} than is held"
    if left_minor:
        holds[provider] = left_minor
    return replace(payment, holds=holds)


def taken(lots: Sequence[Lot], amount_minor: int) -> tuple[tuple[int, int], ...]:
    """Up to so much of the lots' pending parts, oldest first: amounts by index."""
    parts = []
    for index, lot in enumerate(lots):
        part_minor = min(amount_minor, lot.pending_minor)
        if part_minor:
            parts.append((index, part_minor))
            amount_minor -= part_minor
    return tuple(parts)


def returned(payment: Payment, refund: Refund, at_ms: int) -> Sources:
    """Where a refund that failed goes back to: to its sources, as they are now.

    What came from a lot that is available by now returns to the available balance.
    """
    sources = refund.sources
    pending = tuple(
        (index, amount_minor) for index, amount_minor in sources.pending if _waits(payment.lots[index], at_ms)
    )
    passed_minor = sources.pending_minor - sum([amount_minor for _, amount_minor in pending])
    return Sources(pending, sources.available_minor + passed_minor, sources.owed_minor)


def with_pending(payment: Payment, parts: Sequence[tuple[int, int]], sign: int) -> Payment:
    """The payment with these parts added to (sign 1) or taken from (-1) its lots."""
    lots = list(payment.lots)
    for index, amount_minor in parts:
        left_minor = lots[index].pending_minor + sign * amount_minor
        assert left_minor >= 0, f"more is taken from {lots[index].lot_id} than is pending"
        lots[index] = replace(lots[index], pending_minor=left_minor)
    return replace(payment, lots=tuple(lots))


def with_refund(payment: Payment, refund: Refund) -> Payment:
    """The payment with a refund as it is now."""
    others = [one for one in payment.refunds if one.refund_id != refund.refund_id]
    return replace(payment, refunds=(*others, refund))


def _waits(lot: Lot, at_ms: int) -> bool:
    return not lot.is_available and at_ms < lot.available_at_ms
