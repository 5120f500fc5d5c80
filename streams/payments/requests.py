"""How does an attempt or operation begin: the event that asks risk, the ledger or the provider, with its windows."""

from typing import Any

from schemas import ids
from schemas.payments import (
    AuthorizationRequested,
    CaptureRequested,
    CustomerContext,
    PaymentMethod,
    RefundCause,
    RefundRequested,
    RefundReserved,
    RiskAssessmentRequested,
    VoidReason,
    VoidRequested,
)
from schemas.risk import EntityKind, RiskEntity
from streams.payments.policy import PaymentPolicy
from streams.payments.state import Assessment, Operation, Payment


class Opening:
    """Begins operations of one payment because of one message at one time.

    cause: id of the message, part of the ids of captures, voids and refunds.
    command_id: the command that waits for the result; None when the platform acts by itself.
    """

    def __init__(self, payment: Payment, policy: PaymentPolicy, *, cause: str, now_ms: int) -> None:
        self._payment = payment
        self._policy = policy
        self._cause = cause
        self._now_ms = now_ms

    def assessment(
        self, method: PaymentMethod, context: CustomerContext, command_id: str
    ) -> RiskAssessmentRequested:
        """Ask risk about the next attempt."""
        attempt = attempts_made(self._payment) + 1
        return RiskAssessmentRequested(
            assessment_id=ids.assessment_id(self._payment.payment_key, attempt),
            attempt=attempt,
            payment_method=method,
            entities=_entities(self._payment, method, context),
            decide_by_ms=self._now_ms + self._policy.gather_ms,
            not_after_ms=self._now_ms + self._policy.confirm_window_ms,
            command_id=command_id,
        )

    def authorization(
        self, allowed: Assessment, *, not_after_ms: int, command_id: str | None
    ) -> AuthorizationRequested:
        """Hold the amount or, for automatic capture, take it in one call."""
        return AuthorizationRequested(
            operation_id=ids.authorization_id(self._payment.payment_key, allowed.attempt),
            amount_minor=self._payment.amount_minor,
            provider=self._policy.provider,
            not_after_ms=not_after_ms,
            due_at_ms=not_after_ms + self._policy.answer_grace_ms,
            command_id=command_id,
            kind="sale" if self._payment.capture_method == "automatic" else "authorize",
            attempt=allowed.attempt,
            payment_method=allowed.payment_method,
        )

    def capture(self, held: Operation, amount_minor: int, command_id: str | None) -> CaptureRequested:
        """Take an amount of what `held` holds."""
        return CaptureRequested(**self._asked("cap", held, amount_minor, command_id))

    def void(
        self, held: Operation, amount_minor: int, reason: VoidReason, command_id: str | None = None
    ) -> VoidRequested:
        """Release an amount of what `held` holds."""
        return VoidRequested(**self._asked("void", held, amount_minor, command_id), reason=reason)

    def refund(
        self,
        charged: Operation,
        amount_minor: int,
        *,
        cause: RefundCause = "requested",
        reason: str | None = None,
        command_id: str | None = None,
    ) -> RefundRequested:
        """Give an amount of what was taken under `charged` back; one that was asked for is reserved first."""
        asked = self._asked("ref", charged, amount_minor, command_id)
        if cause == "requested":
            asked["due_at_ms"] = self._now_ms + self._policy.reserve_delay_ms(0)
        return RefundRequested(**asked, cause=cause, reason=reason)

    def reserved(self, refund: Operation) -> RefundReserved:
        """Ask the provider for a refund the ledger has set aside."""
        not_after_ms = self._now_ms + self._policy.operation_window_ms
        return RefundReserved(
            operation_id=refund.operation_id,
            not_after_ms=not_after_ms,
            due_at_ms=not_after_ms + self._policy.answer_grace_ms,
        )

    def _asked(
        self, prefix: str, source: Operation, amount_minor: int, command_id: str | None
    ) -> dict[str, Any]:
        """What every operation on an earlier one begins with."""
        not_after_ms = self._now_ms + self._policy.operation_window_ms
        return {
            "operation_id": ids.operation_id(prefix, self._payment.payment_key, self._cause),
            "amount_minor": amount_minor,
            "provider": source.provider,
            "not_after_ms": not_after_ms,
            "due_at_ms": not_after_ms + self._policy.answer_grace_ms,
            "original_ref": source.provider_ref,
            "command_id": command_id,
        }


def attempts_made(payment: Payment) -> int:
    """How often the intent was confirmed, whatever became of it."""
    return 0 if payment.assessment is None else payment.assessment.attempt


def _entities(payment: Payment, method: PaymentMethod, context: CustomerContext) -> tuple[RiskEntity, ...]:
    """What an attempt is counted by. Customers are the merchant's own, cards everybody's.

    In test mode all merchants share a few test tokens, so there one token is a card of its own for every
    customer, and for every payment without one.
    """
    mode, customer = payment.mode, payment.customer_id
    holder = (payment.merchant_id, customer or payment.payment_key) if mode == "test" else ()
    keys: tuple[tuple[EntityKind, str | None], ...] = (
        ("card", ids.entity_key("card", mode, method.token, *holder)),
        ("customer", customer and ids.entity_key("customer", mode, payment.merchant_id, customer)),
        ("ip", context.ip_key),
        ("device", context.device_key),
    )
    return tuple(RiskEntity(kind=kind, key=key) for kind, key in keys if key)
