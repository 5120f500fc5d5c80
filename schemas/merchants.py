"""What is said about merchants, operators and the API keys by which they are known."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.envelope import Body, Code, CommandRefused, Identifier, PersonalText, Sealed
from schemas.ledger import Terms
from schemas.payments import Url

KeyHash = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z", extra={"personal": False})]
OperatorRole = Literal["admin", "viewer"]


class ApiKey(Struct, frozen=True, kw_only=True):
    """A secret key as we know it: SHA-256 of the 256 random bits, never the key itself."""

    key_id: Identifier
    key_sha256: KeyHash
    last4: Code


class Profile(Struct, frozen=True, kw_only=True):
    """What names a merchant; personal, as it may name a person."""

    display_name: PersonalText


class CreateMerchant(Body, frozen=True, kw_only=True):
    """Register a merchant, its first secret key and its terms."""

    profile: Profile
    api_key: ApiKey
    terms: Terms = Terms()


class CreateOperator(Body, frozen=True, kw_only=True):
    """Register a person or program that runs the platform."""

    profile: Profile
    role: OperatorRole
    api_key: ApiKey


class SetTerms(Body, frozen=True, kw_only=True):
    """From now on other terms hold for a merchant."""

    terms: Terms


class CreateWebhookEndpoint(Body, frozen=True, kw_only=True):
    """Send the merchant's events of these types (`*`: all) to a URL.

    sealed_secret: what they are signed with, openable with the sealing key only; sealing is
    deterministic, so a repeat of the command is the same command.
    """

    endpoint_id: Identifier
    url: Url
    event_types: tuple[Code, ...]
    sealed_secret: Sealed


class DeleteWebhookEndpoint(Body, frozen=True, kw_only=True):
    """Send no more events to an endpoint."""

    endpoint_id: Identifier


Command = CreateMerchant | CreateOperator | SetTerms | CreateWebhookEndpoint | DeleteWebhookEndpoint


class MerchantCreated(Body, frozen=True, kw_only=True):
    """A merchant exists and may use its key."""

    merchant_id: Identifier
    profile: Profile
    api_key: ApiKey
    fingerprint: bytes


class OperatorCreated(Body, frozen=True, kw_only=True):
    """An operator exists and may use its key."""

    operator_id: Identifier
    profile: Profile
    role: OperatorRole
    api_key: ApiKey
    fingerprint: bytes


class MerchantTermsSet(Body, frozen=True, kw_only=True):
    """These terms hold for the merchant from now on; number 1, 2, ..."""

    merchant_id: Identifier
    number: int
    terms: Terms


class WebhookEndpointCreated(Body, frozen=True, kw_only=True):
    """The merchant's events of these types (`*`: all) go to this URL."""

    endpoint_id: Identifier
    url: Url
    event_types: tuple[Code, ...]
    sealed_secret: Sealed


class WebhookEndpointDeleted(Body, frozen=True, kw_only=True):
    """No more events go to the endpoint."""

    endpoint_id: Identifier


AggregateEvent = (
    MerchantCreated | OperatorCreated | MerchantTermsSet | WebhookEndpointCreated | WebhookEndpointDeleted
)
Event = AggregateEvent | CommandRefused


class AccountSnapshot(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A merchant or operator after an event; operator_role tells which."""

    account_id: Identifier
    key_id: Identifier
    created_at_ms: int
    version: int
    operator_role: OperatorRole | None = None


class AccountView(
    AccountSnapshot, frozen=True, kw_only=True, omit_defaults=True, tag="account", tag_field="object"
):
    """A merchant or operator as an answer shows it."""

    profile: Profile


class WebhookEndpointView(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag="webhook_endpoint", tag_field="object"
):
    """A webhook endpoint as an answer shows it; never its secret."""

    endpoint_id: Identifier
    merchant_id: Identifier
    url: Url
    event_types: tuple[Code, ...]
    created_at_ms: int
    version: int
    is_deleted: bool = False
