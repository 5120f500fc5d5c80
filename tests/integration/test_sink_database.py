"""The sink's tables on the real Postgres: described, granted, guarded against gaps and zombies."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event as Flag
from typing import Any

import psycopg
import pytest

from connectors.postgres.app import prepare
from connectors.postgres.database import Database, DatabaseUnavailable
from connectors.postgres.events import Event
from connectors.postgres.migrations import Migration, MigrationRefused, migrate, migrations
from connectors.postgres.rows import LOGS, STATES, needed_by, project
from connectors.postgres.tables import Table, at
from connectors.postgres.writer import Advance, Writer
from connectors.runtime import Assigned, OwnershipLost, Partition, Record
from ops.stack import postgres as postgres_stack
from schemas import topics
from schemas.envelope import Recorded
from schemas.money import EXPONENTS
from schemas.payment_views import PaymentSnapshot
from schemas.payments import PaymentNotes, PaymentStatus
from schemas.testing import PAYMENT_KEY, START_MS
from streams.payments.testing import Story
from tests.integration.sink_bench import ask, new_database

pytestmark = pytest.mark.integration

PARTITION = Partition(topics.PAYMENTS_EVENTS.name, 0)
CATALOG = "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'v')"
OURS = "AND n.nspname IN ('raw', 'mart', 'meta', 'personal')"


@pytest.fixture
def dsn(postgres: postgres_stack.Server, request: pytest.FixtureRequest) -> str:
    """A migrated database of the test's own."""
    address = new_database(postgres.dsn, request.node.name.partition("[")[0][:60].lower())
    with psycopg.connect(address, autocommit=True) as connection:
        migrate(connection, migrations())
    return address


@pytest.fixture
def database(dsn: str) -> Iterator[Database]:
    opened = Database(dsn, Flag(), prepare)
    yield opened
    opened.discard()


def event(body_event: Any, offset: int, **after: Any) -> Event:
    """An event of the payment as it stands at an offset of the topic."""
    version = body_event.envelope.version
    shown = PaymentSnapshot(
        payment_intent_id=f"pi_{PAYMENT_KEY}",
        payment_id=f"pay_{PAYMENT_KEY}",
        merchant_id=body_event.envelope.merchant_id,
        status=PaymentStatus.CAPTURED,
        **{"amount": 10_000, "amount_authorized": 0, "amount_captured": 0, "amount_refunded": 0} | after,
        currency="USD",
        capture_method="manual",
        created_at_ms=START_MS,
        updated_at_ms=START_MS,
        version=version,
    )
    message = Recorded(envelope=body_event.envelope, body=body_event.body, after=shown)
    return Event(Record(PARTITION, offset, START_MS, PAYMENT_KEY.encode(), b"", ()), PAYMENT_KEY, message)


def story() -> list[Any]:
    """The seven events of a payment that is captured and refunded."""
    return Story().captured().refund().provider("succeeded").history.events


def load(writer: Writer, events: Sequence[Event], from_offset: int) -> int:
    """Write a batch; the next offset."""
    next_offset = events[-1].record.offset + 1
    advance = Advance(PARTITION, from_offset, next_offset, at(START_MS), is_at_end=True)
    writer.write([advance], needed_by(events), partial(project, events))
    return next_offset


def test_every_table_and_column_is_described(dsn: str) -> None:
    """A column nobody explained is one that two teams read in two ways."""
    silent = ask(dsn, f"SELECT n.nspname, c.relname {CATALOG} {OURS} AND obj_description(c.oid) IS NULL")
    assert [] == silent
    columns = CATALOG.replace("WHERE", "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 WHERE")
    missing = "AND col_description(c.oid, a.attnum) IS NULL AND NOT a.attisdropped"
    assert [] == ask(dsn, f"SELECT n.nspname, c.relname, a.attname {columns} {OURS} {missing}")


@pytest.mark.parametrize("table", [*LOGS, *STATES], ids=lambda table: table.name)
def test_rows_fit_their_tables(postgres: postgres_stack.Server, table: Table) -> None:
    """The row types and the SQL are two files that must say the same."""
    address = new_database(postgres.dsn, f"fit_{table.name.replace('.', '_')}")
    with psycopg.connect(address, autocommit=True) as connection:
        migrate(connection, migrations())
    schema, _, name = table.name.partition(".")
    question = (
        "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s"
    )
    assert {*table.columns, "_loaded_at"} == {column for (column,) in ask(address, question, schema, name)}


