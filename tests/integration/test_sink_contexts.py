"""Rows of every context on the real Postgres: loaded twice, from old databases, with odd texts, and asked."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

import schemas
from api import queries
from connectors.postgres.events import Event
from connectors.postgres.migrations import migrate, migrations
from connectors.postgres.rows import LOGS, STATES
from connectors.runtime import Partition, Record
from ops.stack import postgres as postgres_stack
from schemas import topics
from schemas.testing import MERCHANT
from tests.connectors.postgres.whole_payment import (
    BOOK,
    ENDPOINT,
    PAYMENT,
    whole_payment,
)
from tests.integration.sink_bench import ask, new_database
from tests.integration.sink_loading import load, writing

pytestmark = pytest.mark.integration

README = Path(schemas.__file__).parent.parent / "README.md"
ODD = "a\0b\t\n\\N \"quoted\" 'é' \u2028"
STORED = ODD.replace("\0", "\ufffd")
NEW_DATABASE = Callable[[str], str]


@pytest.fixture
def database(postgres: postgres_stack.Server) -> NEW_DATABASE:
    """Makes empty databases."""
    return lambda name: new_database(postgres.dsn, name)


@pytest.fixture(scope="module")
def loaded(postgres: postgres_stack.Server) -> str:
    """A database that holds one payment with everything that follows from it."""
    dsn = new_database(postgres.dsn, "contexts_loaded")
    with writing(dsn) as writer:
        load(writer, whole_payment(), batch=7)
    return dsn


def contents(dsn: str) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, without when and from which copy of a record they were written."""
    found = {}
    for table in (*LOGS, *STATES):
        columns = ", ".join(table.row.__struct_fields__)
        found[table.name] = ask(dsn, f"SELECT {columns} FROM {table.name} ORDER BY {table.key}")
    return found


def test_every_context_has_its_rows_and_no_anomaly(loaded: str) -> None:
    """The numbers are those of the payment that was loaded."""
    counts = {name: len(rows) for name, rows in contents(loaded).items()}
    assert (9, 6, 10, 5, 1, 1) == tuple(
        counts[name]
        for name in (
            "raw.payment_events",
            "raw.ledger_journal",
            "mart.ledger_entries",
            "mart.balances",
            "mart.webhook_deliveries",
            "mart.recon_results",
        )
    )
    assert [] == ask(loaded, "SELECT * FROM meta.anomalies")
    fresh = ask(loaded, "SELECT topic FROM meta.freshness WHERE lag_seconds IS NOT NULL")
    assert {(topic.name,) for topic in topics.ALL if "postgres" in topic.readers} == set(fresh)


@pytest.mark.parametrize("batch", [3, 50])
def test_loading_everything_again_changes_nothing(database: NEW_DATABASE, loaded: str, batch: int) -> None:
    """Positions moved back on purpose are a repair."""
    dsn = database(f"contexts_again_{batch}")
    with writing(dsn) as writer:
        load(writer, whole_payment(), batch=batch)
        ask(dsn, "UPDATE meta.sink_offset SET next_offset = 0 RETURNING 1")
        load(writer, whole_payment()[10:], batch=batch)
    assert contents(loaded) == contents(dsn)
    assert [] == ask(dsn, "SELECT * FROM meta.anomalies")


def of_topics(*names: str) -> list[Event]:
    return [one for one in whole_payment() if one.record.partition.topic in names]


def test_attempts_may_come_before_what_they_deliver(database: NEW_DATABASE, loaded: str) -> None:
    """The two topics are loaded at their own pace, and the row is the same."""
    dsn = database("attempts_first")
    with writing(dsn) as writer:
        load(writer, of_topics(topics.WEBHOOKS_ATTEMPTS.name)[:1])
        half = "SELECT status, attempts, last_http_status FROM mart.webhook_deliveries"
        assert [("failed", 1, 503)] == ask(dsn, half)
        load(writer, of_topics(topics.WEBHOOKS_MESSAGES.name))
        load(writer, of_topics(topics.WEBHOOKS_ATTEMPTS.name)[1:])
    wanted = contents(loaded)["mart.webhook_deliveries"]
    assert wanted == contents(dsn)["mart.webhook_deliveries"]


def test_versions_of_a_book_that_do_not_follow_are_told(database: NEW_DATABASE) -> None:
    """A book has many records in a batch; each is judged by all before it."""
    dsn = database("book_anomalies")
    journal = of_topics(topics.LEDGER_JOURNAL.name)
    moved = [
        one._replace(record=one.record._replace(offset=offset))
        for offset, one in enumerate([journal[0], journal[1], journal[1], journal[3], journal[4], journal[0]])
    ]
    with writing(dsn) as writer:
        load(writer, moved, batch=4)
    found = ask(
        dsn,
        "SELECT record_offset, kind, version, expected_version FROM meta.anomalies ORDER BY record_offset",
    )
    assert [(2, "repeat", 2, 3), (3, "gap", 4, 3), (5, "repeat", 1, 6)] == found
    assert {(BOOK,)} == set(ask(dsn, "SELECT aggregate_key FROM meta.anomalies"))


