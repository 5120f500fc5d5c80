"""How much of an authorization or sale is captured, released, refunded and still live?"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from connectors.psp.simulator.entries import Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One authorization, or one sale, which is an authorization captured at once. Minor units.

    expires_at_ms: Unix milliseconds; from then on nothing is left to capture. None is never.
    """

    payment_reference: str
    currency: str
    authorized_minor: int
    captured_minor: int = 0
    released_minor: int = 0
    refunded_minor: int = 0
    expires_at_ms: int | None = None

    def __post_init__(self) -> None:
        assert 0 <= self.refunded_minor <= self.captured_minor, self
        assert self.captured_minor + self.released_minor <= self.authorized_minor, self

    @property
    def remaining_minor(self) -> int:
        """What is neither captured nor released, expired or not."""
        return self.authorized_minor - self.captured_minor - self.released_minor

    @property
    def refundable_minor(self) -> int:
        """What is captured and not refunded."""
        return self.captured_minor - self.refunded_minor

    def is_expired(self, now_ms: int) -> bool:
        """Whether the window for captures is over."""
        return self.expires_at_ms is not None and self.expires_at_ms <= now_ms

    def live_minor(self, now_ms: int) -> int:
        """What is still held on the customer's card."""
        return 0 if self.is_expired(now_ms) else self.remaining_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What the charges of one payment amount to. Minor units."""

    authorized_live_minor: int
    captured_minor: int
    refunded_minor: int
    live_authorizations: int


def opened(operation: Operation) -> Charge:
    """The charge that a successful authorize or sale begins."""
    return Charge(
        payment_reference=operation.payment_reference,
        currency=operation.currency,
        authorized_minor=operation.amount_minor,
        captured_minor=operation.amount_minor if operation.operation == "sale" else 0,
        expires_at_ms=operation.expires_at_ms,
    )


def touched(charge: Charge, operation: Operation) -> Charge:
    """The charge after a successful capture, void or refund of it."""
    amount_minor = operation.amount_minor
    match operation.operation:
        case "capture":
            return replace(charge, captured_minor=charge.captured_minor + amount_minor)
        case "void":
            return replace(charge, released_minor=charge.released_minor + amount_minor)
        case "refund":
            return replace(charge, refunded_minor=charge.refunded_minor + amount_minor)
        case _:
            raise AssertionError(f"{operation.operation} touches no charge")


def summed(charges: Iterable[Charge], now_ms: int) -> Summary:
    """What charges amount to at a time."""
    taken = tuple(charges)
    live = [charge.live_minor(now_ms) for charge in taken]
    return Summary(
        authorized_live_minor=sum(live),
        captured_minor=sum(charge.captured_minor for charge in taken),
        refunded_minor=sum(charge.refunded_minor for charge in taken),
        live_authorizations=sum(1 for minor in live if minor > 0),
    )
