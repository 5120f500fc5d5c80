"""What is known of a payment: its terms and its operations; amounts and status follow from them."""

from collections.abc import Iterable
from typing import Final, Literal

from msgspec import Struct

from schemas.envelope import WALL_CLOCK, Mode
from schemas.payments import (
    CaptureMethod,
    OperationKind,
    PaymentMethod,
    PaymentNotes,
    PaymentStatus,
    RefundCause,
    RefundStatus,
    VoidReason,
)

OperationStatus = Literal[
    "reserving", "requested", "postponed", "requires_action", "unknown", "review", "succeeded", "failed"
]
OPEN: Final = frozenset({"reserving", "requested", "postponed", "requires_action", "unknown", "review"})
"""Statuses in which the provider may still move, or may have moved, money."""
AssessmentStatus = Literal["requested", "review", "allowed", "blocked"]

AUTHORIZING: Final = frozenset({"authorize", "sale"})
HOLDING: Final = frozenset({"authorize", "sale", "capture", "void"})
"""Kinds that change what is held; while one of them is open, an expiry waits."""


class Operation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing the provider is asked to do, with all its calls and queries.

    is_late: it succeeded after we had given up on it. is_answered: its command has its result.
    contradiction: the provider said two things about an ended operation; an operator looks at it.
    """

    operation_id: str
    kind: OperationKind
    amount_minor: int
    provider: str
    requested_at_ms: int
    not_after_ms: int
    status: OperationStatus = "requested"
    call_attempt: int = 0
    queries: int = 0
    due_at_ms: int | None = None
    command_id: str | None = None
    original_ref: str | None = None
    provider_ref: str | None = None
    payment_method: PaymentMethod | None = None
    void_reason: VoidReason | None = None
    refund_cause: RefundCause | None = None
    refund_reason: str | None = None
    code: str | None = None
    next_action_url: str | None = None
    ended_at_ms: int | None = None
    is_late: bool = False
    is_answered: bool = False
    contradiction: str | None = None

    @property
    def is_open(self) -> bool:
        """True while its outcome is not known."""
        return self.status in OPEN


class Assessment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The last attempt before any provider is called: what risk or an operator says of it.

    due_at_ms: when it ends without a word. code: the outcome of a blocked one. is_answered: its confirm
    has its result, as it was held for review.
    """

    assessment_id: str
    attempt: int
    payment_method: PaymentMethod
    not_after_ms: int
    due_at_ms: int
    status: AssessmentStatus = "requested"
    command_id: str | None = None
    code: str | None = None
    is_answered: bool = False

    @property
    def is_open(self) -> bool:
        """True while a verdict or an operator's word is awaited."""
        return self.status in ("requested", "review")


class Payment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One intent and its one payment. Amounts in minor units of `currency`, times in Unix milliseconds."""

    state_version: int = 1
    payment_key: str
    merchant_id: str
    mode: Mode
    version: int
    amount_minor: int
    currency: str
    capture_method: CaptureMethod
    fingerprint: bytes
    created_at_ms: int
    updated_at_ms: int
    clock_id: str = WALL_CLOCK
    customer_id: str | None = None
    payment_method: PaymentMethod | None = None
    notes: PaymentNotes = PaymentNotes()
    operations: tuple[Operation, ...] = ()
    assessment: Assessment | None = None
    expires_at_ms: int | None = None
    window_closes_at_ms: int | None = None
    is_canceled: bool = False
    is_expired: bool = False


def operation_index(payment: Payment, operation_id: str) -> int | None:
    """Position of an operation among the payment's operations."""
    for index, operation in enumerate(payment.operations):
        if operation.operation_id == operation_id:
            return index
    return None


def indexed(payment: Payment, operation_id: str) -> int:
    """Position of an operation that is there."""
    index = operation_index(payment, operation_id)
    assert index is not None, f"no operation {operation_id}"
    return index


def attempts(payment: Payment) -> list[Operation]:
    """The authorizations and sales, one per confirm, in order."""
    return [operation for operation in payment.operations if operation.kind in AUTHORIZING]


