"""What can a merchant and a customer do with a payment, one step at a time?"""

from dataclasses import dataclass
from typing import Literal

from schemas.payments import CaptureMethod, ReviewDecision


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """The merchant asks for a payment. card: the token that stands for it."""

    amount_minor: int
    currency: str
    capture_method: CaptureMethod
    customer_id: str
    card: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm:
    """The customer pays. card: another than the one the payment was created with."""

    card: str | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """The merchant gives the payment up before anything moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """The merchant takes what is authorized, or a part of it."""

    amount_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Void:
    """The merchant releases what is authorized."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """The merchant gives back what is left of the capture, or a part of it."""

    amount_minor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticate:
    """The customer opens the provider's page and passes its check, or fails it."""

    passes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """An operator approves or declines what risk held."""

    decision: ReviewDecision


Action = Create | Confirm | Cancel | Capture | Void | Refund | Authenticate | Review


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """An action and how it is sent.

    after: it is done only if the last step was accepted, or only if that was refused.
    copies: how many equal requests are sent at once, under one key.
    misuse: what is asked afterwards under the same idempotency key, which has to be refused.
    expects: HTTP statuses that are no surprise.
    """

    action: Action
    after: Literal["accepted", "refused"] = "accepted"
    copies: int = 1
    misuse: Action | None = None
    expects: frozenset[int] = frozenset({200})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One payment from its arrival to its end.

    merchant: position among the demo's merchants. arrives_at_s: seconds from the start of the demo.
    """

    name: str
    merchant: int
    arrives_at_s: float
    key: str
    steps: tuple[Step, ...]
