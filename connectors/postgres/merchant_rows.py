"""Which rows follow from the events of merchants and operators: accounts, terms, endpoints and names?"""

from datetime import datetime
from typing import Final

import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import replace

from connectors.postgres.events import Event, after_of, content, place_of, told
from connectors.postgres.personal import json_text
from connectors.postgres.projection import Needed, Projection
from connectors.postgres.tables import Document, EventRow, Table, at
from schemas.merchants import (
    AccountSnapshot,
    MerchantCreated,
    MerchantTermsSet,
    OperatorCreated,
    WebhookEndpointCreated,
    WebhookEndpointDeleted,
)

_log = structlog.get_logger(__name__)


class MerchantEventRow(EventRow, frozen=True, kw_only=True):
    """A row of raw.merchant_events; `body` and `after` are JSON texts."""

    account_key: str
    account_id: str | None
    merchant_id: str
    version: int
    type: str
    schema: str
    body: Document
    after: Document | None


class MerchantRow(Struct, frozen=True, kw_only=True):
    """A row of mart.merchants."""

    merchant_id: str
    key_id: str
    mode: str
    version: int
    created_at: datetime


class OperatorRow(Struct, frozen=True, kw_only=True):
    """A row of mart.operators."""

    operator_id: str
    role: str
    key_id: str
    version: int
    created_at: datetime


class AccountProfileRow(Struct, frozen=True, kw_only=True):
    """A row of personal.account_profiles."""

    account_id: str
    display_name: str


class MerchantTermsRow(Struct, frozen=True, kw_only=True):
    """A row of mart.merchant_terms; `prices` and `calendar` are JSON texts."""

    merchant_id: str
    mode: str
    number: int
    fee_bps: int
    fee_fixed_minor: int
    settlement_days: int
    refund_policy: str
    fee_refund_policy: str
    tax_bps: int
    reserve_bps: int
    reserve_days: int
    prices: Document
    calendar: Document
    effective_from: datetime | None
    version: int
    updated_at: datetime


class WebhookEndpointRow(Struct, frozen=True, kw_only=True):
    """A row of mart.webhook_endpoints; `event_types` is a JSON text."""

    endpoint_id: str
    merchant_id: str
    mode: str
    url: str
    event_types: Document
    is_deleted: bool
    version: int
    created_at: datetime
    updated_at: datetime


MERCHANT_EVENTS: Final = Table("raw.merchant_events", MerchantEventRow, "event_id", "account_key")
MERCHANTS: Final = Table("mart.merchants", MerchantRow, "merchant_id")
OPERATORS: Final = Table("mart.operators", OperatorRow, "operator_id")
ACCOUNT_PROFILES: Final = Table("personal.account_profiles", AccountProfileRow, "account_id")
MERCHANT_TERMS: Final = Table("mart.merchant_terms", MerchantTermsRow, "merchant_id")
WEBHOOK_ENDPOINTS: Final = Table("mart.webhook_endpoints", WebhookEndpointRow, "endpoint_id")


def need(event: Event, needed: Needed) -> None:
    """The end of an endpoint tells nothing of it but its id."""
    match event.message.body:
        case WebhookEndpointCreated() as created:
            needed.make(WEBHOOK_ENDPOINTS, created.endpoint_id)
        case WebhookEndpointDeleted() as deleted:
            needed.require(WEBHOOK_ENDPOINTS, deleted.endpoint_id)


def project(projection: Projection, event: Event) -> None:
    """The event in its log, and what it changes."""
    is_refusal = event.message.envelope.version == 0
    row = MerchantEventRow(
        **told(event.message),
        account_key=event.key,
        account_id=None if is_refusal else after_of(event, AccountSnapshot).account_id,
        merchant_id=event.message.envelope.merchant_id,
        **content(event.message),
    )
    projection.log(MERCHANT_EVENTS, event, row)
    match event.message.body:
        case MerchantCreated() | OperatorCreated():
            _put_account(projection, event)
        case MerchantTermsSet() as body:
            projection.put(MERCHANT_TERMS, event, _terms(event, body))
        case WebhookEndpointCreated() as body:
            projection.put(WEBHOOK_ENDPOINTS, event, _endpoint(event, body))
        case WebhookEndpointDeleted() as body:
            _delete_endpoint(projection, event, body)