def test_a_database_that_holds_rows_is_brought_forward(database: NEW_DATABASE, loaded: str) -> None:
    """The platform of yesterday keeps what it has and learns the rest from the beginning of the new topics."""
    dsn = database("from_0005")
    with psycopg.connect(dsn, autocommit=True) as connection:
        migrate(connection, [one for one in migrations() if one.number <= 5])
        _load_as_before(connection)
    assert [("pending",)] == ask(dsn, "SELECT status FROM mart.refunds")
    with writing(dsn) as writer:
        load(writer, whole_payment())
    assert [(len(migrations()),)] == ask(dsn, "SELECT count(*) FROM meta.migrations")
    assert [("old", "pending"), ("ref", "succeeded")] == [
        (refund_id[:3], status)
        for refund_id, status in ask(dsn, "SELECT refund_id, status FROM mart.refunds ORDER BY 1")
    ]
    assert contents(loaded)["mart.balances"] == contents(dsn)["mart.balances"]


def _load_as_before(connection: psycopg.Connection) -> None:
    """A refund as the tables of the first five files had it."""
    connection.execute("""
        INSERT INTO mart.payment_operations (operation_id, payment_id, merchant_id, mode, kind, cause, status,
            amount_minor, currency, provider, call_attempt, queries, is_late, is_reversed, requested_at,
            updated_at, version, _event_id, _version, _topic, _partition, _offset, _event_at)
        VALUES ('old', 'pay_old', 'mer_old', 'test', 'refund', 'requested', 'requested', 1, 'USD', 'simulator',
            0, 0, false, false, now(), now(), 1, 'evt_old', 1, 'payments.events.v1', 0, 0, now())""")


def _with_odd_texts() -> Sequence[Event]:
    """Texts that COPY, JSON or Postgres might trip over, wherever a record may carry one."""
    found = []
    for one in whole_payment():
        body = one.message.body
        match type(body).__name__:
            case "RiskDecided":
                body = replace(body, reason_code=ODD)
            case "WebhookEndpointCreated":
                body = replace(body, url=ODD, event_types=(ODD, "\\u0000"))
            case "DeliveryAttempted":
                body = replace(body, error=ODD)
            case "EventPublished":
                body = replace(body, payload=bytes(range(256)))
            case "SettlementFileRefused":
                body = replace(body, detail=ODD)
            case "TransactionPosted":
                body = replace(body, template=ODD)
        found.append(one._replace(message=replace(one.message, body=body)))
    return found


def test_odd_texts_are_stored(database: NEW_DATABASE) -> None:
    """Whatever a merchant, a file or a receiver says must not stop the sink for all."""
    dsn = database("odd_texts")
    with writing(dsn) as writer:
        load(writer, _with_odd_texts(), batch=5)
    asked = {
        "SELECT reason_code FROM mart.risk_decisions": STORED,
        f"SELECT url FROM mart.webhook_endpoints WHERE endpoint_id = '{ENDPOINT}'": STORED,
        f"SELECT event_types ->> 0 FROM mart.webhook_endpoints WHERE endpoint_id = '{ENDPOINT}'": STORED,
        "SELECT event_types ->> 1 FROM mart.webhook_endpoints WHERE is_deleted": "\\u0000",
        "SELECT last_error FROM mart.webhook_deliveries": STORED,
        "SELECT payload FROM mart.webhook_events": bytes(range(256)),
        "SELECT detail FROM mart.settlement_files WHERE status = 'refused'": STORED,
        "SELECT DISTINCT type FROM mart.ledger_transactions": STORED,
        "SELECT DISTINCT body ->> 'template' FROM raw.ledger_journal WHERE body ? 'template'": STORED,
    }
    assert asked == {question: ask(dsn, question)[0][0] for question in asked}


def test_a_secret_is_nowhere_in_the_database(loaded: str) -> None:
    """Sealed as it is, it opens what merchants trust."""
    for table in (*LOGS, *STATES):
        sealed = f"SELECT count(*) FROM {table.name} AS one WHERE one::text ~ 'sealed|c2VhbGVk|7365616c6564'"
        assert [(0,)] == ask(loaded, sealed), table.name


def readme_queries() -> dict[str, str]:
    """The statements of the README by the comment above each."""
    [block] = re.findall(r"```sql\n(.*?)```", README.read_text(), re.DOTALL)
    parts = re.findall(r"-- (.*?)\n(.*?);", block, re.DOTALL)
    return dict(parts)


