"""How does an operator create an account, and how does a retry get the same secret again?"""

import base64
import hashlib
import hmac
from typing import Literal

from api.answers import Answer
from api.calls import Call
from api.requests_log import NOBODY
from api.results import result_answer
from api.services import Services
from schemas import ids, topics
from schemas.api import Reply, View
from schemas.envelope import Mode
from schemas.merchants import AccountView, CreateMerchant, CreateOperator
from schemas.rendering import rfc3339

_PARAMS = {"profile": "display_name", "role": "role", "terms": "terms"}


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

    def body(view: View) -> tuple[object, int]:
        assert isinstance(view, AccountView), "a created account is shown"
        created_at = rfc3339(view.created_at_ms)
        return {**shown, "key_id": view.key_id, "created_at": created_at}, view.version

    return result_answer(reply, account_id, body, params=_PARAMS, headers={"Cache-Control": "no-store"})