def test_migrations_are_applied_once_even_by_two(postgres: postgres_stack.Server) -> None:
    """Two processes start at the same moment after a deployment."""
    address = new_database(postgres.dsn, "migrated_by_two")

    def bring_forward(_: int) -> None:
        with psycopg.connect(address, autocommit=True) as connection:
            migrate(connection, migrations())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(bring_forward, range(4)))
    assert [(len(migrations()),)] == ask(address, "SELECT count(*) FROM meta.migrations")
    assert sorted(EXPONENTS.items()) == ask(address, "SELECT code, exponent FROM meta.currencies ORDER BY 1")


def test_a_failed_migration_leaves_nothing(dsn: str) -> None:
    """A half-made schema would be nobody's."""
    broken = Migration(len(migrations()) + 1, "9999_broken.sql", "CREATE TABLE mart.half (); SELECT 1 / 0")
    with psycopg.connect(dsn, autocommit=True) as connection, pytest.raises(psycopg.errors.DivisionByZero):
        migrate(connection, (*migrations(), broken))
    assert [(None,)] == ask(dsn, "SELECT to_regclass('mart.half')")


def test_a_changed_migration_is_refused(dsn: str) -> None:
    """The database of a developer must not differ from production's under the same numbers."""
    first, *rest = migrations()
    with psycopg.connect(dsn, autocommit=True) as connection, pytest.raises(MigrationRefused):
        migrate(connection, (first._replace(sql=first.sql + "-- edited"), *rest))


@pytest.mark.parametrize(
    ("role", "schemas"),
    [
        ("reader", {"mart", "meta"}),
        ("analyst", {"mart", "meta", "raw"}),
        ("api", {"mart", "meta", "raw", "personal"}),
        ("ops", {"mart", "meta", "raw", "personal"}),
    ],
)
def test_roles_see_what_they_may(postgres: postgres_stack.Server, role: str, schemas: set[str]) -> None:
    """Analysts work on everything but people; nobody but the sink writes."""
    address = new_database(postgres.dsn, f"seen_by_{role}")
    with psycopg.connect(address, autocommit=True) as connection:
        migrate(connection, migrations())
    may = f"has_schema_privilege('{role}', n.oid, 'USAGE') AND has_table_privilege('{role}', c.oid, 'SELECT')"
    assert {(schema,) for schema in schemas} == set(
        ask(address, f"SELECT n.nspname {CATALOG} {OURS} AND {may}")
    )
    write = f"has_table_privilege('{role}', c.oid, 'INSERT, UPDATE, DELETE')"
    assert [] == ask(address, f"SELECT n.nspname {CATALOG} {OURS} AND {write}")


def test_a_payment_and_its_refund_are_rows(dsn: str, database: Database) -> None:
    """What merchants and analysts see of the simplest story, over two batches."""
    writer = Writer(database)
    assert {PARTITION: 0} == writer.positions([Assigned(PARTITION, 0, 9)])
    events = [event(one, offset) for offset, one in enumerate(story())]
    load(writer, events[4:], load(writer, events[:4], 0))
    assert [("succeeded", 10_000, "requested")] == ask(
        dsn, "SELECT status, amount_minor, cause FROM mart.refunds"
    )
    kinds = (
        "SELECT kind, status, amount_moved_minor FROM mart.payment_operations ORDER BY requested_at, version"
    )
    assert [(kind, "succeeded", 10_000) for kind in ("authorize", "capture", "refund")] == ask(dsn, kinds)
    assert [(9, 8)] == ask(dsn, "SELECT version, _offset FROM mart.payments")
    assert [] == ask(dsn, "SELECT * FROM meta.anomalies")


def test_a_zombie_writes_nothing(dsn: str, database: Database) -> None:
    """The position is the fence: who has an old one has lost the partition."""
    writer = Writer(database)
    writer.positions([Assigned(PARTITION, 0, 9)])
    events = [event(one, offset) for offset, one in enumerate(story())]
    load(writer, events[:3], 0)
    with pytest.raises(OwnershipLost, match="1 of 1 positions"):
        load(Writer(database), events[:5], 0)
    assert [(3,)] == ask(dsn, "SELECT count(*) FROM raw.payment_events")


