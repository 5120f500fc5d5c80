"""The report's SQL runs on the real schema and means what it says."""

import warnings
from collections.abc import Iterator

import psycopg
import pytest

from connectors.postgres.migrations import migrate, migrations
from ops.demo.errors import TablesUnreadable
from ops.demo.queries import Queries, queries_of
from ops.demo.tables import Amounts, Stored, Tables
from ops.demo.tally import LastSeen
from ops.stack.ports import free_port

pytestmark = pytest.mark.integration

LINEAGE = "_event_id, _version, _topic, _partition, _offset, _event_at"
LINEAGE_VALUES = "'evt_1', 1, 'topic', 0, 0, now()"


@pytest.fixture(scope="module")
def dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with warnings.catch_warnings():
        # The package looks for a runtime directory that servers of ours do not use.
        warnings.simplefilter("ignore")
        from ops.stack import postgres
    with postgres.running(tmp_path_factory.mktemp("demo-postgres")) as server:
        with psycopg.connect(server.dsn) as connection:
            migrate(connection, migrations())
        yield server.dsn


class Shop:
    """A merchant with rows of its own in the tables."""

    def __init__(self, dsn: str, name: str) -> None:
        self._dsn = dsn
        self.merchant_id = f"mer_{name}"
        self.queries: Queries = queries_of([self.merchant_id])

    def has_payment(self, payment_id: str, status: str, *, version: int, captured_minor: int) -> None:
        self._execute(
            "INSERT INTO mart.payments (payment_id, payment_intent_id, merchant_id, amount_minor,"
            " amount_authorized_minor, amount_captured_minor, amount_refunded_minor, currency, status,"
            f" capture_method, version, mode, created_at, updated_at, {LINEAGE}) VALUES"
            f" (%s, 'pi', %s, 900, 900, %s, 0, 'EUR', %s, 'manual', %s, 'test', now(), now(), {LINEAGE_VALUES})",
            (payment_id, self.merchant_id, captured_minor, status, version),
        )

    def has_operation(self, operation_id: str, kind: str, status: str, code: str | None = None) -> None:
        proof = None if code is None else "answered"
        self._execute(
            "INSERT INTO mart.payment_operations (operation_id, payment_id, merchant_id, mode, kind, status,"
            " amount_minor, currency, provider, call_attempt, queries, failure_code, failure_proof, is_late,"
            f" is_reversed, requested_at, updated_at, version, {LINEAGE}) VALUES (%s, 'pay_1', %s, 'test', %s,"
            f" %s, 900, 'EUR', 'simulator', 0, 0, %s, %s, false, false, now(), now(), 1, {LINEAGE_VALUES})",
            (operation_id, self.merchant_id, kind, status, code, proof),
        )

    def has_answer(self, request_id: str, status: int, *, is_own: bool = True) -> None:
        self._execute(
            "INSERT INTO raw.api_requests (event_id, request_id, method, route, status, outcome, merchant_id,"
            " object_id, is_replayed, duration_us, occurred_at, mode, cell, clock_id, causation_id,"
            f" correlation_id, actor_role, actor_principal, {LINEAGE}) VALUES (%s, %s, 'POST', '/', %s, 'x',"
            f" %s, %s, false, 1, now(), 'test', '00', 'wall', 'c', 'c', 'merchant', 'm', {LINEAGE_VALUES})",
            (
                request_id,
                request_id,
                status,
                self.merchant_id if is_own else None,
                None if is_own else self.merchant_id,
            ),
        )

    async def stored(self, seen: dict[str, LastSeen], *, answers: int = 0, deadline_s: float = 20) -> Stored:
        return await Tables(self._dsn).stored(self.queries, seen, answers=answers, deadline_s=deadline_s)

    def _execute(self, statement: str, values: tuple[object, ...]) -> None:
        with psycopg.connect(self._dsn) as connection:
            connection.execute(statement.encode(), values)


async def test_the_tables_are_read_for_these_merchants_only(dsn: str) -> None:
    """Numbers of another run must not leak into this one's report."""
    shop, other = Shop(dsn, "reads"), Shop(dsn, "another")
    shop.has_payment("pay_a", "captured", version=4, captured_minor=900)
    shop.has_payment("pay_b", "captured", version=4, captured_minor=300)
    shop.has_payment("pay_c", "failed", version=3, captured_minor=0)
    other.has_payment("pay_d", "captured", version=4, captured_minor=900)
    shop.has_operation("auth_c", "sale", "failed", "lost_card")
    shop.has_operation("ref_a", "refund", "failed", "lost_card")
    shop.has_answer("req_a", 201)
    shop.has_answer("req_b", 201, is_own=False)
    other.has_answer("req_c", 201)
    stored = await shop.stored({"pay_a": LastSeen("captured", 4)}, answers=2)
    assert {"captured": 2, "failed": 1} == stored.statuses
    expected = Amounts(currency="EUR", authorized_minor=2_700, captured_minor=1_200, refunded_minor=0)
    assert [expected] == stored.amounts
    assert {"lost_card": 1} == stored.declines
    assert {201: 2} == stored.answers
    assert {"pay_a", "pay_b", "pay_c"} == stored.payment_ids
    assert (0, 0) == (stored.behind, stored.open_count)


async def test_an_older_version_or_a_missing_row_is_behind(dsn: str) -> None:
    """A row that exists is not enough: it must show what the client was told."""
    shop = Shop(dsn, "lags")
    shop.has_payment("pay_old", "authorized", version=3, captured_minor=0)
    seen = {"pay_old": LastSeen("captured", 4), "pay_missing": LastSeen("captured", 4)}
    assert (await shop.stored(seen, deadline_s=0)).behind == 2


async def test_open_operations_are_named(dsn: str) -> None:
    """What has not come to rest is listed, also where an operator or a customer is waited for."""
    shop = Shop(dsn, "open")
    shop.has_operation("cap_open", "capture", "in_review")
    stored = await shop.stored({})
    assert stored.open_count == 1
    assert ["pay_1: capture cap_open is in_review"] == stored.open_operations


async def test_a_database_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A demo without its tables has no report, and says why."""
    monkeypatch.setattr("ops.demo.tables.UNREACHABLE_S", 0.2)
    address = f"postgresql://millrace@127.0.0.1:{free_port()}/millrace"
    with pytest.raises(TablesUnreadable, match="Postgres is away"):
        await Tables(address).stored(queries_of(["mer_1"]), {}, answers=0, deadline_s=1)
