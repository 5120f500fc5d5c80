"""How do tests tell the story of one payment: each word is a message the decider receives."""

from typing import Any

from schemas import payment_commands as c
from schemas import payments as p
from schemas.envelope import Message
from schemas.ledger import PostingResult
from schemas.psp import OperationResult
from schemas.risk import RiskDecided, Verdict
from schemas.settings import Settings
from schemas.testing import PAYMENT_KEY, START_MS, command, envelope, from_provider
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
            c.CreatePaymentIntent(
                amount_minor=amount,
                currency="USD",
                capture_method=method,  # type: ignore[arg-type]  # a test's word
                payment_method=token,
            ),
            key="create",
        )

    def attempt(self, **context: str) -> "Story":
        """Confirm, with risk yet to speak."""
        return self.ask(c.ConfirmPaymentIntent(context=p.CustomerContext(**context)))

    def confirm(self) -> "Story":
        """Confirm, and where that led to an assessment, risk allows it at once."""
        self.attempt()
        return self.verdict("allow") if self.names() == ["RiskAssessmentRequested"] else self

    def verdict(self, verdict: Verdict, **changes: Any) -> "Story":
        """Risk decides the last attempt."""
        assessment = self.state.assessment
        assert assessment is not None, "nothing is assessed"
        self._count += 1
        fields: dict[str, Any] = {
            "assessment_id": assessment.assessment_id,
            "payment_id": f"pay_{PAYMENT_KEY}",
            "attempt": assessment.attempt,
            "amount_minor": self.state.amount_minor,
            "currency": "USD",
            "verdict": verdict,
            "reason_code": "no_rule_matched",
            "ruleset_id": "rules",
            "inputs": (),
        }
        return self._told(RiskDecided(**{**fields, **changes}), f"verdict-{self._count}")

    def ledger(self, outcome: str, refund: Operation | None = None, **changes: Any) -> "Story":
        """The ledger answers the reservation of a refund (the last operation unless given)."""
        about = refund or self.last
        self._count += 1
        code = "balance_insufficient" if outcome == "refused" else None
        fields = {
            "transaction_id": f"txn-{about.operation_id}",
            "operation_id": about.operation_id,
            "outcome": outcome,
            "code": code,
        }
        return self._told(PostingResult(**{**fields, **changes}), f"posting-{self._count}")

    def capture(self, amount: int | None = None) -> "Story":
        return self.ask(c.CapturePayment(amount_minor=amount))

    def void(self) -> "Story":
        return self.ask(c.VoidPayment())

    def refund_asked(self, amount: int | None = None) -> "Story":
        """Ask for a refund, with the ledger yet to speak."""
        return self.ask(c.RefundPayment(amount_minor=amount))

    def refund(self, amount: int | None = None) -> "Story":
        """Ask for a refund, and where that led to a reservation, the ledger sets it aside at once."""
        self.refund_asked(amount)
        return self.ledger("posted") if self.names() == ["RefundRequested"] else self

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

    def _told(self, body: Any, message_id: str) -> "Story":
        return self.receive(Message(envelope=envelope(message_id, at_ms=self.now_ms), body=body))

    def wait(self, duration_ms: int) -> "Story":
        """Let time pass and its deadline, if any, come once."""
        self.now_ms += duration_ms
        self.said = self.history.elapse(self.now_ms)
        return self

    def authorized(self, amount: int = 10_000) -> "Story":
        return self.create(amount).confirm().provider("succeeded")

    def captured(self, amount: int = 10_000) -> "Story":
        return self.authorized(amount).capture().provider("succeeded")
