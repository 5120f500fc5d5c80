"""Which rows follow from the records of each topic: the registry of topics and tables."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from connectors.postgres import (
    balance_rows,
    bank_rows,
    deliveries,
    ledger_rows,
    merchant_rows,
    operations,
    payment_rows,
    recon_rows,
    request_rows,
    risk_rows,
    webhook_rows,
)
from connectors.postgres.events import Event
from connectors.postgres.projection import Known, Needed, Projection
from connectors.postgres.tables import Table
from schemas import topics
from schemas.topics import Topic


def _nothing(event: Event, needed: Needed) -> None:
    """What the event tells is enough."""


class Projector(NamedTuple):
    """How the events of a topic become rows. need: which rows have to be known before."""

    project: Callable[[Projection, Event], None]
    need: Callable[[Event, Needed], None] = _nothing


PROJECTORS: Final[Mapping[Topic, Projector]] = {
    topics.PAYMENTS_EVENTS: Projector(payment_rows.project, payment_rows.need),
    topics.MERCHANTS_EVENTS: Projector(merchant_rows.project, merchant_rows.need),
    topics.API_REQUESTS: Projector(request_rows.project),
    topics.RISK_DECISIONS: Projector(risk_rows.project),
    topics.LEDGER_JOURNAL: Projector(ledger_rows.project),
    topics.LEDGER_BALANCES: Projector(balance_rows.project_balances),
    topics.LEDGER_STATEMENTS: Projector(balance_rows.project_balance_transactions),
    topics.LEDGER_TOTALS: Projector(balance_rows.project_total),
    topics.WEBHOOKS_MESSAGES: Projector(webhook_rows.project_message, webhook_rows.need),
    topics.WEBHOOKS_ATTEMPTS: Projector(webhook_rows.project_attempt, webhook_rows.need),
    topics.RECON_RESULTS: Projector(recon_rows.project),
    topics.BANK_FILES: Projector(bank_rows.project),
}

LOGS: Final[tuple[Table, ...]] = (
    payment_rows.PAYMENT_EVENTS,
    merchant_rows.MERCHANT_EVENTS,
    request_rows.API_REQUESTS,
    risk_rows.RISK_DECISIONS,
    ledger_rows.JOURNAL,
    ledger_rows.TRANSACTIONS,
    ledger_rows.ENTRIES,
    ledger_rows.LEDGER_REFUSALS,
    balance_rows.BALANCE_TRANSACTIONS,
    webhook_rows.WEBHOOK_MESSAGES,
    webhook_rows.WEBHOOK_EVENTS,
    webhook_rows.WEBHOOK_ATTEMPTS,
    recon_rows.RECON_EVENTS,
    bank_rows.SETTLEMENT_FILES,
)
"""Tables of what happened: a row is written once and never changed."""
STATES: Final[tuple[Table, ...]] = (
    payment_rows.PAYMENTS,
    operations.OPERATIONS,
    payment_rows.PAYMENT_NOTES,
    payment_rows.REFUND_REASONS,
    merchant_rows.MERCHANTS,
    merchant_rows.OPERATORS,
    merchant_rows.ACCOUNT_PROFILES,
    merchant_rows.MERCHANT_TERMS,
    merchant_rows.WEBHOOK_ENDPOINTS,
    ledger_rows.ADJUSTMENTS,
    balance_rows.BALANCES,
    balance_rows.PLATFORM_TOTALS,
    deliveries.DELIVERIES,
    recon_rows.RECON_RESULTS,
)
"""Tables of things: a row is replaced by one of a higher version."""

_BY_NAME: Final = {topic.name: projector for topic, projector in PROJECTORS.items()}


def needed_by(events: Iterable[Event]) -> Mapping[Table, set[str]]:
    """Keys of the rows that the events change but do not make: `project` has to know how they stand."""
    needed = Needed()
    for event in events:
        _projector(event).need(event, needed)
    return needed.wanted


def project(events: Iterable[Event], known: Known) -> Projection:
    """The rows that follow from events, which are in order by partition. `known`: rows as they stand."""
    projection = Projection(known)
    for event in events:
        _projector(event).project(projection, event)
    return projection


def _projector(event: Event) -> Projector:
    topic = event.record.partition.topic
    projector = _BY_NAME.get(topic)
    assert projector is not None, f"{topic} has no tables"
    return projector
