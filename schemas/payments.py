"""What is said about payments: the events that follow from commands, providers and time."""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.envelope import Body, Code, CommandRefused, Identifier, PersonalText
from schemas.risk import RiskEntity

Url = Annotated[str, Meta(max_length=2048, extra={"personal": False})]
CaptureMethod = Literal["automatic", "manual"]
PaymentMethodType = Literal["card"]
OperationKind = Literal["authorize", "sale", "capture", "void", "refund"]
VoidReason = Literal["requested", "remainder", "expired", "late_success"]
RefundCause = Literal["requested", "late_success"]
Proof = Literal["answered", "not_executed", "operator", "refused_by_ledger"]
Conflict = Literal["amount_differs", "outcome_differs", "never_answered"]
Resolution = Literal["succeeded", "not_executed", "as_booked"]
ReviewDecision = Literal["approve", "decline"]


class PaymentStatus(StrEnum):
    """The status of a payment in answers and rows; derived from its amounts and operations."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    IN_REVIEW = "in_review"
    PENDING_AUTH = "pending_auth"
    UNKNOWN = "unknown"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    VOIDED = "voided"
    EXPIRED = "expired"
    FAILED = "failed"
    DISPUTED = "disputed"
    CANCELED = "canceled"


class RefundStatus(StrEnum):
    """The status of a refund."""

    PENDING = "pending"
    UNKNOWN = "unknown"
    IN_REVIEW = "in_review"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class PaymentMethod(Struct, frozen=True, kw_only=True):
    """How the customer pays; `token` stands for the card, never its number."""

    type: PaymentMethodType
    token: Annotated[
        str, Meta(min_length=5, max_length=64, pattern=r"^tok_[A-Za-z0-9_]+\Z", extra={"personal": False})
    ]


class PaymentNotes(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the merchant typed; personal, and read by nothing in the pipeline."""

    description: PersonalText | None = None
    metadata: dict[PersonalText, PersonalText] = {}


