"""May an operation be done, and what comes of it? The provider's rules of money."""

import hashlib
from dataclasses import dataclass

from connectors.psp.simulator.book import Book
from connectors.psp.simulator.charges import Charge
from connectors.psp.simulator.entries import PENDING_ACTION, Operation, Resolution
from connectors.psp.simulator.problems import Problem, refused
from connectors.psp.simulator.requests import OperationRequest, Status, fingerprint
from connectors.psp.simulator.tokens import Behaviour, behaviour_of, decline_code

AUTHENTICATION_FAILED = "authentication_required"
AUTHENTICATION_EXPIRED = "authentication_expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the provider grants: seconds to capture an authorization in (0: for ever), seconds to act in."""

    authorization_window_s: float = 7 * 24 * 3600.0
    action_window_s: float = 900.0


def judge(
    book: Book, request: OperationRequest, *, key: str, now_ms: int, terms: Terms
) -> Operation | Problem:
    """The operation to enter in the book, or why the rules forbid it.

    Only an authorize or sale can be declined or wait for its customer; what acts on a charge either
    succeeds or is refused.
    """
    if request.payment_method is not None:
        return _charge_card(book, request, key=key, now_ms=now_ms, terms=terms)
    return _act_on_charge(book, request, key=key, now_ms=now_ms)


def resolve(pending: Operation, *, is_authenticated: bool, now_ms: int, terms: Terms) -> Resolution:
    """How a pending operation ends once its customer authenticated or failed to."""
    assert pending.status == PENDING_ACTION, pending.provider_ref
    if not is_authenticated:
        return _declined(pending, AUTHENTICATION_FAILED, now_ms)
    return Resolution(
        provider_ref=pending.provider_ref,
        status="succeeded",
        settled_at_ms=now_ms,
        expires_at_ms=_authorization_end(pending.operation, now_ms, terms),
    )


def expire(pending: Operation, now_ms: int) -> Resolution:
    """How a pending operation ends when its customer did not act in time."""
    return _declined(pending, AUTHENTICATION_EXPIRED, now_ms)


def _charge_card(book: Book, request: OperationRequest, *, key: str, now_ms: int, terms: Terms) -> Operation:
    assert request.payment_method is not None
    assert request.amount_minor is not None
    status: Status = "succeeded"
    code = action_expires_at_ms = None
    match behaviour_of(request.payment_method.token):
        case Behaviour.DECLINE:
            status, code = "declined", decline_code(request.payment_method.token)
        case Behaviour.REQUIRE_ACTION:
            status = PENDING_ACTION
            action_expires_at_ms = now_ms + round(terms.action_window_s * 1000)
    return Operation(
        provider_ref=_next_ref(book, key),
        idempotency_key=key,
        fingerprint=fingerprint(request),
        payment_reference=request.payment_reference,
        operation=request.operation,
        amount_minor=request.amount_minor,
        currency=request.currency,
        status=status,
        created_at_ms=now_ms,
        settled_at_ms=None if status == PENDING_ACTION else now_ms,
        decline_code=code,
        expires_at_ms=_authorization_end(request.operation, now_ms, terms) if status == "succeeded" else None,
        action_expires_at_ms=action_expires_at_ms,
        callback_url=request.callback_url,
        metadata=request.metadata,
    )


def _act_on_charge(book: Book, request: OperationRequest, *, key: str, now_ms: int) -> Operation | Problem:
    assert request.original_reference is not None
    charge = book.charge(request.original_reference)
    if charge is None:
        return refused("original_not_found", "original_reference names nothing that succeeded here.")
    amount_minor = charge.remaining_minor if request.amount_minor is None else request.amount_minor
    problem = _mismatch(charge, request) or _forbidden(book, charge, request, now_ms=now_ms)
    if problem is not None:
        return problem
    return Operation(
        provider_ref=_next_ref(book, key),
        idempotency_key=key,
        fingerprint=fingerprint(request),
        payment_reference=request.payment_reference,
        operation=request.operation,
        amount_minor=amount_minor,
        currency=request.currency,
        status="succeeded",
        created_at_ms=now_ms,
        settled_at_ms=now_ms,
        original_reference=request.original_reference,
        callback_url=request.callback_url,
        metadata=request.metadata,
    )


def _mismatch(charge: Charge, request: OperationRequest) -> Problem | None:
    if request.payment_reference != charge.payment_reference:
        return refused("payment_mismatch", "original_reference belongs to another payment.")
    if request.currency != charge.currency:
        return refused("currency_mismatch", f"The original is in {charge.currency}.")
    return None


def _forbidden(book: Book, charge: Charge, request: OperationRequest, *, now_ms: int) -> Problem | None:
    reference = request.original_reference
    assert reference is not None
    if request.operation == "refund":
        return _over_limit(request, book.refundable_minor(reference), "amount_exceeds_captured")
    original = book.operation(reference)
    assert original is not None, reference
    if original.operation != "authorize":
        return refused("not_an_authorization", f"Only an authorization takes a {request.operation}.")
    if charge.remaining_minor == 0:
        code = "authorization_voided" if charge.released_minor else "authorization_captured"
        return refused(code, "Nothing is left of the authorization.")
    if charge.is_expired(now_ms):
        return refused("authorization_expired", "The authorization has expired; nothing is left of it.")
    return _over_limit(request, charge.remaining_minor, "amount_exceeds_authorized")


def _over_limit(request: OperationRequest, limit_minor: int, code: str) -> Problem | None:
    if request.amount_minor is None or request.amount_minor <= limit_minor:
        return None
    return refused(code, f"At most {limit_minor} minor units are left for a {request.operation}.")


def _declined(pending: Operation, code: str, now_ms: int) -> Resolution:
    return Resolution(
        provider_ref=pending.provider_ref, status="declined", settled_at_ms=now_ms, decline_code=code
    )


def _authorization_end(operation: str, now_ms: int, terms: Terms) -> int | None:
    if operation == "sale" or terms.authorization_window_s == 0:
        return None
    return now_ms + round(terms.authorization_window_s * 1000)


def _next_ref(book: Book, key: str) -> str:
    """References are derived from the key, so that the same run gives the same book."""
    return "op_" + hashlib.sha256(f"{book.calls_under(key)}/{key}".encode()).hexdigest()[:24]
