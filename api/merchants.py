"""How does an operator register a merchant?"""

from msgspec import Struct

from api import parsing
from api.accounts import account_answer, created, derived_secret
from api.answers import Answer
from api.auth import api_key_of
from api.calls import Call
from api.merchant_terms import TermsBody, chosen_terms
from api.services import Services
from schemas import ids
from schemas.merchants import CreateMerchant, Profile


class CreateBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /v1/merchants. terms: what the merchant agreed to; the standard ones without."""

    display_name: parsing.Name
    terms: TermsBody | None = None
    idempotency_key: str | None = None


async def create(services: Services, call: Call) -> Answer:
    """POST /v1/merchants: the merchant's id and its secret key, shown only here."""
    body = parsing.parse_body(call.body, CreateBody)
    key = call.keep_key(body.idempotency_key)
    secret_key = derived_secret(call, "sk", call.mode, key)
    api_key = api_key_of(secret_key)
    merchant_id = ids.merchant_id(cell=services.settings.cell, mode=call.mode, idempotency_key=key)
    command = CreateMerchant(
        profile=Profile(display_name=body.display_name),
        api_key=api_key,
        terms=chosen_terms(body.terms, call.mode),
    )
    reply = await created(services, call, command, account_id=merchant_id)
    shown = {
        "object": "merchant",
        "merchant_id": merchant_id,
        "display_name": body.display_name,
        "secret_key": secret_key,
    }
    answer = account_answer(reply, merchant_id, shown)
    if reply is not None:
        # The key works at once here; the reader learns of it a moment later.
        services.keys.add_merchant(merchant_id, api_key)
    return answer
