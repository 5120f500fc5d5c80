"""How does an operator let another operator in?"""

from msgspec import Struct

from api import parsing
from api.accounts import account_answer, created, derived_secret
from api.answers import Answer
from api.auth import api_key_of
from api.calls import Call
from api.services import Services
from schemas import ids
from schemas.merchants import CreateOperator, OperatorRole, Profile


class CreateBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /v1/operators. role: an admin may change things, a viewer may only look."""

    display_name: parsing.Name
    role: OperatorRole
    idempotency_key: str | None = None


async def create(services: Services, call: Call) -> Answer:
    """POST /v1/operators: the operator's id and its secret key, shown only here."""
    body = parsing.parse_body(call.body, CreateBody)
    key = call.keep_key(body.idempotency_key)
    secret_key = derived_secret(call, "op", call.mode, key)
    api_key = api_key_of(secret_key)
    operator_id = ids.operator_id(cell=services.settings.cell, idempotency_key=key)
    command = CreateOperator(profile=Profile(display_name=body.display_name), role=body.role, api_key=api_key)
    reply = await created(services, call, command, account_id=operator_id)
    shown = {
        "object": "operator",
        "operator_id": operator_id,
        "display_name": body.display_name,
        "role": body.role,
        "secret_key": secret_key,
    }
    answer = account_answer(reply, operator_id, shown)
    if reply is not None:
        # The key works at once here; the reader learns of it a moment later.
        services.keys.add_operator(operator_id, api_key, body.role)
    return answer
