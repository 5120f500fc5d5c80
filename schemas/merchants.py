"""What is said about merchants, operators and the API keys by which they are known."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.envelope import Body, Code, CommandRefused, Identifier, PersonalText

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
    """Register a merchant and its first secret key."""

    profile: Profile
    api_key: ApiKey


class CreateOperator(Body, frozen=True, kw_only=True):
    """Register a person or program that runs the platform."""

    profile: Profile
    role: OperatorRole
    api_key: ApiKey


Command = CreateMerchant | CreateOperator


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


AggregateEvent = MerchantCreated | OperatorCreated
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
