"""P3: do the events of a payment follow one another as they may? A table of its own, no decider's code.

An attempt goes requested -> allowed | blocked, by way of review, and only an allowed one reaches a
provider. A refund somebody asked for is reserved before it is requested of the provider.
An operation goes requested -> succeeded | failed, by way of postponed, requires_action, unknown and
in_review. A success after a failure must say that it is late; only a refund may fail after it succeeded.
"""

from collections.abc import Mapping
from typing import Final

from ops.verify.history import HOLDING, OPEN, OperationHistory, PaymentHistory
from ops.verify.report import Finding, Invariant
from schemas.envelope import Body
from schemas.payments import (
    AuthorizationRequested,
    CaptureRequested,
    OperationFailed,
    OperationResolved,
    OperationReviewed,
    PaymentBlocked,
    PaymentExpired,
    PaymentHeldForReview,
    PaymentIntentCanceled,
    PaymentIntentCreated,
    PaymentReviewed,
    RefundFailed,
    RefundRequested,
    RiskAssessmentRequested,
    VoidRequested,
)

_ENDED: Final = frozenset({"succeeded", "failed"})

MOVES: Final[Mapping[str, frozenset[str]]] = {
    "PaymentRequiresAction": frozenset({"requested", "postponed", "unknown"}),
    "OperationUnknown": frozenset({"requested"}),
    "OperationQueried": frozenset({"unknown", "requires_action"}),
    "OperationPostponed": frozenset({"requested", "unknown", "requires_action"}),
    "OperationRetried": frozenset({"postponed"}),
    "RefundReserved": frozenset({"reserving"}),
    "RefundReservationRepeated": frozenset({"reserving"}),
    "OperationHeldForReview": (OPEN | _ENDED) - {"in_review"},
    "OperationReviewed": _ENDED,
}
"""Event that moves an operation: the statuses it may come from."""

ENDS: Final[Mapping[tuple[str, str | None], frozenset[str]]] = {
    ("authorize", None): frozenset({"PaymentAuthorized", "PaymentFailed"}),
    ("sale", None): frozenset({"PaymentCaptured", "PaymentFailed"}),
    ("capture", None): frozenset({"PaymentCaptured", "CaptureFailed"}),
    ("void", "requested"): frozenset({"PaymentVoided", "VoidFailed"}),
    ("void", "late_success"): frozenset({"PaymentVoided", "VoidFailed"}),
    ("void", "remainder"): frozenset({"AuthorizationReleased", "VoidFailed"}),
    ("void", "expired"): frozenset({"PaymentExpired", "VoidFailed"}),
    ("refund", "requested"): frozenset({"RefundSucceeded", "RefundFailed"}),
    ("refund", "late_success"): frozenset({"RefundSucceeded", "RefundFailed"}),
}
"""Kind and cause of an operation: the events that may end it."""


class Transitions:
    """Judges each event against the payment before it."""

    def __init__(self) -> None:
        self._finding = Finding("P3", "only legal transitions")

    def event(self, before: PaymentHistory, body: Body, place: str) -> None:
        """The next event of a payment, and where it lies."""
        self._finding.checked += 1
        problem = _problem(before, body)
        if problem is not None:
            self._finding.wrong(f"{before.payment_id} at {place}: {type(body).__name__} {problem}")

    def join(self, other: "Transitions") -> None:
        """Take in what was found in another partition."""
        self._finding.add(other._finding)

    def verdict(self) -> Invariant:
        """What was found."""
        return self._finding.invariant(
            "every event of every payment was held against the table of legal moves"
        )


def _problem(before: PaymentHistory, body: Body) -> str | None:
    """Why the event may not come after these, or None."""
    if isinstance(body, PaymentIntentCreated):
        return None if before.version == 0 else "comes again"
    if before.version == 0:
        return "comes before the payment was created"
    match body:
        case PaymentIntentCanceled():
            return _problem_of_attempt(before)
        case RiskAssessmentRequested():
            return _problem_of_attempt(before) or _problem_of_number(before, body.attempt)
        case PaymentHeldForReview() | PaymentReviewed() | PaymentBlocked():
            return _problem_of_assessment(before, body)
        case AuthorizationRequested():
            return _problem_of_call(before, body)
        case CaptureRequested():
            return _problem_of_capture(before) or _problem_of_id(before, body.operation_id)
        case VoidRequested():
            return _problem_of_void(before, body) or _problem_of_id(before, body.operation_id)
        case RefundRequested():
            problem = None if before.captured_minor > 0 else "although nothing was captured"
            return problem or _problem_of_id(before, body.operation_id)
        case PaymentExpired(operation_id=None):
            return _problem_of_hold(before)
        case _:
            operation = before.named(body)
            return "is about an operation nobody requested" if operation is None else _of(operation, body)


