"""What do the events of one payment add up to: summed here, without any code of the deciders."""

from typing import Final

from schemas.envelope import Body
from schemas.payments import (
    AuthorizationRequested,
    CaptureRequested,
    OperationFailed,
    OperationHeldForReview,
    OperationPostponed,
    OperationRequested,
    OperationResolved,
    OperationRetried,
    OperationReviewed,
    OperationUnknown,
    PaymentBlocked,
    PaymentExpired,
    PaymentHeldForReview,
    PaymentIntentCanceled,
    PaymentIntentCreated,
    PaymentRequiresAction,
    PaymentReviewed,
    RefundFailed,
    RefundRequested,
    RefundReserved,
    RiskAssessmentRequested,
    VoidRequested,
)

OPEN: Final = frozenset({"reserving", "requested", "postponed", "requires_action", "unknown", "in_review"})
"""Statuses in which the provider may still act, or may have acted."""
HOLDING: Final = frozenset({"authorize", "sale", "capture", "void"})
"""Kinds that change what is held."""


class OperationHistory:
    """One operation. moved_minor: what the provider confirmed. calls: under how many keys it was asked.

    cause: reason of a void or cause of a refund. version: of the payment at its last change.
    is_contested: the provider contradicted itself and no operator has settled it.
    """

    __slots__ = (
        "amount_minor",
        "calls",
        "cause",
        "is_contested",
        "is_reversed",
        "kind",
        "moved_minor",
        "operation_id",
        "status",
        "version",
    )

    def __init__(
        self, operation_id: str, kind: str, amount_minor: int, cause: str | None, *, status: str
    ) -> None:
        self.operation_id = operation_id
        self.kind = kind
        self.amount_minor = amount_minor
        self.cause = cause
        self.status = status
        self.calls = 1
        self.moved_minor = 0
        self.version = 0
        self.is_contested = False
        self.is_reversed = False

    @property
    def is_open(self) -> bool:
        """True while nobody knows how it ended."""
        return self.status in OPEN


class PaymentHistory:
    """One payment up to an event: its operations, and the amounts in minor units that moved.

    is_past_window: its hold ended by the scheme's rules, without the provider's word.
    attempt, assessment: number of the last attempt, and how risk stands to it: `requested`, `review`,
    `allowed` or `blocked`; `approved` when an operator let it go on.
    """

    __slots__ = (
        "assessment",
        "attempt",
        "authorized_minor",
        "captured_minor",
        "currency",
        "is_canceled",
        "is_past_window",
        "key",
        "last_offset",
        "operations",
        "refunded_minor",
        "released_minor",
        "version",
    )

    def __init__(self, key: str) -> None:
        self.key = key
        self.version = 0
        self.last_offset = -1
        self.currency = ""
        self.authorized_minor = self.captured_minor = self.refunded_minor = self.released_minor = 0
        self.is_canceled = self.is_past_window = False
        self.attempt, self.assessment = 0, ""
        self.operations: dict[str, OperationHistory] = {}

    @property
    def payment_id(self) -> str:
        """The id of the payment."""
        return f"pay_{self.key}"

    @property
    def held_minor(self) -> int:
        """What is authorized and neither taken nor released."""
        if self.is_past_window:
            return 0
        return self.authorized_minor - self.captured_minor - self.released_minor

    def open_kinds(self) -> set[str]:
        """Kinds of the operations that have not ended."""
        return {operation.kind for operation in self.operations.values() if operation.is_open}

    def named(self, body: Body) -> OperationHistory | None:
        """The operation an event is about, if it was requested before."""
        return self.operations.get(getattr(body, "operation_id", None) or "")

    def add(self, body: Body, version: int, offset: int) -> None:
        """Take the next event in. An operation nobody requested is left alone; the transitions tell of it."""
        self.version, self.last_offset = version, offset
        match body:
            case PaymentIntentCreated():
                self.currency = body.currency
            case PaymentIntentCanceled():
                self.is_canceled = True
            case RiskAssessmentRequested():
                self.attempt, self.assessment = body.attempt, "requested"
            case PaymentHeldForReview():
                self.assessment = "review"
            case PaymentReviewed():
                self.assessment = "approved" if body.decision == "approve" else "declined"
            case PaymentBlocked():
                self.assessment = "blocked"
            case OperationRequested():
                self.operations[body.operation_id] = _requested(body)
                if isinstance(body, AuthorizationRequested):
                    self.assessment = "allowed"
            case PaymentExpired(operation_id=None):
                self.is_past_window = True
        operation = self.named(body)
        if operation is not None:
            self._change(operation, body)
            operation.version = version

    def _change(self, operation: OperationHistory, body: Body) -> None:
        match body:
            case OperationResolved() | PaymentExpired():
                self._move(operation, body)
            case OperationFailed():
                self._take_back(operation, body)
            case RefundReserved():
                operation.status = "requested"
            case PaymentRequiresAction():
                operation.status = "requires_action"
            case OperationUnknown():
                operation.status = "unknown"
            case OperationPostponed():
                operation.status = "postponed"
            case OperationRetried():
                operation.status, operation.calls = "requested", body.call_attempt + 1
            case OperationHeldForReview():
                operation.is_contested = True
                if operation.is_open:
                    operation.status = "in_review"
            case OperationReviewed():
                operation.is_contested = False

    def _move(self, operation: OperationHistory, body: OperationResolved | PaymentExpired) -> None:
        amount_minor = body.amount_minor
        operation.status, operation.moved_minor, operation.is_contested = "succeeded", amount_minor, False
        match operation.kind:
            case "authorize":
                self.authorized_minor += amount_minor
            case "sale":
                self.authorized_minor += amount_minor
                self.captured_minor += amount_minor
            case "capture":
                self.captured_minor += amount_minor
            case "void":
                self.released_minor += amount_minor
            case "refund":
                self.refunded_minor += amount_minor

    def _take_back(self, operation: OperationHistory, body: OperationFailed) -> None:
        if isinstance(body, RefundFailed) and body.reversed:
            self.refunded_minor -= operation.moved_minor
            operation.is_reversed = True
        operation.status, operation.moved_minor, operation.is_contested = "failed", 0, False


def _requested(body: OperationRequested) -> OperationHistory:
    kind, cause, status = "", None, "requested"
    match body:
        case AuthorizationRequested():
            kind = body.kind
        case CaptureRequested():
            kind = "capture"
        case VoidRequested():
            kind, cause = "void", body.reason
        case RefundRequested():
            kind, cause = "refund", body.cause
            status = "reserving" if body.cause == "requested" else status
    assert kind, f"{type(body).__name__} starts an operation of no kind"
    return OperationHistory(body.operation_id, kind, body.amount_minor, cause, status=status)


def moves_money(body: Body) -> bool:
    """True for events after which the amounts may differ."""
    return isinstance(body, OperationResolved | PaymentExpired | RefundFailed)
