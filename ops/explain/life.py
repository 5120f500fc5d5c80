"""What is the life of one payment: everything that was asked, decided, called, posted, told and settled."""

from typing import Any, Literal

from msgspec import Struct

Context = Literal["api", "payments", "risk", "ledger", "webhooks", "reconciliation", "bank"]


class Place(Struct, frozen=True, kw_only=True):
    """The record that tells of a step."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"


class Amount(Struct, frozen=True, kw_only=True):
    """Minor units of a currency."""

    amount_minor: int
    currency: str


class Leg(Struct, frozen=True, kw_only=True):
    """One entry of a ledger transaction."""

    account_id: str
    direction: str
    phase: str
    amount: Amount


class Step(Struct, frozen=True, kw_only=True):
    """One thing that happened. at: RFC 3339, by the clock of whoever did it.

    id: of the request, event, transaction, message or file. what: one line for people. actor: who
    initiated, as `role id`; None where a record does not say. version: of the payment, book, merchant or
    reference after it. provider_ref: the provider's name for what moved. details: the rest of the record.
    """

    at: str
    context: Context
    id: str
    what: str
    place: Place
    actor: str | None = None
    version: int | None = None
    amount: Amount | None = None
    provider_ref: str | None = None
    legs: tuple[Leg, ...] = ()
    details: dict[str, Any] = {}


class Operation(Struct, frozen=True, kw_only=True):
    """What a provider was asked to do, and how it stands. moved: what it confirmed.

    idempotency_keys: one of each call, in order. queries: how often it was asked what became of the last.
    """

    operation_id: str
    kind: str
    status: str
    provider: str
    asked: Amount
    moved: Amount | None
    provider_ref: str | None
    idempotency_keys: tuple[str, ...]
    queries: int
    failure_code: str | None
    failure_proof: str | None
    conflict: str | None


class Life(Struct, frozen=True, kw_only=True):
    """A payment as it stands, and every step that led there, in order.

    as_of: everything that was on every topic then is told; None while a topic was never read to its end.
    """

    payment_id: str
    payment_intent_id: str
    merchant_id: str
    mode: str
    status: str
    version: int
    amount: Amount
    authorized: Amount
    captured: Amount
    refunded: Amount
    as_of: str | None
    operations: tuple[Operation, ...]
    steps: tuple[Step, ...]
