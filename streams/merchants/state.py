"""What is remembered of a merchant or operator: its key, its terms and its webhook endpoints."""

from collections.abc import Iterator

from msgspec import Struct

from schemas.envelope import WALL_CLOCK, Mode
from schemas.merchants import (
    AccountSnapshot,
    AccountView,
    ApiKey,
    OperatorRole,
    Profile,
    WebhookEndpointView,
)
from schemas.webhooks import MAX_ENDPOINTS
from streams.core import NO_SUBJECT, Moment

MAX_ENDPOINTS_EVER = 256
"""Endpoints of one merchant, deleted ones included: they are remembered, and the row has to stay small."""


class AccountEndpoint(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A webhook endpoint, also after its deletion. fingerprint: of the command that created it."""

    endpoint_id: str
    url: str
    event_types: tuple[str, ...]
    created_at_ms: int
    fingerprint: bytes
    is_deleted: bool = False


class Account(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A merchant, or with an operator_role an operator, and its API key.

    terms_number: of the terms that hold; 0 for operators, and for a merchant from before terms were
    recorded, which has the standard ones.
    """

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
    terms_number: int = 0
    endpoints: tuple[AccountEndpoint, ...] = ()


def endpoint_index(state: Account, endpoint_id: str) -> int | None:
    """Where in `endpoints` an endpoint is, deleted or not; None: there never was one of this id."""
    return next((index for index, one in enumerate(state.endpoints) if one.endpoint_id == endpoint_id), None)


def has_room_for_endpoint(state: Account) -> bool:
    """True if one more endpoint may be created."""
    return sum(1 for _ in _live(state)) < MAX_ENDPOINTS and len(state.endpoints) < MAX_ENDPOINTS_EVER


def moment(state: Account, subject: int) -> Moment:
    """The version, and of the endpoint at index `subject` whether it is deleted."""
    if subject == NO_SUBJECT:
        return (state.version,)
    return (state.version, subject, int(state.endpoints[subject].is_deleted))


def view(state: Account, at: Moment) -> AccountView | WebhookEndpointView:
    """The account or one of its endpoints as an answer shows it; never a key or secret."""
    match at:
        case (version, index, is_deleted):
            return _endpoint_view(state, state.endpoints[index], version, is_deleted=bool(is_deleted))
        case (version,):
            return AccountView(
                account_id=state.merchant_id,
                key_id=state.api_key.key_id,
                created_at_ms=state.created_at_ms,
                version=version,
                operator_role=state.operator_role,
                profile=state.profile,
            )
        case _:
            raise AssertionError(f"no moment of an account: {at}")


def after(state: Account) -> AccountSnapshot:
    """The account as its events show it."""
    return AccountSnapshot(
        account_id=state.merchant_id,
        key_id=state.api_key.key_id,
        created_at_ms=state.created_at_ms,
        version=state.version,
        operator_role=state.operator_role,
    )


def _live(state: Account) -> Iterator[AccountEndpoint]:
    return (one for one in state.endpoints if not one.is_deleted)


def _endpoint_view(
    state: Account, endpoint: AccountEndpoint, version: int, *, is_deleted: bool
) -> WebhookEndpointView:
    return WebhookEndpointView(
        endpoint_id=endpoint.endpoint_id,
        merchant_id=state.merchant_id,
        url=endpoint.url,
        event_types=endpoint.event_types,
        created_at_ms=endpoint.created_at_ms,
        version=version,
        is_deleted=is_deleted,
    )
