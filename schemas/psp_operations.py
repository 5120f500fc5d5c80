"""What does a provider's operation object say in our words: the one reading of answers, queries and callbacks."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from schemas.envelope import Code, Identifier
from schemas.outcomes import DECLINE_CODES, GENERIC_DECLINE
from schemas.payments import OperationKind, Url
from schemas.psp import ResultOutcome

_Minor = Annotated[int, Meta(ge=0)]


class OperationMetadata(Struct, frozen=True, kw_only=True):
    """What we attach to a call and the provider gives back: whose operation it is.

    call_attempt: 0, 1, ...; with the operation id it makes the idempotency key of the call.
    """

    operation_id: Identifier
    call_attempt: Annotated[str, Meta(pattern=r"^\d{1,4}\Z", extra={"personal": False})]
    provider: Code


class NextAction(Struct, frozen=True, kw_only=True):
    """Where the customer has to act, and until when."""

    type: Literal["redirect"]
    url: Url
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


class OperationObject(Struct, frozen=True, kw_only=True):
    """An operation as the provider shows it; fields we do not use are ignored."""

    operation: OperationKind
    status: Literal["succeeded", "declined", "requires_action"]
    amount_minor: _Minor
    currency: Code
    provider_ref: Identifier
    decline_code: Code | None = None
    next_action: NextAction | None = None


class ProviderStatement(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was learned from the provider about one call; the fields mean what OperationResult says."""

    outcome: ResultOutcome
    provider_ref: Identifier | None = None
    amount_minor: int | None = None
    currency: Code | None = None
    code: Code | None = None
    next_action_url: Url | None = None
    action_expires_at_ms: int | None = None


def statement_of(operation: OperationObject) -> ProviderStatement:
    """What the object states. A decline code we do not know is a generic decline."""
    statement = ProviderStatement(
        outcome=operation.status,
        provider_ref=operation.provider_ref,
        amount_minor=operation.amount_minor,
        currency=operation.currency,
    )
    if operation.status == "declined":
        return msgspec.structs.replace(statement, code=_decline_code(operation.decline_code))
    if operation.status == "requires_action":
        return _waiting_for_customer(statement, operation.next_action)
    return statement


def _decline_code(code: str | None) -> str:
    return code if code in DECLINE_CODES else GENERIC_DECLINE


def _waiting_for_customer(statement: ProviderStatement, action: NextAction | None) -> ProviderStatement:
    if action is None:
        # Somebody has to act and nobody is told where: all we know is that it has no end yet.
        return ProviderStatement(outcome="unknown", code="next_action_missing")
    expires_at_ms = None if action.expires_at is None else round(action.expires_at.timestamp() * 1000)
    return msgspec.structs.replace(statement, next_action_url=action.url, action_expires_at_ms=expires_at_ms)