def test_versions_that_do_not_follow_are_told(dsn: str, database: Database) -> None:
    """A gap, a repeat and another content under an old version are three different alarms."""
    writer = Writer(database)
    writer.positions([Assigned(PARTITION, 0, 9)])
    one = story()
    other = Story().create(amount=7).history.events[0]
    events = [
        event(one[0], 0),
        event(one[1], 1),
        event(one[1], 2),
        event(one[3], 3),
        event(other, 4, amount=7),
        event(one[4], 5),
    ]
    next_offset = load(writer, events[:4], 0)
    load(writer, events[4:], next_offset)
    found = ask(
        dsn,
        "SELECT record_offset, kind, version, expected_version FROM meta.anomalies ORDER BY record_offset",
    )
    assert [(2, "repeat", 2, 3), (3, "gap", 4, 3), (4, "conflict", 1, 5)] == found
    # The first content under a version stays, and the payment does not go back.
    assert [("10000",)] == ask(
        dsn, "SELECT body ->> 'amount_minor' FROM raw.payment_events WHERE version = 1"
    )
    assert [(5,)] == ask(dsn, "SELECT version FROM mart.payments")


def test_loading_again_from_the_beginning_finds_nothing_new(dsn: str, database: Database) -> None:
    """Moving the position back on purpose is a repair, not an anomaly."""
    writer = Writer(database)
    writer.positions([Assigned(PARTITION, 0, 9)])
    events = [event(one, offset) for offset, one in enumerate(story())]
    load(writer, events, 0)
    before = ask(dsn, "SELECT * FROM mart.payment_operations ORDER BY 1")
    ask(dsn, "UPDATE meta.sink_offset SET next_offset = 0 RETURNING 1")
    load(writer, events[:5], 0)
    load(writer, events[5:], 5)
    assert [] == ask(dsn, "SELECT * FROM meta.anomalies")
    assert before == ask(dsn, "SELECT * FROM mart.payment_operations ORDER BY 1")


def test_a_broken_connection_is_opened_again(dsn: str, database: Database) -> None:
    """A database that restarts costs a moment, not the process."""
    writer = Writer(database)
    writer.positions([Assigned(PARTITION, 0, 9)])
    events = [event(one, offset) for offset, one in enumerate(story())]
    next_offset = load(writer, events[:3], 0)
    ask(
        dsn,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'millrace.postgres'"
        " AND datname = current_database()",
    )
    load(writer, events[3:], next_offset)
    assert [(9,)] == ask(dsn, "SELECT count(*) FROM raw.payment_events")


def test_a_commit_whose_answer_was_lost_is_not_repeated(
    dsn: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The position tells whether the transaction happened, so nothing is guessed."""
    writer = Writer(database)
    writer.positions([Assigned(PARTITION, 0, 9)])
    events = [event(one, offset) for offset, one in enumerate(story())]
    connection = database.connection()
    transaction = connection.transaction

    class Lost:
        """A transaction that commits, and whose connection then breaks."""

        def __enter__(self) -> None:
            self.real = transaction()
            self.real.__enter__()

        def __exit__(self, *error: Any) -> None:
            self.real.__exit__(*error)
            raise psycopg.OperationalError("the connection broke after the commit")

    monkeypatch.setattr(connection, "transaction", Lost)
    load(writer, events, 0)
    assert [(9,)] == ask(dsn, "SELECT count(*) FROM raw.payment_events")
    assert [(9,)] == ask(dsn, "SELECT next_offset FROM meta.sink_offset")


def test_a_stopped_process_does_not_wait_for_the_database() -> None:
    """SIGTERM must end a sink within seconds even when Postgres is away."""
    stopping = Flag()
    stopping.set()
    with pytest.raises(DatabaseUnavailable, match="stopped while waiting"):
        Database("postgresql://nobody@127.0.0.1:1/none", stopping, prepare).connection()


def test_text_that_postgres_refuses_is_stored_without_it(dsn: str, database: Database) -> None:
    """A NUL typed by one customer must not stop the sink for all."""
    writer = Writer(database)
    writer.positions([Assigned(PARTITION, 0, 9)])
    created = story()[0]
    notes = PaymentNotes(description="a\0b", metadata={"k\0": "\\u0000"})
    body = type(created.body)(
        **{name: getattr(created.body, name) for name in created.body.__struct_fields__} | {"notes": notes}
    )
    load(writer, [event(type(created)(envelope=created.envelope, body=body), 0)], 0)
    stored = ask(dsn, "SELECT description, metadata FROM personal.payment_notes")
    assert [("a\ufffdb", {"k\ufffd": "\\u0000"})] == stored