@pytest.mark.parametrize("title", readme_queries())
def test_the_queries_of_the_readme_run(loaded: str, title: str) -> None:
    """The first query an analyst copies has to work."""
    ask(loaded, readme_queries()[title])


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("trial balance", [("test", "USD", 18_320, 18_320, 0)]),
        ("what each merchant has", [(MERCHANT, "USD", 1_000, 5_680, 0)]),
        ("webhooks that did not arrive", []),
        ("where a provider's settlement", []),
        ("what each rule decided", [("known_card", "allow", "trusted_card", 1)]),
        ("payments by status", [("partially_refunded", 1)]),
    ],
)
def test_the_queries_of_the_readme_answer(loaded: str, title: str, expected: list[tuple[Any, ...]]) -> None:
    """What they say of the payment is what happened to it."""
    [statement] = [one for name, one in readme_queries().items() if name.startswith(title)]
    assert expected == ask(loaded, statement)


def test_breaks_and_failures_are_found_by_the_queries_of_the_readme(database: NEW_DATABASE) -> None:
    """A query that never finds anything looks the same as a healthy platform."""
    dsn = database("breaks")
    mismatched = [
        one._replace(message=replace(one.message, after=replace(one.message.after, status="amount_mismatch")))  # type: ignore[attr-defined]  # an event topic's messages are Recorded
        for one in of_topics(topics.RECON_RESULTS.name)
    ]
    with writing(dsn) as writer:
        load(writer, [*mismatched, *of_topics(topics.WEBHOOKS_ATTEMPTS.name)[:1]])
    asked = readme_queries()
    [failed] = ask(dsn, next(one for name, one in asked.items() if name.startswith("webhooks")))
    assert (MERCHANT, ENDPOINT, "payment.captured", "failed", 1, 503) == failed[:6]
    [broken] = ask(dsn, next(one for name, one in asked.items() if name.startswith("where")))
    assert ("amount_mismatch", PAYMENT, 10_000, "USD") == broken[1:5]


class _Connections:
    """The API's way to rows, on one plain connection."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def rows(self, query: Any, parameters: Any) -> list[tuple[Any, ...]]:
        async with await psycopg.AsyncConnection.connect(self._dsn) as connection:
            return await (await connection.execute(query, parameters)).fetchall()


async def test_the_api_reads_balances_and_how_fresh_they_are(loaded: str) -> None:
    """GET /v1/balance shows these rows and no others: of the merchant, of the mode, of its accounts."""
    asked = queries.Queries(_Connections(loaded))  # type: ignore[arg-type]  # what it asks of it is there
    found = await asked.balances(MERCHANT, "test", (2010, 2020, 2060, 1300))
    assert [(2010, "USD", 5_680, 2_500), (2020, "USD", 1_000, 0), (2060, "USD", 0, 0)] == sorted(found)
    assert [] == await asked.balances(MERCHANT, "live", (2010,))
    assert [] == await asked.balances("mer_other", "test", (2010,))
    assert await asked.ledger_as_of_ms() is not None


async def test_nothing_loaded_is_no_time(database: NEW_DATABASE) -> None:
    """A partition that was never read to its end makes every time a lie."""
    dsn = database("never_loaded")
    with psycopg.connect(dsn, autocommit=True) as connection:
        migrate(connection, migrations())
    asked = queries.Queries(_Connections(dsn))  # type: ignore[arg-type]  # what it asks of it is there
    assert await asked.ledger_as_of_ms() is None
    topic = topics.LEDGER_BALANCES.name
    ask(
        dsn,
        "INSERT INTO meta.sink_offset VALUES (%s, 0, 0, NULL, NULL, now()), (%s, 1, 0, NULL, NULL, NULL) RETURNING 1",
        topic,
        topic,
    )
    assert await asked.ledger_as_of_ms() is None


def test_one_book_with_many_records_in_a_batch_is_loaded_in_time(database: NEW_DATABASE) -> None:
    """Everything of a large merchant is one book; looking for gaps must not compare all with all."""
    dsn = database("large_book")
    [first] = of_topics(topics.LEDGER_JOURNAL.name)[:1]
    many = [
        Event(
            Record(Partition(topics.LEDGER_JOURNAL.name, 0), number, 0, BOOK.encode(), b"", ()),
            BOOK,
            replace(
                first.message,
                envelope=replace(first.message.envelope, message_id=f"evt_{number}", version=number + 1),
            ),
        )
        for number in range(4_000)
    ]
    with writing(dsn) as writer:
        load(writer, many, batch=1_000)
    assert [(4_000, 4_000)] == ask(dsn, "SELECT count(*), max(version) FROM raw.ledger_journal")
    assert [] == ask(dsn, "SELECT * FROM meta.anomalies")
