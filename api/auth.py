"""Who is calling: which merchant or operator does this secret key belong to?"""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Final, Literal

from api.problems import Problem
from schemas import ids
from schemas.merchants import ApiKey, Event, MerchantCreated, OperatorCreated, OperatorRole
from schemas.outcomes import Outcome

_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="millrace"'}
_MAX_KEY_CHARACTERS: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The owner of a key. principal: merchant or operator id. operator_role: None for merchants."""

    role: Literal["merchant", "operator"]
    principal: str
    key_id: str
    operator_role: OperatorRole | None = None


class KeyRing:
    """Every key the platform knows, by its hash; filled from the events that gave them out."""

    def __init__(self, *, cell: str, first_operator_sha256: str) -> None:
        self._owners: dict[str, Caller] = {}
        if first_operator_sha256:
            first = ids.operator_id(cell=cell, idempotency_key=first_operator_sha256)
            self._owners[first_operator_sha256] = Caller(
                role="operator",
                principal=first,
                key_id=key_id_of(first_operator_sha256),
                operator_role="admin",
            )

    def __len__(self) -> int:
        return len(self._owners)

    def learn(self, event: Event) -> None:
        """Take in an event of merchants.events."""
        match event:
            case MerchantCreated():
                self.add_merchant(event.merchant_id, event.api_key)
            case OperatorCreated():
                self.add_operator(event.operator_id, event.api_key, event.role)

    def add_merchant(self, merchant_id: str, key: ApiKey) -> None:
        """Let a merchant in with this key."""
        self._owners[key.key_sha256] = Caller(role="merchant", principal=merchant_id, key_id=key.key_id)

    def add_operator(self, operator_id: str, key: ApiKey, role: OperatorRole) -> None:
        """Let an operator in with this key."""
        self._owners[key.key_sha256] = Caller(
            role="operator", principal=operator_id, key_id=key.key_id, operator_role=role
        )

    def owner(self, secret_key: str) -> Caller | None:
        """The owner of a secret key, if there is one."""
        return self._owners.get(key_sha256(secret_key))


def secret_key_of(authorization: str | None) -> str:
    """The secret key in an Authorization header: Bearer, or Basic with the key as the user."""
    scheme, _, credentials = (authorization or "").partition(" ")
    secret_key = credentials.strip()
    if scheme.lower() == "basic":
        secret_key = _basic_user(secret_key)
    elif scheme.lower() != "bearer":
        secret_key = ""
    if not secret_key or len(secret_key) > _MAX_KEY_CHARACTERS or not secret_key.isascii():
        raise unauthenticated()
    return secret_key


def unauthenticated() -> Problem:
    """The refusal of a request without a key we know."""
    return Problem(Outcome.UNAUTHENTICATED, headers=_CHALLENGE)


def key_sha256(secret_key: str) -> str:
    """SHA-256 of a secret key as sent, hexadecimal: what is stored instead of it."""
    return hashlib.sha256(secret_key.encode()).hexdigest()


def key_id_of(sha256: str) -> str:
    """Id by which a key is named in logs and events."""
    return "key_" + ids.digest("key", sha256)


def api_key_of(secret_key: str) -> ApiKey:
    """A secret key as events carry it."""
    sha256 = key_sha256(secret_key)
    return ApiKey(key_id=key_id_of(sha256), key_sha256=sha256, last4=secret_key[-4:])


def _basic_user(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode("ascii").partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""
