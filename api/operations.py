"""How does an operator state what became of a provider operation?"""

from msgspec import Struct

from api import parsing
from api.answers import Answer
from api.calls import Call
from api.requests_log import NOBODY
from api.services import Services
from schemas.payment_commands import ResolveOperation
from schemas.payments import Resolution


class ResolveBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /v1/operations/{id}/resolve. provider_ref: the provider's reference, if it has one."""

    resolution: Resolution
    provider_ref: parsing.Reference | None = None
    idempotency_key: str | None = None


async def resolve(services: Services, call: Call) -> Answer:
    """POST /v1/operations/{operation_id}/resolve."""
    operation_id = call.part("operation_id")
    body = parsing.parse_body(call.body, ResolveBody)
    command = ResolveOperation(
        operation_id=operation_id, resolution=body.resolution, provider_ref=body.provider_ref
    )
    scope = call.scope(body.idempotency_key, owner=NOBODY)
    key = parsing.object_key(operation_id, "auth", "cap", "void", "ref")
    return await services.payments.answer(
        call,
        command,
        key=key,
        command_id=scope.command_id(operation_id),
        # Whose payment it is, is known to the stage; operators look it up by its id.
        status_url=f"/v1/payments/pay_{key}",
        merchant_id=NOBODY,
    )
