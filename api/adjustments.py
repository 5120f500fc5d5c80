"""How do two operators post an entry by hand: one proposes it, another approves or rejects it?"""

from typing import Annotated, Final, get_args

from msgspec import Meta, Struct

from api import parsing
from api.answers import Answer, to_json
from api.calls import Call
from api.ledger_reads import LegAnswer
from api.lists import list_answer, page_of
from api.problems import Problem
from api.requests_log import NOBODY
from api.results import result_answer
from api.services import Services
from schemas import ids, topics
from schemas.accounts import currency_of
from schemas.api import View
from schemas.ledger import (
    Adjustment,
    AdjustmentCommand,
    AdjustmentReason,
    AdjustmentStatus,
    AdjustmentView,
    AmountMinor,
    ApproveAdjustment,
    CaseReference,
    PostEntry,
    ProposeAdjustment,
    RejectAdjustment,
)
from schemas.outcomes import Outcome
from schemas.rendering import rfc3339

_TREASURY: Final = "treasury"
_BOOKS: Final = ("mer", "wal")
_STATUSES: Final = get_args(AdjustmentStatus)
_PARAMS: Final = {"entry": "template", "reason": "reason", "reference": "reference"}
_NAMED: Final = {
    Outcome.TEMPLATE_UNKNOWN: "template",
    Outcome.TEMPLATE_NOT_BY_HAND: "template",
    Outcome.PARAMETER_UNKNOWN: "amounts",
    Outcome.AMOUNT_NOT_POSITIVE: "amounts",
    Outcome.AMOUNT_OVERFLOW: "amounts",
    Outcome.BALANCE_INSUFFICIENT: "amounts",
    Outcome.CURRENCY_DIFFERS: "currency",
    Outcome.TRANSACTION_UNKNOWN: "reverses",
    Outcome.NOT_REVERSIBLE: "reverses",
    Outcome.ALREADY_REVERSED: "reverses",
}
"""The parameter a refusal is about, where it is about one."""
_MISSING: Final = "no such book or adjustment"

EntryName = Annotated[str, Meta(pattern=r"^[a-z][a-z_]{1,63}\Z")]


class ProposeBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /v1/ledger/adjustments.

    book: a merchant or wallet, or `treasury`. template, amounts: of an entry that may be posted by hand.
    source: what it is about; the adjustment itself where it is left out.
    """

    book: parsing.Reference
    template: EntryName
    currency: str
    reason: AdjustmentReason
    reference: CaseReference
    amounts: dict[EntryName, AmountMinor] = {}
    provider: EntryName | None = None
    payment_id: parsing.Reference | None = None
    source: parsing.Reference | None = None
    other_currency: str | None = None
    reverses: parsing.Reference | None = None
    idempotency_key: str | None = None


class DecideBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /v1/ledger/adjustments/{id}/approve and /reject."""

    idempotency_key: str | None = None


class AdjustmentAnswer(Struct, frozen=True, kw_only=True):
    """An entry by hand: what would be or was posted, who wanted it, and who decided.

    transaction_id: of the ledger transaction, once it is posted.
    """

    object: str = "adjustment"
    adjustment_id: str
    status: str
    book: str
    template: str
    currency: str
    amounts: dict[str, int]
    legs: list[LegAnswer]
    reason: str
    reference: str
    provider: str | None
    payment_id: str | None
    source: str
    other_currency: str | None
    reverses: str | None
    proposed_by: str
    proposed_at: str
    decided_by: str | None
    decided_at: str | None
    transaction_id: str | None


async def propose(services: Services, call: Call) -> Answer:
    """POST /v1/ledger/adjustments: an entry and the legs it makes, posted when another operator approves."""
    body = parsing.parse_body(call.body, ProposeBody)
    treasury = ids.treasury_id(cell=services.settings.cell, mode=call.mode)
    book = treasury if body.book == _TREASURY else body.book
    key = ids.key_of(book)
    if key is None or book not in {treasury, *(f"{kind}_{key}" for kind in _BOOKS)}:
        raise Problem(Outcome.PARAMETER_INVALID, "the id of a merchant or wallet, or treasury", param="book")
    scope = call.scope(body.idempotency_key, owner=call.authenticated.principal)
    command_id = scope.command_id(book)
    adjustment_id = ids.operation_id("adj", key, command_id)
    entry = PostEntry(
        transaction_id=ids.transaction_id(book, adjustment_id, "adjustment"),
        template=body.template,
        operation_id=body.source or adjustment_id,
        currency=parsing.currency_of(body.currency),
        amounts=body.amounts,
        provider=body.provider,
        payment_id=body.payment_id,
        other_currency=None if body.other_currency is None else parsing.currency_of(body.other_currency),
        reverses=body.reverses,
    )
    command = ProposeAdjustment(
        adjustment_id=adjustment_id, entry=entry, reason=body.reason, reference=body.reference
    )
    return await _asked(services, call, command, command_id=command_id, book=book)


