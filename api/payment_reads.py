"""What is the newest that is known of a payment or refund, and is it new enough for the caller?"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from msgspec import UNSET

from api.answers import Answer, to_json, view_id
from api.calls import Call
from api.problems import Problem
from api.recent import V, newer
from api.services import Services
from schemas.outcomes import Outcome
from schemas.rendering import shown

_AGAIN_S: Final = 0.025


async def read_payment(services: Services, call: Call, payment_id: str) -> Answer:
    """The merchant's payment, from the database or what this process saw, whichever is newer."""
    owner = call.merchant_id
    return await _answered(
        services,
        call,
        lambda: services.queries.payment(payment_id, owner),
        lambda: services.recent.payment(payment_id, owner),
        least_version=services.recent.least_version(payment_id),
    )


async def read_refund(services: Services, call: Call, refund_id: str) -> Answer:
    """The merchant's refund, from the database or what this process saw, whichever is newer."""
    owner = call.merchant_id
    return await _answered(
        services,
        call,
        lambda: services.queries.refund(refund_id, owner),
        lambda: services.recent.refund(refund_id, owner),
    )


async def _answered(
    services: Services,
    call: Call,
    stored: Callable[[], Awaitable[V | None]],
    seen: Callable[[], V | None],
    *,
    least_version: int = 0,
) -> Answer:
    """The newest view; who was told of a version here must not be shown an older one unmarked."""
    min_version = max(_min_version(call), least_version)
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + services.settings.api_stale_wait_ms / 1000
    view, is_current = await _newest(stored, seen)
    while (0 if view is None else view.version) < min_version and loop.time() < ends_at:
        await asyncio.sleep(_AGAIN_S)
        view, is_current = await _newest(stored, seen)
    if view is None:
        raise Problem(Outcome.NOT_FOUND)
    is_stale = not is_current or view.version < min_version
    return Answer(
        outcome=Outcome.SUCCEEDED,
        body=to_json(shown(view, True if is_stale else UNSET)),
        object_id=view_id(view),
        object_version=view.version,
    )


async def _newest(
    stored: Callable[[], Awaitable[V | None]], seen: Callable[[], V | None]
) -> tuple[V | None, bool]:
    """The newest view; and False if the database, which may have a newer one, cannot be read now."""
    try:
        found = await stored()
    except Problem:
        known = seen()
        if known is None:
            raise
        return known, False
    return newer(found, seen()), True


def _min_version(call: Call) -> int:
    text = call.query("min_version").get("min_version", "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise Problem(Outcome.PARAMETER_INVALID, "a whole number", param="min_version")
    return int(text)
