"""What stands in each table after one payment with everything that follows from it, row by row."""

import json
from collections.abc import Sequence
from typing import Any, get_args

import pytest

from connectors.postgres.balance_rows import balance_minor
from connectors.postgres.events import Event
from connectors.postgres.projection import Known, Projection
from connectors.postgres.rows import LOGS, PROJECTORS, STATES, needed_by, project
from connectors.postgres.tables import Table, at
from schemas import ids, topics
from schemas.testing import MERCHANT, START_MS
from tests.connectors.postgres.whole_payment import (
    ASSESSMENT,
    AVAILABLE_ACCOUNT,
    CAPTURE,
    CAPTURE_TXN,
    CLEARING_ACCOUNT,
    ENDPOINT,
    FEE_ACCOUNT,
    FILE,
    HOLD_TXN,
    MATCH,
    MESSAGE,
    OTHER_ENDPOINT,
    PAYMENT,
    PENDING_ACCOUNT,
    RECEIVABLE_ACCOUNT,
    REFUND,
    REFUSED,
    REFUSED_TXN,
    SECRET,
    whole_payment,
)

TABLES = {table.name: table for table in (*LOGS, *STATES)}


def rows_of(projection: Projection, table: str) -> dict[str, Any]:
    key = TABLES[table].key
    return {getattr(one.row, key): one.row for one in projection.rows(TABLES[table])}


def loaded(events: Sequence[Event], batch: int) -> dict[str, dict[str, Any]]:
    """The tables after loading in batches: logs keep the first row, states the one of the highest version."""
    kept: dict[Table, dict[str, Any]] = {table: {} for table in TABLES.values()}
    for begin in range(0, len(events), batch):
        part = events[begin : begin + batch]
        known: Known = {
            table: {key: kept[table][key].row for key in keys if key in kept[table]}
            for table, keys in needed_by(part).items()
        }
        projection = project(part, known)
        for table, rows in kept.items():
            for new in projection.rows(table):
                before = rows.get(getattr(new.row, table.key))
                if before is None or (table in STATES and before.lineage.version < new.lineage.version):
                    rows[getattr(new.row, table.key)] = new
    return {table.name: {key: one.row for key, one in rows.items()} for table, rows in kept.items()}


