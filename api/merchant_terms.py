"""Which terms does a merchant get, and how are they changed?"""

from datetime import date

import msgspec
from msgspec import Struct

from api import parsing
from api.answers import Answer
from api.calls import Call
from api.problems import Problem
from api.requests_log import NOBODY
from api.results import result_answer
from api.services import Services
from schemas import topics
from schemas.api import View
from schemas.envelope import Mode
from schemas.ledger import (
    BasisPoints,
    EffectiveFromMs,
    FeeRefundPolicy,
    FixedFeeMinor,
    Holidays,
    Price,
    Prices,
    RefundPolicy,
    ReserveDays,
    RestDays,
    SettlementDays,
    Terms,
    UtcOffsetMinutes,
)
from schemas.merchants import AccountView, SetTerms
from schemas.money import EXPONENTS
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


def chosen_terms(asked: TermsBody | None, mode: Mode) -> Terms:
    """The terms asked for, completed with the standard ones of the mode.

    Raises Problem for a date that is none, and for a price that would never be as it looks.
    """
    given = {} if asked is None else msgspec.to_builtins(asked)
    for day in given.get("holidays", ()):
        try:
            date.fromisoformat(day)
        except ValueError as error:
            raise Problem(
                Outcome.PARAMETER_INVALID, f"{day} is no day of the calendar", param="terms[holidays]"
            ) from error
    for number, price in enumerate(asked.prices or () if asked is not None else ()):
        wrong = _wrong_with(price)
        if wrong is not None:
            raise Problem(Outcome.PARAMETER_INVALID, f"prices[{number}]: {wrong}", param="terms[prices]")
    if mode == "test":
        given = {"settlement_days": _TEST_SETTLEMENT_DAYS, **given}
    return msgspec.convert(given, Terms)


def _wrong_with(price: Price) -> str | None:
    """What of a price could never apply."""
    if price.currency is not None and price.currency not in EXPONENTS:
        return f"{price.currency[:16]!r} is no active ISO 4217 code; use three capitals such as USD"
    if price.maximum_minor is not None and price.maximum_minor < price.minimum_minor:
        return "maximum_minor is below minimum_minor"
    limits = [tier.up_to_minor for tier in price.tiers]
    reached = [limit for limit in limits if limit is not None]
    if reached != sorted(set(reached)) or None in limits[:-1]:
        return "tiers go up by up_to_minor, and only the last may be without it"
    return None


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

    def body_of(view: View) -> tuple[object, int]:
        assert isinstance(view, AccountView), "terms are told with the account"
        return TermsAnswer(merchant_id=merchant_id, terms=terms, version=view.version), view.version

    return result_answer(reply, merchant_id, body_of, params={"terms": "terms"})