def open_operations(payment: Payment, kinds: frozenset[str]) -> list[Operation]:
    """Operations of these kinds whose outcome is not known."""
    return [operation for operation in payment.operations if operation.kind in kinds and operation.is_open]


def authorization(payment: Payment) -> Operation | None:
    """The authorization or sale that counts: the one that succeeded in time, else late, else the last."""
    made = attempts(payment)
    succeeded = [operation for operation in made if operation.status == "succeeded"]
    in_time = [operation for operation in succeeded if not operation.is_late]
    counting = in_time or succeeded or made
    return counting[-1] if counting else None


def authorized_minor(payment: Payment) -> int:
    """Everything issuers granted us, held or taken."""
    return _succeeded(payment.operations, AUTHORIZING)


def captured_minor(payment: Payment) -> int:
    """Everything taken from the customer."""
    return _succeeded(payment.operations, frozenset({"sale", "capture"}))


def refunded_minor(payment: Payment) -> int:
    """Everything given back to the customer."""
    return _succeeded(payment.operations, frozenset({"refund"}))


def held_minor(payment: Payment) -> int:
    """What is authorized and neither captured nor released."""
    if payment.is_expired:
        return 0
    released = _succeeded(payment.operations, frozenset({"void"}))
    return authorized_minor(payment) - captured_minor(payment) - released


def refundable_minor(payment: Payment) -> int:
    """What is captured and neither refunded nor being refunded."""
    refunds = (operation for operation in payment.operations if operation.kind == "refund")
    return captured_minor(payment) - sum(
        refund.amount_minor for refund in refunds if refund.status != "failed"
    )


def payment_status(payment: Payment) -> PaymentStatus:
    """The status by precedence: doubt about an answer, money taken, money held, then the last attempt."""
    if any(operation.status == "review" or operation.contradiction for operation in payment.operations):
        return PaymentStatus.IN_REVIEW
    if payment.is_canceled:
        return PaymentStatus.CANCELED
    if captured_minor(payment):
        return _captured_status(payment)
    if any(operation.status == "unknown" for operation in open_operations(payment, HOLDING)):
        return PaymentStatus.UNKNOWN
    if payment.is_expired:
        return PaymentStatus.EXPIRED
    if held_minor(payment):
        return PaymentStatus.AUTHORIZED
    if authorized_minor(payment):
        return PaymentStatus.VOIDED
    return _unauthorized_status(payment)


def refund_status(refund: Operation) -> RefundStatus:
    """The status of one refund."""
    match refund.status:
        case "succeeded":
            return RefundStatus.IN_REVIEW if refund.contradiction else RefundStatus.SUCCEEDED
        case "failed":
            return RefundStatus.FAILED
        case "unknown":
            return RefundStatus.UNKNOWN
        case "review":
            return RefundStatus.IN_REVIEW
        case "reserving" | "requested" | "postponed" | "requires_action":
            return RefundStatus.PENDING


_ASSESSED: Final = {
    "requested": PaymentStatus.PENDING_AUTH,
    "review": PaymentStatus.IN_REVIEW,
    "blocked": PaymentStatus.FAILED,
}


def _captured_status(payment: Payment) -> PaymentStatus:
    refunded = refunded_minor(payment)
    if refunded >= captured_minor(payment):
        return PaymentStatus.REFUNDED
    return PaymentStatus.PARTIALLY_REFUNDED if refunded else PaymentStatus.CAPTURED


def _unauthorized_status(payment: Payment) -> PaymentStatus:
    assessment = payment.assessment
    if assessment is not None and assessment.status != "allowed":
        return _ASSESSED[assessment.status]
    last = authorization(payment)
    if last is None:
        is_ready = payment.payment_method is not None
        return PaymentStatus.REQUIRES_CONFIRMATION if is_ready else PaymentStatus.REQUIRES_PAYMENT_METHOD
    if last.status == "requires_action":
        return PaymentStatus.REQUIRES_ACTION
    return PaymentStatus.PENDING_AUTH if last.is_open else PaymentStatus.FAILED


def _succeeded(operations: Iterable[Operation], kinds: frozenset[str]) -> int:
    return sum(
        operation.amount_minor
        for operation in operations
        if operation.kind in kinds and operation.status == "succeeded"
    )