def _put_account(projection: Projection, event: Event) -> None:
    match event.message.body:
        case MerchantCreated() as created:
            after = after_of(event, AccountSnapshot)
            merchant = MerchantRow(
                merchant_id=created.merchant_id,
                key_id=after.key_id,
                mode=event.message.envelope.mode,
                version=after.version,
                created_at=at(after.created_at_ms),
            )
            projection.put(MERCHANTS, event, merchant)
            _put_profile(projection, event, created.merchant_id, created.profile.display_name)
        case OperatorCreated() as created:
            after = after_of(event, AccountSnapshot)
            operator = OperatorRow(
                operator_id=created.operator_id,
                role=created.role,
                key_id=after.key_id,
                version=after.version,
                created_at=at(after.created_at_ms),
            )
            projection.put(OPERATORS, event, operator)
            _put_profile(projection, event, created.operator_id, created.profile.display_name)


def _put_profile(projection: Projection, event: Event, account_id: str, display_name: str) -> None:
    profile = AccountProfileRow(account_id=account_id, display_name=display_name)
    projection.put(ACCOUNT_PROFILES, event, profile)


def _terms(event: Event, body: MerchantTermsSet) -> MerchantTermsRow:
    envelope, terms = event.message.envelope, body.terms
    return MerchantTermsRow(
        merchant_id=body.merchant_id,
        mode=envelope.mode,
        number=body.number,
        fee_bps=terms.fee_bps,
        fee_fixed_minor=terms.fee_fixed_minor,
        settlement_days=terms.settlement_days,
        refund_policy=terms.refund_policy,
        fee_refund_policy=terms.fee_refund_policy,
        tax_bps=terms.tax_bps,
        reserve_bps=terms.reserve_bps,
        reserve_days=terms.reserve_days,
        prices=json_text([msgspec.to_builtins(price) for price in terms.prices]),
        calendar=json_text(
            {
                "rest_days": terms.rest_days,
                "holidays": terms.holidays,
                "utc_offset_minutes": terms.utc_offset_minutes,
            }
        ),
        effective_from=at(terms.effective_from_ms) if terms.effective_from_ms else None,
        version=envelope.version,
        updated_at=at(envelope.occurred_at_ms),
    )


def _endpoint(event: Event, body: WebhookEndpointCreated) -> WebhookEndpointRow:
    envelope = event.message.envelope
    return WebhookEndpointRow(
        endpoint_id=body.endpoint_id,
        merchant_id=after_of(event, AccountSnapshot).account_id,
        mode=envelope.mode,
        url=body.url,
        event_types=json_text(body.event_types),
        is_deleted=False,
        version=envelope.version,
        created_at=at(envelope.occurred_at_ms),
        updated_at=at(envelope.occurred_at_ms),
    )


def _delete_endpoint(projection: Projection, event: Event, body: WebhookEndpointDeleted) -> None:
    envelope = event.message.envelope
    before = projection.current(WEBHOOK_ENDPOINTS, WebhookEndpointRow, body.endpoint_id)
    if before is None:
        # The event that created it is missing; the versions tell so, and an anomaly is written.
        _log.error("end of an unknown endpoint", endpoint_id=body.endpoint_id, **place_of(event))
    elif envelope.version > before.version:
        deleted = replace(
            before, is_deleted=True, version=envelope.version, updated_at=at(envelope.occurred_at_ms)
        )
        projection.put(WEBHOOK_ENDPOINTS, event, deleted)
