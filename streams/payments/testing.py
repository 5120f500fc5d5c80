"""How do tests tell the story of one payment: each word is a message the decider receives."""

from typing import Any

from schemas import payments as p
from schemas.envelope import Message
from schemas.psp import OperationResult
from schemas.settings import Settings
from schemas.testing import PAYMENT_KEY, START_MS, command, from_provider
from streams.core import Refused, Repeated
from streams.payments.app import payments
from streams.payments.state import Operation, Payment
from streams.testing import History

VISA = p.PaymentMethod(type="card", token="tok_visa")  # noqa: S106  # a test token is no secret
MINUTE = 60_000
DAY = 24 * 60 * MINUTE


class Story:
    """One payment told in short words; each word is a message the decider receives."""

    def __init__(self) -> None:
        self.history: History[Payment] = History(payments(Settings()).decider, PAYMENT_KEY)
        self.now_ms = START_MS
        self.said: Any = ()
        self._count = 0

    @property
    def state(self) -> Payment:
        assert self.history.state is not None
        return self.history.state

    @property
    def last(self) -> Operation:
        return self.state.operations[-1]

    def names(self) -> list[str]:
        """Names of the events that followed the last message, or the refusal's code."""
        if isinstance(self.said, Refused | Repeated):
            return [self.said.outcome.code]
        return [type(body).__name__ for body in self.said]

    def receive(self, message: Message[Any]) -> "Story":
        self.said = self.history.receive(message)
        return self

    def ask(self, body: Any, key: str | None = None) -> "Story":
        self._count += 1
        return self.receive(command(body, key=key or f"key-{self._count}", at_ms=self.now_ms))

    def create(
        self, amount: int = 10_000, method: str = "manual", token: p.PaymentMethod | None = VISA
    ) -> "Story":
        return self.ask(
            p.CreatePaymentIntent(
                amount_minor=amount,
                currency="USD",
                capture_method=method,  # type: ignore[arg-type]  # a test's word
                payment_method=token,
            ),
            key="create",
        )

    def confirm(self) -> "Story":
        return self.ask(p.ConfirmPaymentIntent())

    def capture(self, amount: int | None = None) -> "Story":
        return self.ask(p.CapturePayment(amount_minor=amount))

    def void(self) -> "Story":
        return self.ask(p.VoidPayment())

    def refund(self, amount: int | None = None) -> "Story":
        return self.ask(p.RefundPayment(amount_minor=amount))

    def provider(self, outcome: str, operation: Operation | None = None, **changes: Any) -> "Story":
        """The provider says `outcome` of the operation (the last one unless given)."""
        about = operation or self.last
        self._count += 1
        fields: dict[str, Any] = {
            "operation_id": about.operation_id,
            "psp_key": "psp",
            "call_attempt": about.call_attempt,
            "provider": "simulator",
            "source": "answer",
            "outcome": outcome,
            "provider_ref": f"ref-{about.operation_id}"
            if outcome in ("succeeded", "requires_action")
            else None,
            "amount_minor": about.amount_minor,
            "currency": "USD",
            "next_action_url": "https://bank.example/3ds" if outcome == "requires_action" else None,
        }
        result = OperationResult(**{**fields, **changes})
        return self.receive(from_provider(result, message_id=f"result-{self._count}", at_ms=self.now_ms))

    def wait(self, duration_ms: int) -> "Story":
        """Let time pass and its deadline, if any, come once."""
        self.now_ms += duration_ms
        self.said = self.history.elapse(self.now_ms)
        return self

    def authorized(self, amount: int = 10_000) -> "Story":
        return self.create(amount).confirm().provider("succeeded")

    def captured(self, amount: int = 10_000) -> "Story":
        return self.authorized(amount).capture().provider("succeeded")