CASES: list[tuple[str, str, dict[str, Any]]] = [
    (
        "mart.risk_decisions",
        ASSESSMENT,
        {
            "payment_id": PAYMENT,
            "merchant_id": MERCHANT,
            "verdict": "allow",
            "rule": "known_card",
            "attempt": 1,
        },
    ),
    (
        "raw.ledger_journal",
        "evt_j3",
        {
            "type": "TransactionPosted",
            "schema": "TransactionPosted.v1",
            "version": 3,
            "seq": 3,
            "prev_hash": "03" * 32,
            "transaction_id": CAPTURE_TXN,
        },
    ),
    ("raw.ledger_journal", "evt_j1", {"type": "BookOpened", "transaction_id": None, "prev_hash": "00" * 32}),
    (
        "mart.ledger_transactions",
        CAPTURE_TXN,
        {
            "type": "capture",
            "reference_id": CAPTURE,
            "payment_id": PAYMENT,
            "status": "posted",
            "amount_minor": 10_000,
            "available_at": at(START_MS + 172_800_000),
        },
    ),
    ("mart.ledger_transactions", HOLD_TXN, {"type": "hold", "available_at": None, "seq": 2}),
    (
        "mart.ledger_entries",
        f"{CAPTURE_TXN}:3",
        {"account_id": PENDING_ACCOUNT, "direction": "debit", "phase": "posted", "amount_minor": 320},
    ),
    ("mart.ledger_entries", f"{HOLD_TXN}:2", {"direction": "credit", "phase": "pending", "currency": "USD"}),
    (
        "mart.ledger_refusals",
        REFUSED_TXN,
        {"command": "ReserveRefund", "outcome": "insufficient_funds", "reference_id": REFUSED},
    ),
    (
        "mart.balances",
        PENDING_ACCOUNT,
        {
            "code": 2010,
            "balance_minor": 5_680,
            "credits_pending_minor": 2_500,
            "merchant_id": MERCHANT,
            "seq": 4,
        },
    ),
    ("mart.balances", CLEARING_ACCOUNT, {"balance_minor": 0, "seq": 5, "shard": None}),
    ("mart.balances", AVAILABLE_ACCOUNT, {"balance_minor": 1_000, "mode": "test"}),
    (
        "mart.balances",
        RECEIVABLE_ACCOUNT,
        {"balance_minor": 6_000, "owner": "simulator", "merchant_id": None, "shard": 0},
    ),
    ("mart.balances", FEE_ACCOUNT, {"balance_minor": 320, "owner": None, "merchant_id": None}),
    (
        "mart.balance_transactions",
        CAPTURE_TXN,
        {
            "amount_minor": 10_000,
            "fee_minor": 320,
            "net_minor": 9_680,
            "available_on": at(START_MS + 2),
            "seq": 3,
        },
    ),
    (
        "mart.platform_totals",
        "test.4010.fee.processing.USD",
        {"balance_minor": 640, "version": 2, "watermark_at": at(START_MS)},
    ),
    (
        "mart.webhook_endpoints",
        ENDPOINT,
        {"merchant_id": MERCHANT, "event_types": '["*"]', "is_deleted": False, "version": 3},
    ),
    (
        "mart.webhook_endpoints",
        OTHER_ENDPOINT,
        {
            "url": "https://old.example/",
            "event_types": '["payment.captured","refund.failed"]',
            "is_deleted": True,
            "version": 5,
        },
    ),
    (
        "mart.merchant_terms",
        MERCHANT,
        {"number": 1, "fee_bps": 290, "fee_fixed_minor": 30, "settlement_days": 2, "refund_policy": "owe"},
    ),
    (
        "mart.webhook_events",
        "evt_captured",
        {
            "type": "payment.captured",
            "payload": b'{"id":"evt_captured","odd":"\\u0000\xc3\xa9"}',
            "endpoint_ids": f'["{ENDPOINT}"]',
        },
    ),
    (
        "raw.webhook_attempts",
        "evt_a1",
        {"message_id": MESSAGE, "webhook_event_id": "evt_captured", "attempt": 1, "http_status": 503},
    ),
    (
        "mart.webhook_deliveries",
        MESSAGE,
        {
            "status": "delivered",
            "attempts": 2,
            "resends": 0,
            "last_http_status": 204,
            "next_attempt_at": None,
            "created_at": at(START_MS + 2_300),
            "delivered_at": at(START_MS + 5_000),
        },
    ),
    ("raw.recon_events", "evt_r2", {"match_key": MATCH, "type": "LineMatched", "version": 2}),
    (
        "mart.recon_results",
        MATCH,
        {"status": "matched", "payment_id": PAYMENT, "file_id": FILE, "fee_minor": 50, "version": 2},
    ),
    ("mart.settlement_files", "evt_f1", {"status": "refused", "problem": "totals_differ", "net_minor": None}),
    (
        "mart.settlement_files",
        "evt_f2",
        {"status": "accepted", "problem": None, "net_minor": 9_950, "lines": 1},
    ),
    ("mart.payment_operations", REFUND, {"status": "succeeded", "amount_moved_minor": 4_000, "version": 9}),
]


@pytest.mark.parametrize(("table", "key", "expected"), CASES, ids=lambda value: str(value)[:40])
def test_a_row_says_what_the_records_said(table: str, key: str, expected: dict[str, Any]) -> None:
    """One line per fact that a query relies on."""
    row = rows_of(project(whole_payment(), {}), table)[key]
    assert expected == {name: getattr(row, name) for name in expected}