class CustomerContext(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where an attempt comes from: keys of the customer's address and device, digests of what was sent.

    The address and device themselves are personal and on no topic.
    """

    ip_key: Identifier | None = None
    device_key: Identifier | None = None


class PaymentIntentCreated(Body, frozen=True, kw_only=True):
    """A merchant asked for a payment. `fingerprint` lets a late repeat be told from another request."""

    amount_minor: int
    currency: Code
    capture_method: CaptureMethod
    fingerprint: bytes
    customer_id: Identifier | None = None
    payment_method: PaymentMethod | None = None
    notes: PaymentNotes = PaymentNotes()


class PaymentIntentCanceled(Body, frozen=True, kw_only=True):
    """The intent was given up before any money was held."""


class RiskAssessmentRequested(Body, frozen=True, kw_only=True):
    """An attempt waits for the verdict of risk before any provider is called.

    entities: what the attempt is counted by. decide_by_ms: risk decides without what it does not know
    by then. not_after_ms: when the customer waits no longer; without a verdict by then the attempt fails.
    """

    assessment_id: Identifier
    attempt: int
    payment_method: PaymentMethod
    entities: tuple[RiskEntity, ...]
    decide_by_ms: int
    not_after_ms: int
    command_id: Identifier | None = None


class PaymentHeldForReview(Body, frozen=True, kw_only=True):
    """Risk wants an operator to decide the attempt; without one by due_at_ms it fails."""

    assessment_id: Identifier
    attempt: int
    reason_code: Code
    due_at_ms: int


class PaymentReviewed(Body, frozen=True, kw_only=True):
    """An operator decided the attempt that was held."""

    assessment_id: Identifier
    attempt: int
    decision: ReviewDecision


class PaymentBlocked(Body, frozen=True, kw_only=True):
    """The attempt ended before any provider was called. code: an outcome; reason_code: of the rule."""

    assessment_id: Identifier
    attempt: int
    code: Code
    reason_code: Code


class OperationRequested(Body, frozen=True, kw_only=True):
    """Fields of every event that starts a provider operation.

    amount_minor: what the provider is asked to move, hold or release.
    due_at_ms: when the operation becomes unknown if no answer came.
    original_ref: the provider's reference of the authorization or charge it acts on.
    command_id: the command that waits for the result; None when the platform started it.
    """

    operation_id: Identifier
    amount_minor: int
    provider: Code
    not_after_ms: int
    due_at_ms: int
    original_ref: Identifier | None = None
    command_id: Identifier | None = None


class AuthorizationRequested(OperationRequested, frozen=True, kw_only=True):
    """The provider is asked to hold the amount, or (kind sale) to hold and take it in one call."""

    kind: Literal["authorize", "sale"]
    attempt: int
    payment_method: PaymentMethod


class CaptureRequested(OperationRequested, frozen=True, kw_only=True):
    """The provider is asked to take the amount from the authorization."""


class VoidRequested(OperationRequested, frozen=True, kw_only=True):
    """The provider is asked to release the amount of the authorization."""

    reason: VoidReason


class RefundRequested(OperationRequested, frozen=True, kw_only=True):
    """The provider is asked to give the amount back to the customer."""

    cause: RefundCause
    reason: PersonalText | None = None


class RefundReserved(Body, frozen=True, kw_only=True):
    """The ledger has set the amount aside; only now is the provider asked to give it back.

    A refund the platform owes is recorded in the ledger and asked of the provider at once.
    """

    operation_id: Identifier
    not_after_ms: int
    due_at_ms: int


class RefundReservationRepeated(Body, frozen=True, kw_only=True):
    """The ledger did not answer; it is asked again under the same transaction, number `repeat`."""

    operation_id: Identifier
    repeat: int
    due_at_ms: int


class OperationResolved(Body, frozen=True, kw_only=True):
    """Fields of every event by which the provider moved money. `late`: we had given up on it."""

    operation_id: Identifier
    amount_minor: int
    provider_ref: Identifier
    late: bool = False


class PaymentAuthorized(OperationResolved, frozen=True, kw_only=True):
    """The amount is held for us until expires_at_ms, and by the scheme's rules until window_closes_at_ms."""

    expires_at_ms: int
    window_closes_at_ms: int


class PaymentCaptured(OperationResolved, frozen=True, kw_only=True):
    """The amount was taken from the customer, by a capture or a sale."""


class PaymentVoided(OperationResolved, frozen=True, kw_only=True):
    """The whole authorization was released."""


class AuthorizationReleased(OperationResolved, frozen=True, kw_only=True):
    """What a partial capture left of the authorization was released."""


class PaymentExpired(Body, frozen=True, kw_only=True):
    """The authorization ended uncaptured: the provider confirmed, or the scheme's window closed."""

    amount_minor: int
    operation_id: Identifier | None = None
    provider_ref: Identifier | None = None


class RefundSucceeded(OperationResolved, frozen=True, kw_only=True):
    """The amount was given back to the customer."""


class PaymentRequiresAction(Body, frozen=True, kw_only=True):
    """The customer has to act at next_action_url before due_at_ms; then the provider is asked."""

    operation_id: Identifier
    provider_ref: Identifier
    next_action_url: Url
    due_at_ms: int


class OperationFailed(Body, frozen=True, kw_only=True):
    """Fields of every event by which an operation ended without moving money.

    code: an outcome or decline code; proof: how we know nothing moved.
    """

    operation_id: Identifier
    code: Code
    proof: Proof


class PaymentFailed(OperationFailed, frozen=True, kw_only=True):
    """An authorization or sale failed; a new confirm may try again."""


class CaptureFailed(OperationFailed, frozen=True, kw_only=True):
    """A capture failed; the authorization stands."""


class VoidFailed(OperationFailed, frozen=True, kw_only=True):
    """A void failed; the authorization stands."""


class RefundFailed(OperationFailed, frozen=True, kw_only=True):
    """A refund failed, perhaps after it had succeeded (`reversed`); the funds are with us again."""

    amount_minor: int
    reversed: bool = False


class OperationUnknown(Body, frozen=True, kw_only=True):
    """Nobody knows yet what the provider did; it is asked again at due_at_ms (query number `query`)."""

    operation_id: Identifier
    query: int
    due_at_ms: int


class OperationQueried(Body, frozen=True, kw_only=True):
    """The provider is asked what became of the operation; if no answer comes, again at due_at_ms."""

    operation_id: Identifier
    query: int
    due_at_ms: int


class OperationPostponed(Body, frozen=True, kw_only=True):
    """The provider proved that it did nothing; the call is made again at due_at_ms."""

    operation_id: Identifier
    due_at_ms: int


class OperationRetried(Body, frozen=True, kw_only=True):
    """The provider is called again under the key of call attempt `call_attempt`."""

    operation_id: Identifier
    call_attempt: int
    not_after_ms: int
    due_at_ms: int


class OperationHeldForReview(Body, frozen=True, kw_only=True):
    """The provider's answers contradict ours or never came; an operator has to resolve it."""

    operation_id: Identifier
    conflict: Conflict
    provider_ref: Identifier | None = None
    provider_amount_minor: int | None = None
    provider_currency: Code | None = None


class OperationReviewed(Body, frozen=True, kw_only=True):
    """An operator settled a contradiction about an operation that stays as it was booked."""

    operation_id: Identifier


AggregateEvent = (
    PaymentIntentCreated
    | PaymentIntentCanceled
    | RiskAssessmentRequested
    | PaymentHeldForReview
    | PaymentReviewed
    | PaymentBlocked
    | AuthorizationRequested
    | CaptureRequested
    | VoidRequested
    | RefundRequested
    | RefundReserved
    | RefundReservationRepeated
    | PaymentAuthorized
    | PaymentCaptured
    | PaymentVoided
    | AuthorizationReleased
    | PaymentExpired
    | RefundSucceeded
    | PaymentRequiresAction
    | PaymentFailed
    | CaptureFailed
    | VoidFailed
    | RefundFailed
    | OperationUnknown
    | OperationQueried
    | OperationPostponed
    | OperationRetried
    | OperationHeldForReview
    | OperationReviewed
)
Event = AggregateEvent | CommandRefused
