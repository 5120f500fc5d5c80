"""P6: is no more refunded than captured, and no more captured than authorized?"""

from ops.verify.history import PaymentHistory
from ops.verify.report import Finding, Invariant
from schemas.payment_views import PaymentSnapshot


class Amounts:
    """Judges payments after every event that moves money; amounts are summed from the events."""

    def __init__(self) -> None:
        self._finding = Finding("P6", "refunded <= captured <= authorized")

    def payment(self, history: PaymentHistory, shown: PaymentSnapshot | None, place: str) -> None:
        """A payment after an event. shown: what the event itself says the payment amounts to."""
        self._finding.checked += 1
        summed = (history.authorized_minor, history.captured_minor, history.refunded_minor)
        authorized, captured, refunded = summed
        if not 0 <= refunded <= captured <= authorized:
            self._finding.wrong(
                f"{history.payment_id} at {place}: refunded {refunded}, captured {captured}, authorized {authorized}"
            )
        if shown is not None:
            told = (shown.amount_authorized, shown.amount_captured, shown.amount_refunded)
            if told != summed:
                self._finding.wrong(
                    f"{history.payment_id} at {place}: shows authorized, captured, refunded {told}, its events sum to {summed}"
                )

    def join(self, other: "Amounts") -> None:
        """Take in what was found in another partition."""
        self._finding.add(other._finding)

    def verdict(self) -> Invariant:
        """What was found."""
        return self._finding.invariant(
            "amounts summed from the events after every movement of money, and held against what the events show"
        )
