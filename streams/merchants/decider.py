"""What follows from a command about merchants and operators: accounts, their terms and their endpoints."""

from collections.abc import Sequence
from typing import Any, assert_never

from msgspec.structs import replace

from schemas.envelope import Message, Request
from schemas.fingerprint import fingerprint
from schemas.merchants import (
    AggregateEvent,
    Command,
    CreateMerchant,
    CreateOperator,
    CreateWebhookEndpoint,
    DeleteWebhookEndpoint,
    MerchantCreated,
    MerchantTermsSet,
    OperatorCreated,
    SetTerms,
    WebhookEndpointCreated,
    WebhookEndpointDeleted,
)
from schemas.outcomes import Outcome
from streams.core import Decision, Effect, Refused, Repeated, Resolve
from streams.merchants.state import Account, AccountEndpoint, endpoint_index, has_room_for_endpoint


def decide(state: Account | None, message: Message[Any]) -> Decision[AggregateEvent]:
    """Create an account once; set the terms and the endpoints of one that is there."""
    command: Command = message.body
    request = message.envelope.request
    assert request is not None, "only commands are written to merchants.commands"
    if isinstance(command, CreateMerchant | CreateOperator):
        return _create(state, command, message.envelope.merchant_id, request)
    if state is None or state.operator_role is not None:
        # Only merchants have terms and endpoints.
        return Refused(Outcome.NOT_FOUND)
    match command:
        case SetTerms():
            # Number 1 came with the account, recorded or not.
            return (_terms_set(state.merchant_id, max(1, state.terms_number) + 1, command),)
        case CreateWebhookEndpoint():
            return _create_endpoint(state, command)
        case DeleteWebhookEndpoint():
            return _delete_endpoint(state, command)
        case _:
            assert_never(command)


def evolve(state: Account | None, event: Message[AggregateEvent]) -> Account:
    """The account after one more event."""
    body = event.body
    if isinstance(body, MerchantCreated | OperatorCreated):
        assert state is None and event.envelope.version == 1, "an account is created once"
        return _created(event, body)
    assert state is not None, f"{type(body).__name__} of an account that does not exist"
    changed = replace(state, version=event.envelope.version)
    match body:
        case MerchantTermsSet(number=number):
            return replace(changed, terms_number=number)
        case WebhookEndpointCreated():
            endpoint = AccountEndpoint(
                endpoint_id=body.endpoint_id,
                url=body.url,
                event_types=body.event_types,
                created_at_ms=event.envelope.occurred_at_ms,
                fingerprint=_fingerprint_of(body),
            )
            return replace(changed, endpoints=(*state.endpoints, endpoint))
        case WebhookEndpointDeleted(endpoint_id=endpoint_id):
            kept = [
                replace(one, is_deleted=True) if one.endpoint_id == endpoint_id else one
                for one in state.endpoints
            ]
            return replace(changed, endpoints=tuple(kept))
        case _:
            assert_never(body)


def react(state: Account, event: Message[AggregateEvent]) -> Sequence[Effect]:
    """Every change is the result of its command."""
    cause, body = event.envelope.causation_id, event.body
    match body:
        case MerchantCreated() | OperatorCreated():
            return (Resolve(cause, Outcome.CREATED),)
        case MerchantTermsSet(number=1):
            # The first terms come with the account, which is the result.
            return ()
        case MerchantTermsSet():
            return (Resolve(cause, Outcome.SUCCEEDED),)
        case WebhookEndpointCreated():
            return (Resolve(cause, Outcome.CREATED, _index_of(state, body.endpoint_id)),)
        case WebhookEndpointDeleted():
            return (Resolve(cause, Outcome.SUCCEEDED, _index_of(state, body.endpoint_id)),)
        case _:
            assert_never(body)


def deadline_ms(state: Account) -> int | None:
    """Time alone never changes an account."""
    return None


def _create(
    state: Account | None, command: CreateMerchant | CreateOperator, account_id: str, request: Request
) -> Decision[AggregateEvent]:
    if state is not None:
        is_same = state.fingerprint == request.fingerprint
        return Repeated(Outcome.CREATED) if is_same else Refused(Outcome.IDEMPOTENCY_MISMATCH)
    match command:
        case CreateMerchant():
            created = MerchantCreated(
                merchant_id=account_id,
                profile=command.profile,
                api_key=command.api_key,
                fingerprint=request.fingerprint,
            )
            return (created, _terms_set(account_id, 1, command))
        case CreateOperator():
            return (
                OperatorCreated(
                    operator_id=account_id,
                    profile=command.profile,
                    role=command.role,
                    api_key=command.api_key,
                    fingerprint=request.fingerprint,
                ),
            )
        case _:
            assert_never(command)


def _terms_set(merchant_id: str, number: int, command: CreateMerchant | SetTerms) -> MerchantTermsSet:
    return MerchantTermsSet(merchant_id=merchant_id, number=number, terms=command.terms)


def _create_endpoint(state: Account, command: CreateWebhookEndpoint) -> Decision[AggregateEvent]:
    index = endpoint_index(state, command.endpoint_id)
    created = WebhookEndpointCreated(
        endpoint_id=command.endpoint_id,
        url=command.url,
        event_types=command.event_types,
        sealed_secret=command.sealed_secret,
    )
    if index is not None:
        is_same = state.endpoints[index].fingerprint == _fingerprint_of(created)
        return Repeated(Outcome.CREATED, index) if is_same else Refused(Outcome.IDEMPOTENCY_MISMATCH)
    if not has_room_for_endpoint(state):
        return Refused(Outcome.TOO_MANY_ENDPOINTS)
    return (created,)


def _delete_endpoint(state: Account, command: DeleteWebhookEndpoint) -> Decision[AggregateEvent]:
    index = endpoint_index(state, command.endpoint_id)
    if index is None:
        return Refused(Outcome.NOT_FOUND)
    if state.endpoints[index].is_deleted:
        return Repeated(Outcome.SUCCEEDED, index)
    return (WebhookEndpointDeleted(endpoint_id=command.endpoint_id),)


def _created(event: Message[AggregateEvent], body: MerchantCreated | OperatorCreated) -> Account:
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


def _fingerprint_of(endpoint: WebhookEndpointCreated) -> bytes:
    """The same for every endpoint created alike; of the event, so that a fold finds it too."""
    return fingerprint(endpoint)


def _index_of(state: Account, endpoint_id: str) -> int:
    index = endpoint_index(state, endpoint_id)
    assert index is not None, f"an event about the endpoint {endpoint_id} that does not exist"
    return index
