"""Which routes are there, and who may call them?"""

from collections.abc import Awaitable, Callable
from typing import Final, Literal, NamedTuple

from api import (
    adjustments,
    balance,
    balance_transactions,
    events,
    health,
    ledger_reads,
    merchant_terms,
    merchants,
    operations,
    operators,
    payment_intents,
    payments,
    psp_notifications,
    refunds,
    resends,
    schema_registry,
    webhook_endpoints,
)
from api.answers import Answer
from api.calls import Call
from api.services import Services

Access = Literal["open", "known", "merchant", "operator", "admin", "signed"]
"""open: anyone. known: any key; the handler checks what it may see. merchant: a merchant's key. operator: an
operator's key. admin: one of that role. signed: the handler checks."""
Handler = Callable[[Services, Call], Awaitable[Answer]]


class Route(NamedTuple):
    """One route. Its path is also its name in ids of commands, so it never changes."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    handler: Handler
    access: Access


_INTENT: Final = "/v1/payment_intents/{payment_intent_id}"
_PAYMENT: Final = "/v1/payments/{payment_id}"
_ACCOUNT: Final = "/v1/ledger/accounts/{account_id}"
_ADJUSTMENT: Final = "/v1/ledger/adjustments/{adjustment_id}"
_ENDPOINT: Final = "/v1/webhook_endpoints/{endpoint_id}"

ROUTES: Final = (
    Route("POST", "/v1/payment_intents", payment_intents.create, "merchant"),
    Route("GET", _INTENT, payment_intents.get, "merchant"),
    Route("POST", f"{_INTENT}/confirm", payment_intents.confirm, "merchant"),
    Route("POST", f"{_INTENT}/cancel", payment_intents.cancel, "merchant"),
    Route("GET", "/v1/payments", payments.list_payments, "merchant"),
    Route("GET", _PAYMENT, payments.get, "merchant"),
    Route("POST", f"{_PAYMENT}/capture", payments.capture, "merchant"),
    Route("POST", f"{_PAYMENT}/void", payments.void, "merchant"),
    Route("POST", f"{_PAYMENT}/refunds", payments.refund, "merchant"),
    Route("POST", f"{_PAYMENT}/review", payments.review, "admin"),
    Route("GET", "/v1/refunds/{refund_id}", refunds.get, "merchant"),
    Route("GET", "/v1/events", events.list_events, "merchant"),
    Route("POST", "/v1/events/{event_id}/resend", resends.resend, "merchant"),
    Route("POST", "/v1/webhook_endpoints", webhook_endpoints.create, "merchant"),
    Route("GET", "/v1/webhook_endpoints", webhook_endpoints.list_endpoints, "merchant"),
    Route("GET", _ENDPOINT, webhook_endpoints.get, "merchant"),
    Route("DELETE", _ENDPOINT, webhook_endpoints.delete, "merchant"),
    Route("GET", f"{_ENDPOINT}/attempts", webhook_endpoints.attempts, "merchant"),
    Route("GET", "/v1/balance", balance.get, "merchant"),
    Route("GET", "/v1/balance_transactions", balance_transactions.list_transactions, "merchant"),
    Route("GET", "/v1/balance_transactions/{transaction_id}", balance_transactions.get, "merchant"),
    Route("GET", _ACCOUNT, ledger_reads.account, "known"),
    Route("GET", f"{_ACCOUNT}/statement", ledger_reads.statement, "known"),
    Route("GET", "/v1/ledger/transactions/{transaction_id}", ledger_reads.transaction, "known"),
    Route("GET", "/v1/ledger/trial_balance", ledger_reads.trial_balance, "operator"),
    Route("POST", "/v1/ledger/adjustments", adjustments.propose, "admin"),
    Route("GET", "/v1/ledger/adjustments", adjustments.list_adjustments, "operator"),
    Route("GET", _ADJUSTMENT, adjustments.get, "operator"),
    Route("POST", f"{_ADJUSTMENT}/approve", adjustments.approve, "admin"),
    Route("POST", f"{_ADJUSTMENT}/reject", adjustments.reject, "admin"),
    Route("POST", "/v1/merchants", merchants.create, "admin"),
    Route("POST", "/v1/merchants/{merchant_id}/terms", merchant_terms.set_terms, "admin"),
    Route("POST", "/v1/operators", operators.create, "admin"),
    Route("POST", "/v1/operations/{operation_id}/resolve", operations.resolve, "admin"),
    Route("POST", "/v1/psp/notifications/{provider}", psp_notifications.receive, "signed"),
    Route("GET", "/healthz", health.alive, "open"),
    Route("GET", "/readyz", health.ready, "open"),
    Route("GET", "/metrics", health.metrics, "open"),
    Route("GET", "/openapi.json", health.description, "open"),
    Route("GET", "/subjects", schema_registry.subjects, "open"),
    Route("GET", "/subjects/{subject}/versions", schema_registry.versions, "open"),
    Route("GET", "/subjects/{subject}/versions/{version}", schema_registry.version, "open"),
    Route("GET", "/schemas/ids/{id}", schema_registry.schema_by_id, "open"),
)
