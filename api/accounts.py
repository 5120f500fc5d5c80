"""How does an operator create an account, and how does a retry get the same secret again?"""

import base64
import hashlib
import hmac
from typing import Literal

from msgspec import Struct

from api.answers import REPLAYED_HEADER, Answer, to_json
from api.calls import Call
from api.problems import Problem
from api.requests_log import NOBODY
from api.services import Services
from schemas import ids, topics
from schemas.api import Reply
from schemas.envelope import Mode
from schemas.merchants import AccountView, CreateMerchant, CreateOperator
from schemas.outcomes import Outcome
from schemas.rendering import rfc3339

_PARAMS = {"profile": "display_name", "role": "role", "terms": "terms"}


class PendingAccount(Struct, frozen=True, kw_only=True):
    """An account that is being created; a repeat with the same idempotency key tells its key."""

    object: str = "pending"
    object_id: str


def derived_secret(call: Call, prefix: Literal["sk", "op"], mode: Mode, key: str) -> str:
    """The secret key of what is created under idempotency key `key`: 32 bytes in 43 characters.

    It is derived from the operator's own secret, so that a retry shows the same key although no one
    stores it; who has neither the operator's secret nor the answer cannot tell it from random bytes.
    """
    material = derived_bytes(call, key)
    return f"{prefix}_{mode}_{base64.urlsafe_b64encode(material).rstrip(b'=').decode()}"


def derived_bytes(call: Call, key: str) -> bytes:
    """32 bytes that follow from the caller's secret, the route and the idempotency key."""
    return hmac.new(call.secret_key.encode(), f"{call.route}\0{key}".encode(), hashlib.sha256).digest()


async def created(
    services: Services, call: Call, command: CreateMerchant | CreateOperator, *, account_id: str
) -> Reply | None:
    """Create the account `account_id` and wait until it is committed; None: no result in time."""
    assert call.idempotency_key is not None, "an account is created under an idempotency key"
    command_id = ids.command_id(
        mode=call.mode,
        merchant=NOBODY,
        route=call.route,
        target=account_id,
        idempotency_key=call.idempotency_key,
    )
    key = ids.key_of(account_id)
    assert key is not None, f"{account_id} is no account id"
    return await services.commands.ask(
        call, topics.MERCHANTS_COMMANDS, command, key=key, command_id=command_id, merchant_id=account_id
    )


def account_answer(reply: Reply | None, account_id: str, shown: dict[str, str]) -> Answer:
    """The answer to a creation: `shown` once it is committed. Raises Problem for refusals."""
    headers = {"Cache-Control": "no-store"}
    if reply is None:
        return Answer(
            outcome=Outcome.PENDING,
            body=to_json(PendingAccount(object_id=account_id)),
            headers={**headers, "Retry-After": "1"},
            object_id=account_id,
        )
    outcome = Outcome.numbered(reply.outcome)
    if outcome.value.error_type is not None:
        differing = [_PARAMS.get(name, "idempotency_key") for name in reply.differing]
        detail = f"differing parameters: {', '.join(differing)}" if differing else None
        raise Problem(outcome, detail, param=differing[0] if differing else None)
    view = reply.view
    assert isinstance(view, AccountView), "a created account is shown"
    if reply.replayed:
        headers[REPLAYED_HEADER] = "true"
    return Answer(
        outcome=outcome,
        body=to_json({**shown, "key_id": view.key_id, "created_at": rfc3339(view.created_at_ms)}),
        headers=headers,
        object_id=account_id,
        object_version=view.version,
        is_replayed=reply.replayed,
    )
