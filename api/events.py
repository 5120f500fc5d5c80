"""What has happened to a merchant's payments?"""

from msgspec import Struct

from api import parsing
from api.answers import Answer
from api.calls import Call
from api.lists import list_answer, page_of
from api.problems import Problem
from api.queries import StoredEvent
from api.services import Services
from schemas.outcomes import Outcome
from schemas.rendering import PaymentAnswer, payment_answer, rfc3339


class EventAnswer(Struct, frozen=True, kw_only=True):
    """One event. version: its position in the payment, 0 for a refusal; payment: as it was then.

    operation_id, amount, code: of the operation it is about, where there is one.
    """

    object: str = "event"
    id: str
    type: str
    created_at: str
    payment_id: str
    version: int
    request_id: str
    operation_id: str | None
    amount: int | None
    code: str | None
    payment: PaymentAnswer | None


async def list_events(services: Services, call: Call) -> Answer:
    """GET /v1/events, newest first."""
    query = call.query("limit", "starting_after", "payment_id")
    page = page_of(query)
    filters: dict[str, object] = {}
    if "payment_id" in query:
        parsing.object_key(query["payment_id"], "pay")
        filters["payment_id"] = query["payment_id"]
    if page.starting_after is not None:
        filters["starting_after"] = page.starting_after
        if not await services.queries.has_event(page.starting_after, call.merchant_id):
            raise Problem(Outcome.PARAMETER_INVALID, "you have no such event", param="starting_after")
    found = await services.queries.events(call.merchant_id, filters, page.limit + 1)
    return list_answer(call, page, [_answer(event) for event in found])


def _answer(event: StoredEvent) -> EventAnswer:
    return EventAnswer(
        id=event.event_id,
        type=event.type,
        created_at=rfc3339(event.occurred_at_ms),
        payment_id=event.payment_id,
        version=event.version,
        request_id=event.request_id,
        operation_id=event.operation_id,
        amount=event.amount_minor,
        code=event.code,
        payment=None if event.after is None else payment_answer(event.after),
    )
