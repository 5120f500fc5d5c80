"""P7: rows and digests of tables, and rows of Postgres, break when they are not what the events make."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from ops.simulation.world import World
from ops.verify.folds import Changelog, Folds
from ops.verify.history import PaymentHistory
from ops.verify.report import Finding
from ops.verify.tables import Loaded, LoadedEvents, OperationRow, PaymentRow, Tables
from schemas.envelope import Recorded
from schemas.settings import Settings
from streams.engine import positions
from streams.engine.digest import digest_of
from streams.engine.positions import POSITIONS_KEY
from streams.payments.app import payments
from streams.payments.state import Payment
from streams.table import STATE

Events = Sequence[Recorded[Any, Any]]
Rows = dict[bytes, bytes]
ALL = 1 << 60


@pytest.fixture
def rows(world: World) -> Rows:
    """The tables of all tasks as one."""
    return {
        name: row
        for (stage, _), task in world.tasks.items()
        if stage == "payments"
        for name, row in task.store.items().items()
    }


def changelog_of(rows: Rows, finding: Finding, said: Rows | None = None) -> Changelog:
    """A changelog that ends with the positions of the table `said`."""
    changelog = Changelog("payments.0", finding)
    for key, value in rows.items():
        changelog.record(key, b"an older value")
        changelog.record(key, value)
    start = positions.genesis({}, {})
    table = digest_of((said or rows).items())
    end = positions.following(start, {}, records=len(rows), checksum=0, table=table)
    changelog.record(POSITIONS_KEY, positions.encode(end))
    changelog.check()
    return changelog


def fold(rows: Rows, events: Events, *, below: int = ALL) -> Finding:
    finding = Finding("P7", "tables")
    folds = Folds(payments(Settings()), changelog_of(rows, finding), finding, must_hold_below=below)
    for offset, event in enumerate(events):
        folds.event(event.envelope.aggregate_key, event, offset)
    folds.finish()
    return finding


def changed(rows: Rows, change: Callable[[Payment], Payment]) -> Rows:
    name = next(name for name, row in rows.items() if name.startswith(STATE) and b"operations" in row)
    state = change(msgspec.json.decode(rows[name], type=Payment))
    return {**rows, name: msgspec.json.encode(state)}


def test_the_tables_of_a_troubled_world_are_its_folds(rows: Rows, events: Events) -> None:
    """Crashes, zombies and lost disks leave the tables what the events make of them."""
    finding = fold(rows, events)
    assert 0 == finding.fault_count, finding.invariant("")
    assert finding.checked > 20


def test_a_changed_row_is_named(rows: Rows, events: Events) -> None:
    """A row that drifts from its events decides wrongly from then on."""
    told = fold(changed(rows, lambda state: replace(state, amount_minor=state.amount_minor + 1)), events)
    assert 1 == told.fault_count
    assert "they differ in amount_minor" in told.invariant("").evidence[0]


def test_a_lost_row_is_named(rows: Rows, events: Events) -> None:
    """An aggregate whose row is gone would be created once more."""
    name = next(name for name in rows if name.startswith(STATE))
    assert fold({key: row for key, row in rows.items() if key != name}, events).fault_count > 0


def test_a_row_behind_its_events_is_named(rows: Rows, events: Events) -> None:
    """A row restored to an older version forgets what happened since."""
    older = changed(rows, lambda state: replace(state, version=state.version - 1))
    assert fold(older, events).fault_count > 0


def test_a_row_ahead_of_its_events_is_named(rows: Rows, events: Events) -> None:
    """A row without events cannot be rebuilt."""
    newer = changed(rows, lambda state: replace(state, version=state.version + 1))
    assert "do not reach it" in fold(newer, events).invariant("").evidence[0]


def test_events_written_while_we_read_are_no_fault(rows: Rows, events: Events) -> None:
    """Traffic goes on: what came after the cut may be missing from the older changelog."""
    name = next(name for name in rows if name.startswith(STATE))
    less = {key: row for key, row in rows.items() if key != name}
    assert 0 == fold(less, events, below=0).fault_count


def test_a_digest_of_other_rows_is_seen(rows: Rows) -> None:
    """A row that was lost or written by somebody else leaves the digest behind."""
    finding = Finding("P7", "tables")
    changelog_of(rows, finding, said=dict(list(rows.items())[1:]))
    assert "digest" in finding.invariant("").evidence[0]


def test_a_torn_changelog_is_seen(rows: Rows) -> None:
    """Every transaction ends with its positions."""
    finding = Finding("P7", "tables")
    changelog = changelog_of(rows, finding)
    changelog.record(b"state/x", b"{}")
    changelog.check()
    assert "inside a transaction" in finding.invariant("").evidence[0]


def mart(events: Events) -> tuple[list[PaymentRow], list[OperationRow]]:
    """Rows as a right load leaves them."""
    histories: dict[str, PaymentHistory] = {}
    shown: dict[str, tuple[Any, str]] = {}
    for offset, event in enumerate(events):
        if event.after is not None:
            key = event.envelope.aggregate_key
            histories.setdefault(key, PaymentHistory(key)).add(event.body, event.envelope.version, offset)
            shown[key] = (event.after, event.envelope.message_id)
    paid = [
        PaymentRow(
            payment_id=after.payment_id,
            version=after.version,
            merchant_id=after.merchant_id,
            customer_id=after.customer_id,
            amount=after.amount,
            authorized=after.amount_authorized,
            captured=after.amount_captured,
            refunded=after.amount_refunded,
            currency=after.currency,
            status=after.status.value,
            capture_method=after.capture_method,
            event_id=event_id,
            offset=histories[key].last_offset,
        )
        for key, (after, event_id) in shown.items()
    ]
    done = [
        OperationRow(
            operation_id=one.operation_id,
            payment_id=history.payment_id,
            version=one.version,
            kind=one.kind,
            status=one.status,
            amount=one.amount_minor,
        )
        for history in histories.values()
        for one in history.operations.values()
    ]
    return paid, done


def compare(
    paid: Sequence[PaymentRow], done: Sequence[OperationRow], events: Events, *, below: int = ALL
) -> Finding:
    finding = Finding("P7", "tables")
    tables = Tables(paid, done, finding, must_hold_below=below)
    histories: dict[str, PaymentHistory] = {}
    for offset, event in enumerate(events):
        if event.after is not None:
            key = event.envelope.aggregate_key
            history = histories.setdefault(key, PaymentHistory(key))
            history.add(event.body, event.envelope.version, offset)
            tables.event(history, event.body, event.after, event.envelope.message_id)
    tables.finish()
    return finding


def test_rows_that_follow_from_the_events_are_right(events: Events) -> None:
    """The load did its work."""
    finding = compare(*mart(events), events)
    assert 0 == finding.fault_count, finding.invariant("")


@pytest.mark.parametrize("field", ["authorized", "captured", "refunded", "amount", "offset"])
def test_a_changed_number_is_named(field: str, events: Events) -> None:
    """One wrong amount in a table is a wrong balance in a report."""
    paid, done = mart(events)
    wrong = [paid[0]._replace(**{field: getattr(paid[0], field) + 1}), *paid[1:]]
    finding = compare(wrong, done, events)
    assert 1 == finding.fault_count
    assert f"{field} is" in finding.invariant("").evidence[0]


def test_a_changed_or_missing_operation_is_named(events: Events) -> None:
    """mart.refunds is made of these rows."""
    paid, done = mart(events)
    assert 1 == compare(paid, [done[0]._replace(status="postponed"), *done[1:]], events).fault_count
    assert compare(paid, done[1:], events).fault_count > 0


def test_a_missing_or_invented_payment_is_named(events: Events) -> None:
    """Every payment is there once, and nothing else."""
    paid, done = mart(events)
    assert compare(paid[1:], done, events).fault_count > 0
    invented = paid[0]._replace(payment_id="pay_invented")
    assert "no event of its version" in compare([*paid, invented], done, events).invariant("").evidence[0]


def test_an_old_row_is_right_while_traffic_goes_on(events: Events) -> None:
    """A row is held against the events up to its own version, and later ones are not yet due."""
    paid, done = mart(events[: len(events) // 2])
    assert 0 == compare(paid, done, events, below=len(events) // 2).fault_count
    assert compare(paid, done, events).fault_count > 0


def test_a_log_table_with_another_number_of_events_is_seen() -> None:
    """Neither a lost nor a doubled row may hide; two wrongs may not cancel out."""
    for loaded, faults in ((Loaded(2, 3), 0), (Loaded(1, 1), 1), (Loaded(3, 3), 1), (Loaded(2, 4), 1)):
        counted, finding = LoadedEvents("raw.x", "x:0", must_hold_below=5), Finding("P7", "tables")
        for offset in (1, 2, 7):
            counted.event(offset)
        counted.compare(loaded, finding)
        assert faults == finding.fault_count, loaded
