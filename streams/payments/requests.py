"""How does an operation begin: the event that asks the provider, with its windows."""

from typing import Any

from schemas import ids
from schemas.payments import (
    AuthorizationRequested,
    CaptureRequested,
    PaymentMethod,
    RefundCause,
    RefundRequested,
    VoidReason,
    VoidRequested,
)
from streams.payments.policy import PaymentPolicy
from streams.payments.state import Operation, Payment, attempts


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

    def authorization(self, method: PaymentMethod, command_id: str | None) -> AuthorizationRequested:
        """Hold the amount or, for automatic capture, take it in one call."""
        attempt = len(attempts(self._payment)) + 1
        not_after_ms = self._now_ms + self._policy.confirm_window_ms
        return AuthorizationRequested(
            operation_id=ids.authorization_id(self._payment.payment_key, attempt),
            amount_minor=self._payment.amount_minor,
            provider=self._policy.provider,
            not_after_ms=not_after_ms,
            due_at_ms=not_after_ms + self._policy.answer_grace_ms,
            command_id=command_id,
            kind="sale" if self._payment.capture_method == "automatic" else "authorize",
            attempt=attempt,
            payment_method=method,
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
        """Give an amount of what was taken under `charged` back."""
        asked = self._asked("ref", charged, amount_minor, command_id)
        return RefundRequested(**asked, cause=cause, reason=reason)

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
