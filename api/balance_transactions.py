"""What changed a merchant's balance, and by how much?"""

import re
from typing import Final

from msgspec import Struct

from api import parsing
from api.answers import Answer, to_json
from api.calls import Call
from api.ledger_queries import BalanceTransaction
from api.lists import list_answer, page_of
from api.problems import Problem
from api.queries import time_answer, unix_ms
from api.services import Services
from schemas.outcomes import Outcome

_TYPE: Final = re.compile(r"[a-z][a-z_]{1,63}\Z")


class BalanceTransactionAnswer(Struct, frozen=True, kw_only=True):
    """One change of what the merchant owns.

    amount: gross, below zero where the merchant paid. fee: what of it the platform kept, tax included.
    net: amount less fee. type: the entry template. source: what it is about. status: pending until
    available_on.
    """

    object: str = "balance_transaction"
    id: str
    type: str
    source: str
    payment_id: str | None
    payout_id: str | None
    amount: int
    fee: int
    net: int
    currency: str
    available_on: str
    status: str
    created_at: str


async def list_transactions(services: Services, call: Call) -> Answer:
    """GET /v1/balance_transactions, newest first."""
    query = call.query(
        "limit", "starting_after", "type", "currency", "payment_id", "created_after", "created_before"
    )
    page = page_of(query)
    filters: dict[str, object] = {}
    if "type" in query:
        if not _TYPE.match(query["type"]):
            detail = "the name of a ledger entry, such as capture"
            raise Problem(Outcome.PARAMETER_INVALID, detail, param="type")
        filters["type"] = query["type"]
    if "currency" in query:
        filters["currency"] = parsing.currency_of(query["currency"])
    if "payment_id" in query:
        parsing.object_key(query["payment_id"], "pay")
        filters["payment_id"] = query["payment_id"]
    for name in ("created_after", "created_before"):
        if name in query:
            filters[name] = parsing.time_of(query[name], name)
    if page.starting_after is not None:
        filters["starting_after"] = page.starting_after
        if await _found(services, call, page.starting_after) is None:
            raise Problem(
                Outcome.PARAMETER_INVALID, "you have no such balance transaction", param="starting_after"
            )
    found = await services.ledger.balance_transactions(call.merchant_id, call.mode, filters, page.limit + 1)
    now_ms = services.clock()
    return list_answer(call, page, [_answer(one, now_ms) for one in found])


async def get(services: Services, call: Call) -> Answer:
    """GET /v1/balance_transactions/{transaction_id}."""
    found = await _found(services, call, call.part("transaction_id"))
    if found is None:
        raise Problem(Outcome.NOT_FOUND)
    return Answer(
        outcome=Outcome.SUCCEEDED, body=to_json(_answer(found, services.clock())), object_id=found.id
    )


async def _found(services: Services, call: Call, transaction_id: str) -> BalanceTransaction | None:
    found = await services.ledger.balance_transactions(call.merchant_id, call.mode, {"id": transaction_id}, 1)
    return found[0] if found else None


def _answer(one: BalanceTransaction, now_ms: int) -> BalanceTransactionAnswer:
    return BalanceTransactionAnswer(
        id=one.id,
        type=one.type,
        source=one.source,
        payment_id=one.payment_id,
        payout_id=one.payout_id,
        amount=one.amount_minor,
        fee=one.fee_minor,
        net=one.net_minor,
        currency=one.currency,
        available_on=time_answer(one.available_on),
        status="available" if unix_ms(one.available_on) <= now_ms else "pending",
        created_at=time_answer(one.created_at),
    )
