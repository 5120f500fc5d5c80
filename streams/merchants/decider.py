"""What follows from a command about merchants and operators: an account that exists once."""

from collections.abc import Sequence
from typing import Any, assert_never

from msgspec import Struct

from schemas.envelope import WALL_CLOCK, Message, Mode
from schemas.merchants import (
    AccountSnapshot,
    AccountView,
    AggregateEvent,
    ApiKey,
    CreateMerchant,
    CreateOperator,
    MerchantCreated,
    OperatorCreated,
    OperatorRole,
    Profile,
)
from schemas.outcomes import Outcome
from streams.core import Decision, Effect, Moment, Refused, Repeated, Resolve


class Account(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A merchant, or with an operator_role an operator, and its API key."""

    state_version: int = 1
    merchant_id: str
    mode: Mode
    version: int
    profile: Profile
    api_key: ApiKey
    fingerprint: bytes
    created_at_ms: int
    clock_id: str = WALL_CLOCK
    operator_role: OperatorRole | None = None


def decide(state: Account | None, message: Message[Any]) -> Decision[AggregateEvent]:
    """Create an account; the same creation again is a repeat, another one under its id is refused."""
    command, request = message.body, message.envelope.request
    assert request is not None, "only commands are written to merchants.commands"
    if state is not None:
        is_same = state.fingerprint == request.fingerprint
        return Repeated(Outcome.CREATED) if is_same else Refused(Outcome.IDEMPOTENCY_MISMATCH)
    match command:
        case CreateMerchant():
            return (
                MerchantCreated(
                    merchant_id=message.envelope.merchant_id,
                    profile=command.profile,
                    api_key=command.api_key,
                    fingerprint=request.fingerprint,
                ),
            )
        case CreateOperator():
            return (
                OperatorCreated(
                    operator_id=message.envelope.merchant_id,
                    profile=command.profile,
                    role=command.role,
                    api_key=command.api_key,
                    fingerprint=request.fingerprint,
                ),
            )
        case _:
            raise AssertionError(f"no command on accounts: {type(command).__name__}")


def evolve(state: Account | None, event: Message[AggregateEvent]) -> Account:
    """The account after its only event so far."""
    assert state is None and event.envelope.version == 1, "an account is created once"
    body = event.body
    match body:
        case MerchantCreated():
            account_id, operator_role = body.merchant_id, None
        case OperatorCreated():
            account_id, operator_role = body.operator_id, body.role
        case _:
            assert_never(body)
    return Account(
        merchant_id=account_id,
        mode=event.envelope.mode,
        version=1,
        profile=body.profile,
        api_key=body.api_key,
        fingerprint=body.fingerprint,
        created_at_ms=event.envelope.occurred_at_ms,
        operator_role=operator_role,
    )


def react(state: Account, event: Message[AggregateEvent]) -> Sequence[Effect]:
    """A created account is the result of its command."""
    return (Resolve(event.envelope.causation_id, Outcome.CREATED),)


def deadline_ms(state: Account) -> int | None:
    """Time alone never changes an account."""
    return None


def moment(state: Account, subject: int) -> Moment:
    """An account never changes after its creation."""
    return (state.version,)


def view(state: Account, at: Moment) -> AccountView:
    """The account as an answer shows it; never its key."""
    return AccountView(
        account_id=state.merchant_id,
        key_id=state.api_key.key_id,
        created_at_ms=state.created_at_ms,
        version=at[0],
        operator_role=state.operator_role,
        profile=state.profile,
    )


def after(state: Account) -> AccountSnapshot:
    """The account as its events show it."""
    return AccountSnapshot(
        account_id=state.merchant_id,
        key_id=state.api_key.key_id,
        created_at_ms=state.created_at_ms,
        version=state.version,
        operator_role=state.operator_role,
    )
