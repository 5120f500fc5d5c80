"""Who sells in a demo: merchants created through the API, once per run."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from ops.demo.asks import merchant_creation
from ops.demo.client import Client
from ops.demo.errors import GaveUp, SetupRefused
from ops.demo.plan import Target

MOST_TRIES: Final = 10
_CREATED: Final = 201
_PAUSE_S: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Merchant:
    """A merchant and the key that acts for it."""

    merchant_id: str
    secret_key: str = field(repr=False)


async def created(client: Client, target: Target, *, run_id: str, count: int) -> tuple[Merchant, ...]:
    """The merchants of a run; the same run id gives the same ones. Raises SetupRefused."""
    return tuple([await _created(client, target, f"{run_id}-merchant-{number}") for number in range(count)])


async def _created(client: Client, target: Target, key: str) -> Merchant:
    ask = merchant_creation(f"Shop {key}", operator_key=target.operator_key, idempotency_key=key)
    for _ in range(MOST_TRIES):
        try:
            answer = await client.send(ask)
        except GaveUp as error:
            raise SetupRefused(f"{target.api_url} takes no requests: {error}") from error
        if answer.status == _CREATED:
            return Merchant(merchant_id=answer.told.merchant_id, secret_key=answer.told.secret_key)
        if not answer.is_pending:
            code = answer.fault.code if answer.fault else "no error"
            raise SetupRefused(
                f"POST /v1/merchants had {answer.status} {code} ({answer.request_id}); "
                "the demo needs the key of an operator with the role admin"
            )
        await asyncio.sleep(_PAUSE_S)
    raise SetupRefused(
        f"POST /v1/merchants is pending after {MOST_TRIES} tries; is the merchants stage running?"
    )
