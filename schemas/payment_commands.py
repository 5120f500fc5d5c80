"""What is asked of payments: the commands of merchants and operators."""

from schemas.envelope import Body, Code, Identifier, PersonalText
from schemas.payments import (
    CaptureMethod,
    CustomerContext,
    PaymentMethod,
    PaymentNotes,
    Resolution,
    ReviewDecision,
)


class CreatePaymentIntent(Body, frozen=True, kw_only=True):
    """Ask for a payment of `amount_minor`; nothing moves before it is confirmed."""

    amount_minor: int
    currency: Code
    capture_method: CaptureMethod
    customer_id: Identifier | None = None
    payment_method: PaymentMethod | None = None
    notes: PaymentNotes = PaymentNotes()


class ConfirmPaymentIntent(Body, frozen=True, kw_only=True):
    """Authorize, or for automatic capture charge, with the given or the stored payment method."""

    payment_method: PaymentMethod | None = None
    context: CustomerContext = CustomerContext()


class CancelPaymentIntent(Body, frozen=True, kw_only=True):
    """Give up an intent that holds no money."""


class CapturePayment(Body, frozen=True, kw_only=True):
    """Take `amount_minor` (None: all) of what is authorized and release the rest."""

    amount_minor: int | None = None


class VoidPayment(Body, frozen=True, kw_only=True):
    """Release an authorization of which nothing is captured."""


class RefundPayment(Body, frozen=True, kw_only=True):
    """Give back `amount_minor` (None: all that is left) of what is captured."""

    amount_minor: int | None = None
    reason: PersonalText | None = None


class ReviewPayment(Body, frozen=True, kw_only=True):
    """An operator decides an attempt that risk held for review."""

    decision: ReviewDecision
    reason: PersonalText | None = None


class ResolveOperation(Body, frozen=True, kw_only=True):
    """An operator states, from the provider's own records, what became of an operation.

    succeeded or not_executed resolve an unknown one; as_booked settles a contradiction about an ended one.
    """

    operation_id: Identifier
    resolution: Resolution
    provider_ref: Identifier | None = None


Command = (
    CreatePaymentIntent
    | ConfirmPaymentIntent
    | CancelPaymentIntent
    | CapturePayment
    | VoidPayment
    | RefundPayment
    | ReviewPayment
    | ResolveOperation
)