ASSESSED: Final[Mapping[str, frozenset[str]]] = {
    "PaymentHeldForReview": frozenset({"requested"}),
    "PaymentReviewed": frozenset({"review"}),
    "PaymentBlocked": frozenset({"requested", "review", "declined"}),
    "AuthorizationRequested": frozenset({"requested", "approved"}),
}
"""Event that moves an attempt: how risk stood to it before."""


def _problem_of_assessment(
    before: PaymentHistory,
    body: PaymentHeldForReview | PaymentReviewed | PaymentBlocked | AuthorizationRequested,
) -> str | None:
    if body.attempt != before.attempt:
        return f"is about attempt {body.attempt}, the last is {before.attempt}"
    is_legal = before.assessment in ASSESSED[type(body).__name__]
    return None if is_legal else f"while risk stands at {before.assessment or 'nothing'}"


def _problem_of_call(before: PaymentHistory, body: AuthorizationRequested) -> str | None:
    problem = _problem_of_assessment(before, body) or _problem_of_id(before, body.operation_id)
    if problem is None and before.authorized_minor:
        return f"although {before.authorized_minor} is authorized already"
    return problem


def _problem_of_number(before: PaymentHistory, attempt: int) -> str | None:
    return None if attempt == before.attempt + 1 else f"is attempt {attempt} after {before.attempt}"


def _problem_of_attempt(before: PaymentHistory) -> str | None:
    if before.assessment in ("requested", "review", "approved", "declined"):
        return "while risk has not spoken"
    if before.is_canceled:
        return "although the intent is canceled"
    if before.authorized_minor:
        return f"although {before.authorized_minor} is authorized already"
    return "while an authorization has no result" if before.open_kinds() & {"authorize", "sale"} else None


def _problem_of_hold(before: PaymentHistory) -> str | None:
    if before.open_kinds() & HOLDING:
        return "while another operation on the hold has no result"
    return None if before.held_minor > 0 else "although nothing is held"


def _problem_of_capture(before: PaymentHistory) -> str | None:
    if before.captured_minor:
        return f"although {before.captured_minor} is captured already"
    return _problem_of_hold(before)


def _problem_of_void(before: PaymentHistory, body: VoidRequested) -> str | None:
    if body.reason == "late_success":
        return None if before.held_minor > 0 else "although nothing is held"
    if body.reason == "remainder":
        return _problem_of_hold(before) or (
            None if before.captured_minor else "although nothing was captured"
        )
    return _problem_of_capture(before)


def _problem_of_id(before: PaymentHistory, operation_id: str) -> str | None:
    return f"requests {operation_id} again" if operation_id in before.operations else None


def _of(operation: OperationHistory, body: Body) -> str | None:
    name = type(body).__name__
    at = f"about {operation.operation_id}, a {operation.kind} that is {operation.status}"
    if isinstance(body, OperationResolved | PaymentExpired | OperationFailed):
        if name not in ENDS[operation.kind, operation.cause]:
            return at
        return None if operation.status in _origins(operation, body) else at
    if isinstance(body, OperationReviewed) and not operation.is_contested:
        return f"{at} and not contested"
    return None if operation.status in MOVES[name] else at


def _origins(
    operation: OperationHistory, body: OperationResolved | PaymentExpired | OperationFailed
) -> frozenset[str]:
    """Statuses from which the operation may end so."""
    match body:
        case PaymentExpired():
            return OPEN | {"failed"}
        case OperationResolved():
            return frozenset({"failed"}) if body.late else OPEN
        case RefundFailed():
            return frozenset({"succeeded"}) if body.reversed else OPEN
        case _:
            return OPEN