async def approve(services: Services, call: Call) -> Answer:
    """POST /v1/ledger/adjustments/{adjustment_id}/approve, by another operator than the one who proposed it."""
    return await _decided(services, call, ApproveAdjustment)


async def reject(services: Services, call: Call) -> Answer:
    """POST /v1/ledger/adjustments/{adjustment_id}/reject, also by the operator who proposed it."""
    return await _decided(services, call, RejectAdjustment)


async def get(services: Services, call: Call) -> Answer:
    """GET /v1/ledger/adjustments/{adjustment_id}."""
    call.query()
    found = await services.ledger.adjustments(call.mode, {"id": call.part("adjustment_id")}, 1)
    if not found:
        raise Problem(Outcome.NOT_FOUND)
    return Answer(
        outcome=Outcome.SUCCEEDED, body=to_json(_answer(found[0])), object_id=found[0].adjustment_id
    )


async def list_adjustments(services: Services, call: Call) -> Answer:
    """GET /v1/ledger/adjustments, newest first; of a status or book."""
    query = call.query("limit", "starting_after", "status", "book")
    page = page_of(query)
    filters: dict[str, object] = {}
    if "status" in query:
        if query["status"] not in _STATUSES:
            raise Problem(Outcome.PARAMETER_INVALID, f"one of {', '.join(_STATUSES)}", param="status")
        filters["status"] = query["status"]
    if "book" in query:
        filters["book"] = parsing.writable(query["book"], "book")
    if page.starting_after is not None:
        filters["starting_after"] = page.starting_after
    found = await services.ledger.adjustments(call.mode, filters, page.limit + 1)
    return list_answer(call, page, [_answer(one) for one in found])


async def _decided(
    services: Services, call: Call, kind: type[ApproveAdjustment] | type[RejectAdjustment]
) -> Answer:
    adjustment_id = call.part("adjustment_id")
    parsing.object_key(adjustment_id, "adj")
    body = parsing.parse_body(call.body, DecideBody)
    scope = call.scope(body.idempotency_key, owner=call.authenticated.principal)
    command = kind(adjustment_id=adjustment_id)
    # Whose book it is in, is known to the stage.
    return await _asked(services, call, command, command_id=scope.command_id(adjustment_id), book=NOBODY)


async def _asked(
    services: Services, call: Call, command: AdjustmentCommand, *, command_id: str, book: str
) -> Answer:
    key = parsing.object_key(command.adjustment_id, "adj")
    reply = await services.commands.ask(
        call, topics.LEDGER_COMMANDS_API, command, key=key, command_id=command_id, merchant_id=book
    )
    url = f"/v1/ledger/adjustments/{command.adjustment_id}"
    return result_answer(
        reply,
        command.adjustment_id,
        _shown,
        params=_PARAMS,
        headers={"Location": url},
        missing=_MISSING,
        named=_NAMED if isinstance(command, ProposeAdjustment) else None,
    )


def _shown(view: View) -> tuple[object, int | None]:
    assert isinstance(view, AdjustmentView), "an adjustment is answered with itself"
    return _answer(view), None


def _answer(found: Adjustment) -> AdjustmentAnswer:
    entry = found.entry
    return AdjustmentAnswer(
        adjustment_id=found.adjustment_id,
        status=found.status,
        book=found.merchant_id,
        template=entry.template,
        currency=entry.currency,
        amounts=entry.amounts,
        legs=[
            LegAnswer(
                account_id=leg.account_id,
                side=leg.side,
                phase=leg.phase,
                amount=leg.amount_minor,
                currency=currency_of(leg.account_id),
            )
            for leg in entry.expected_legs
        ],
        reason=found.reason,
        reference=found.reference,
        provider=entry.provider,
        payment_id=entry.payment_id,
        source=entry.operation_id,
        other_currency=entry.other_currency,
        reverses=entry.reverses,
        proposed_by=found.proposed_by,
        proposed_at=rfc3339(found.proposed_at_ms),
        decided_by=found.decided_by,
        decided_at=None if found.decided_at_ms is None else rfc3339(found.decided_at_ms),
        transaction_id=entry.transaction_id if found.status == "posted" else None,
    )
