"""What does a book know of one payment: what is held, what each sale left, and where refunds came from?"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from streams.ledger.due import Due

RefundStatus = Literal["reserved", "succeeded", "failed"]


class Hold(Struct, frozen=True, kw_only=True, array_like=True):
    """What is still held of one authorization. number: version of the book that made it.

    is_expired: its time ran out in the ledger; nothing of it is left. currency: in which the customer pays;
    empty: in the payment's own.
    """

    operation_id: str
    provider: str
    amount_minor: int
    number: int
    expires_at_ms: int | None = None
    is_expired: bool = False
    currency: str = ""


class Lot(Struct, frozen=True, kw_only=True, array_like=True):
    """What one sale brought. number: version of the book that made it.

    fee_minor, tax_minor, recovered_minor: what was deducted for good. reserve_minor: what of it is kept
    in the rolling reserve until reserve_at_ms; set_aside_minor: what was put there and is not the
    merchant's yet. pending_minor: of its net, what is not available yet and not refunded. is_available:
    its day came and it was moved; nothing returns to its pending part any more. is_fee_returned: refunds
    give their part of the fee back, as agreed when it was sold. is_by_bank: it came by a bank transfer.
    """

    lot_id: str
    provider: str
    number: int
    gross_minor: int
    fee_minor: int
    tax_minor: int
    recovered_minor: int
    set_aside_minor: int
    reserve_minor: int
    pending_minor: int
    available_at_ms: int
    reserve_at_ms: int | None = None
    is_available: bool = False
    is_fee_returned: bool = False
    is_by_bank: bool = False

    @property
    def kept_minor(self) -> int:
        """What the platform has of it. What repaid a debt is not: that much less is owed since."""
        return self.fee_minor + self.tax_minor + self.set_aside_minor


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

    @property
    def amounts(self) -> dict[str, int]:
        """The parts by the names templates add up."""
        return {
            "pending": self.pending_minor,
            "available": self.available_minor,
            "owed": self.owed_minor,
        }


class Refund(Struct, frozen=True, kw_only=True, array_like=True):
    """One refund and its sources.

    is_entered: it was given back to a wallet or in another currency, by an entry. is_by_bank: it goes by bank
    transfer; None: not known before the payment is. fee_returned_minor, tax_returned_minor: what of fees and tax
    went back with it; made_up_minor: what of that made up for a debt or a loss.
    """

    refund_id: str
    amount_minor: int
    status: RefundStatus
    sources: Sources
    is_entered: bool = False
    is_by_bank: bool | None = None
    fee_returned_minor: int = 0
    tax_returned_minor: int = 0
    made_up_minor: int = 0


class Payment(Struct, frozen=True, kw_only=True, array_like=True):
    """One payment. currency: of its first hold, or in which it is sold where what was held is exchanged.

    fee_returned_minor, tax_returned_minor: what of its fees, and of the tax on them, went back to the merchant.

    taken_back_minor: what went back by no refund of it: disputed and not won. held_currency: of its first hold.
    """

    currency: str
    holds: tuple[Hold, ...] = ()
    lots: tuple[Lot, ...] = ()
    refunds: tuple[Refund, ...] = ()
    fee_returned_minor: int = 0
    taken_back_minor: int = 0
    tax_returned_minor: int = 0
    held_currency: str = ""

    @property
    def allowance_minor(self) -> int:
        """What the platform kept of it, once any of it went back: so much of a debt is the platform's doing."""
        return self.kept_minor if self.claimed_minor else 0

    @property
    def kept_minor(self) -> int:
        """What the platform has of all its sales."""
        returned_minor = self.fee_returned_minor + self.tax_returned_minor
        return sum([lot.kept_minor for lot in self.lots]) - returned_minor

    @property
    def captured_minor(self) -> int:
        """What was taken from the customer."""
        return sum([lot.gross_minor for lot in self.lots])

    @property
    def returnable_fee_minor(self) -> int:
        """The fees of its sales that go back with refunds."""
        return sum([lot.fee_minor for lot in self.lots if lot.is_fee_returned])

    @property
    def returnable_tax_minor(self) -> int:
        """The tax on these fees, which goes back with them."""
        return sum([lot.tax_minor for lot in self.lots if lot.is_fee_returned])

    @property
    def refundable_minor(self) -> int:
        """What of its sales has not gone back and is not asked for; below zero where disputes took more."""
        return self.captured_minor - self.claimed_minor - self.taken_back_minor

    @property
    def is_by_bank(self) -> bool:
        """Whether all of it came by bank transfers, so that refunds go that way, too."""
        return bool(self.lots) and all(lot.is_by_bank for lot in self.lots)

    @property
    def claimed_minor(self) -> int:
        """What was refunded or is asked for."""
        return sum([one.amount_minor for one in self.refunds if one.status != "failed"])

    @property
    def refunded_minor(self) -> int:
        """What was given back for good."""
        return sum([one.amount_minor for one in self.refunds if one.status == "succeeded"])

    @property
    def is_sold(self) -> bool:
        """Whether there is more of it than holds, so that its currency never changes."""
        return bool(self.lots or self.refunds or self.taken_back_minor)

    def refund(self, refund_id: str) -> Refund | None:
        """The refund with this id."""
        return next((one for one in self.refunds if one.refund_id == refund_id), None)

    def lot(self, lot_id: str) -> Lot | None:
        """The lot of the sale with this id."""
        return next((one for one in self.lots if one.lot_id == lot_id), None)

    def holds_of(self, operation_id: str) -> list[Hold]:
        """The holds of the authorization with this id."""
        return [one for one in self.holds if one.operation_id == operation_id]

    def taken_from(self, provider: str, operation_id: str, currency: str) -> list[Hold]:
        """The holds an operation at a provider takes from: its own where it is an authorization, else all there."""
        there = [
            one
            for one in self.holds
            if one.provider == provider and (one.currency or self.currency) == currency
        ]
        own = [one for one in there if one.operation_id == operation_id]
        return own or there

    def held_minor(self, provider: str, operation_id: str, currency: str) -> int:
        """What is held for an operation at a provider, in a currency."""
        return sum([one.amount_minor for one in self.taken_from(provider, operation_id, currency)])

    def waits(self, payment_id: str) -> set[Due]:
        """What of it waits for its time."""
        waiting = {
            Due(lot.available_at_ms, lot.number, "lot", lot.lot_id, payment_id)
            for lot in self.lots
            if lot.pending_minor
        }
        waiting |= {
            Due(lot.reserve_at_ms, lot.number, "reserve", lot.lot_id, payment_id)
            for lot in self.lots
            if lot.reserve_minor and lot.reserve_at_ms is not None
        }
        return waiting | {
            Due(hold.expires_at_ms, hold.number, "hold", hold.operation_id, payment_id)
            for hold in self.holds
            if hold.amount_minor and hold.expires_at_ms is not None
        }


def released(payment: Payment, provider: str, operation_id: str, amount_minor: int, currency: str) -> Payment:
    """The payment with so much less held for an operation at a provider in a currency, of its oldest holds first.

    A hold of which nothing is left is forgotten.
    """
    holds, taken_from = [], payment.taken_from(provider, operation_id, currency)
    for hold in payment.holds:
        part_minor = min(amount_minor, hold.amount_minor) if hold in taken_from else 0
        amount_minor -= part_minor
        if part_minor == 0 or part_minor < hold.amount_minor:
            holds.append(replace(hold, amount_minor=hold.amount_minor - part_minor))
    assert amount_minor == 0, f"more is released at {provider} than is held"
    return replace(payment, holds=tuple(holds))


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


def with_lot(payment: Payment, lot_id: str, **changes: int | bool) -> Payment:
    """The payment with one of its lots changed."""
    lots = tuple([replace(lot, **changes) if lot.lot_id == lot_id else lot for lot in payment.lots])
    return replace(payment, lots=lots)


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
