"""Which terms does a merchant get, and how are they changed?"""

from datetime import date

import msgspec
from msgspec import Struct

from api import parsing
from api.answers import REPLAYED_HEADER, Answer, to_json
from api.calls import Call
from api.problems import Problem
from api.requests_log import NOBODY
from api.services import Services
from schemas import topics
from schemas.envelope import Mode
from schemas.ledger import (
    BasisPoints,
    EffectiveFromMs,
    FeeRefundPolicy,
    FixedFeeMinor,
    Holidays,
    Prices,
    RefundPolicy,
    ReserveDays,
    RestDays,
    SettlementDays,
    Terms,
    UtcOffsetMinutes,
)
from schemas.merchants import AccountView, SetTerms
from schemas.outcomes import Outcome

_TEST_SETTLEMENT_DAYS = 0
"""In test mode money is available at once, so that payouts can be tried without waiting."""


class TermsBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Terms as an operator sends them; what is left out is as it is for everybody."""

    fee_bps: BasisPoints | None = None
    fee_fixed_minor: FixedFeeMinor | None = None
    settlement_days: SettlementDays | None = None
    refund_policy: RefundPolicy | None = None
    fee_refund_policy: FeeRefundPolicy | None = None
    prices: Prices | None = None
    tax_bps: BasisPoints | None = None
    reserve_bps: BasisPoints | None = None
    reserve_days: ReserveDays | None = None
    rest_days: RestDays | None = None
    holidays: Holidays | None = None
    utc_offset_minutes: UtcOffsetMinutes | None = None
    effective_from_ms: EffectiveFromMs | None = None


class SetBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /v1/merchants/{id}/terms."""

    terms: TermsBody
    idempotency_key: str | None = None


class TermsAnswer(Struct, frozen=True, kw_only=True):
    """The terms that hold for a merchant from now on. version: of the merchant after the change."""

    object: str = "merchant_terms"
    merchant_id: str
    terms: Terms
    version: int


class PendingTerms(Struct, frozen=True, kw_only=True):
    """A change of terms that has no result yet; a repeat with the same idempotency key tells it."""

    object: str = "pending"
    object_id: str


def chosen_terms(asked: TermsBody | None, mode: Mode) -> Terms:
    """The terms asked for, completed with the standard ones of the mode. Raises Problem for a date that is none."""
    given = {} if asked is None else msgspec.to_builtins(asked)
    for day in given.get("holidays", ()):
        try:
            date.fromisoformat(day)
        except ValueError as error:
            raise Problem(
                Outcome.PARAMETER_INVALID, f"{day} is no day of the calendar", param="terms.holidays"
            ) from error
    if mode == "test":
        given = {"settlement_days": _TEST_SETTLEMENT_DAYS, **given}
    return msgspec.convert(given, Terms)


async def set_terms(services: Services, call: Call) -> Answer:
    """POST /v1/merchants/{merchant_id}/terms: other terms hold from now on, for what is captured later."""
    merchant_id = call.part("merchant_id")
    key = parsing.object_key(merchant_id, "mer")
    body = parsing.parse_body(call.body, SetBody)
    terms = chosen_terms(body.terms, call.mode)
    scope = call.scope(body.idempotency_key, owner=NOBODY)
    reply = await services.commands.ask(
        call,
        topics.MERCHANTS_COMMANDS,
        SetTerms(terms=terms),
        key=key,
        command_id=scope.command_id(merchant_id),
        merchant_id=NOBODY,
    )
    if reply is None:
        return Answer(
            outcome=Outcome.PENDING,
            body=to_json(PendingTerms(object_id=merchant_id)),
            headers={"Retry-After": "1"},
            object_id=merchant_id,
        )
    outcome = Outcome.numbered(reply.outcome)
    if outcome.value.error_type is not None:
        raise Problem(outcome, param="terms" if reply.differing else None)
    assert isinstance(reply.view, AccountView), "terms are told with the account"
    return Answer(
        outcome=outcome,
        body=to_json(TermsAnswer(merchant_id=merchant_id, terms=terms, version=reply.view.version)),
        headers={REPLAYED_HEADER: "true"} if reply.replayed else {},
        object_id=merchant_id,
        object_version=reply.view.version,
        is_replayed=reply.replayed,
    )