@pytest.mark.parametrize("batch", [1, 3, 1_000])
def test_batches_and_repeats_change_nothing(batch: int) -> None:
    """How much was waiting is chance, and after a crash a part comes again."""
    events = whole_payment()
    once = loaded(events, 1_000)
    assert once == loaded(events, batch)
    assert once == loaded([*events[:20], *events[10:], *events], batch)


def test_documents_hold_lists_and_hexadecimal_hashes() -> None:
    """Whoever asks the journal compares hashes as they are printed everywhere, and counts legs."""
    projection = project(whole_payment(), {})
    posted = json.loads(rows_of(projection, "raw.ledger_journal")["evt_j3"].body)
    assert ("03" * 32, "ff00", 4) == (posted["prev_hash"], posted["fingerprint"], len(posted["legs"]))
    inputs = json.loads(rows_of(projection, "mart.risk_decisions")[ASSESSMENT].inputs)
    assert [("card", 2), ("ip", None)] == [
        (one["entity"]["kind"], one["features"] and one["features"]["attempts_24h"]) for one in inputs
    ]


def test_secrets_and_payloads_stand_where_they_may() -> None:
    """A sealed secret is in no row; a payload is in one, byte for byte."""
    projection = project(whole_payment(), {})
    everything = {name: repr(projection.rows(table)) for name, table in TABLES.items()}
    sealed = ("c2VhbGVk", SECRET.decode())
    assert [] == [name for name, text in everything.items() if any(one in text for one in sealed)]
    assert "payload" not in json.loads(rows_of(projection, "raw.webhook_messages")["evt_w2"].body)
    assert {"endpoint_id", "url", "event_types"} == json.loads(
        rows_of(projection, "raw.webhook_messages")["evt_w1"].body
    )["endpoint"].keys()


def test_what_is_personal_is_in_the_schema_for_it() -> None:
    """mart is read by everyone."""
    projection = project(whole_payment(), {})
    shared = [name for name in TABLES if not name.startswith("personal.")]
    assert [] == [name for name in shared if "Ada" in repr(projection.rows(TABLES[name]))]


def test_every_topic_the_sink_reads_has_rows() -> None:
    """The registry of topics says who reads what; a topic nobody projects would vanish."""
    wanted = {topic.name for topic in topics.ALL if "postgres" in topic.readers}
    assert wanted == {topic.name for topic in PROJECTORS}
    assert wanted == {event.record.partition.topic for event in whole_payment()}


def test_tables_are_listed_once() -> None:
    """A table that is a log and a state would be written twice."""
    assert len(TABLES) == len((*LOGS, *STATES))
    assert all(get_args(topic.body) or topic.body for topic in PROJECTORS)


@pytest.mark.parametrize(
    ("code", "expected"), [(1100, 70), (1300, 70), (2010, -70), (2020, -70), (4010, -70), (5010, 70)]
)
def test_a_balance_is_on_the_normal_side_of_its_class(code: int, expected: int) -> None:
    """What a merchant owes and what it is owed are both above zero when they are there."""
    assert expected == balance_minor(code, debits_minor=100, credits_minor=30)


def test_an_older_balance_never_replaces_a_newer_one() -> None:
    """seq counts on in the account's partition, so the last transaction wins, told again or not."""
    events = [one for one in whole_payment() if one.record.partition.topic == topics.LEDGER_BALANCES.name]
    again = [*events, *events[:4]]
    assert loaded(events, 1)["mart.balances"] == loaded(again, 2)["mart.balances"]


def test_the_end_of_an_unknown_endpoint_is_no_row() -> None:
    """Nothing is known of it but its id; the gap in the versions is the alarm."""
    events = [one for one in whole_payment() if one.message.envelope.message_id == "evt_m5"]
    assert {} == rows_of(project(events, {}), "mart.webhook_endpoints")


def test_a_delivery_is_found_under_the_id_the_egress_uses() -> None:
    """Both topics must name the same message."""
    assert MESSAGE == ids.webhook_message_id("evt_captured", ENDPOINT)
