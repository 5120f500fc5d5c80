"""R1 and R2 hold on what the real stage makes of the real provider's batches, and each breaks when tampered with."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
import pytest
from msgspec.structs import replace

from connectors.psp.simulator.entries import Batch, Operation
from connectors.psp.simulator.settlement import Breaks, Occasion, SettlementRequest, planned
from ops.verify.reconciliation import Movement, Reconciliation, ResultRow
from ops.verify.report import Invariant
from ops.verify.settlements import Account, SettledBatch
from schemas import ids
from schemas.reconciliation import ExpectMovement, MovementKind, SettlementLine
from streams.reconciliation.testing import EXPECTED_WINDOW_MS, LINE_WINDOW_MS, Story

PROVIDER = "simulator"
BREAKS = Breaks(duplicate=2, wrong_amount=2, unknown=1, omit=2)


class World(NamedTuple):
    """What three independent parties say."""

    account: Account
    movements: list[Movement]
    rows: list[ResultRow]
    accepted: frozenset[str]


def operations() -> list[Operation]:
    """Captures and refunds in two currencies."""
    return [
        Operation(
            provider_ref=f"psp_{index:02}",
            idempotency_key=f"k{index}",
            fingerprint="",
            payment_reference=f"pay_{index}",
            operation="refund" if index % 5 == 0 else "capture",
            amount_minor=100 + index,
            currency="USD" if index % 2 else "EUR",
            status="succeeded",
            created_at_ms=index,
        )
        for index in range(1, 21)
    ]


def kind_of(operation: Operation) -> MovementKind:
    return "refund" if operation.operation == "refund" else "capture"


def movement_of(operation: Operation) -> Movement:
    return Movement(
        provider=PROVIDER,
        provider_ref=operation.provider_ref,
        operation_id=f"op-{operation.provider_ref}",
        kind=kind_of(operation),
        amount_minor=operation.amount_minor,
        currency=operation.currency,
    )


def told(
    movements: Sequence[Movement], batches: Sequence[Batch], *, lines_first: bool
) -> dict[str, list[Any]]:
    """What the stage hears of each reference."""
    said: dict[str, list[Any]] = {}
    expected = [
        ExpectMovement(
            provider=PROVIDER,
            provider_ref=one.provider_ref,
            payment_id="pay",
            operation_id=one.operation_id,
            kind="refund" if one.kind == "refund" else "capture",
            amount_minor=one.amount_minor,
            currency=one.currency,
        )
        for one in movements
    ]
    lines = [
        SettlementLine(
            line_id=line.line_id,
            file_id=ids.file_id(batch.provider, batch.batch_id),
            provider=batch.provider,
            provider_ref=line.provider_ref,
            kind=line.kind,
            gross_minor=line.gross_minor,
            fee_minor=line.fee_minor,
            net_minor=line.net_minor,
            currency=batch.currency,
            settled_on=batch.settled_on,
        )
        for batch in batches
        for line in batch.lines
    ]
    for body in (*lines, *expected) if lines_first else (*expected, *lines):
        said.setdefault(body.provider_ref, []).append(body)
    return said


def rows_of(said: dict[str, list[Any]], *, is_late: bool) -> list[ResultRow]:
    rows = []
    for bodies in said.values():
        story = Story()
        for body in bodies:
            story.tell(body)
        if is_late:
            story.wait(EXPECTED_WINDOW_MS + LINE_WINDOW_MS)
        rows.append(msgspec.convert(msgspec.to_builtins(story.shown), ResultRow))
    return rows


def world(*, lines_first: bool = False, is_late: bool = True) -> World:
    """Two settlements with breaks, a movement after them, and the stage that heard it all."""
    done = operations()
    occasion = Occasion(provider=PROVIDER, settled_on="2027-01-15", number=0)
    batches = planned(done[:12], SettlementRequest(breaks=BREAKS), occasion)
    later = Occasion(provider=PROVIDER, settled_on="2027-01-16", number=len(batches))
    batches = [*batches, *planned(done[12:18], SettlementRequest(breaks=Breaks(omit=1), seed=3), later)]
    account = Account(
        batches=[msgspec.convert(msgspec.to_builtins(one), SettledBatch) for one in batches],
        pending=[one.provider_ref for one in done[18:]],
    )
    movements = [movement_of(one) for one in done]
    rows = rows_of(told(movements, batches, lines_first=lines_first), is_late=is_late)
    accepted = frozenset(ids.file_id(PROVIDER, one.batch_id) for one in batches)
    return World(account, movements, rows, accepted)


def judged(given: World, open_refs: Sequence[str] = ()) -> dict[str, Invariant]:
    judge = Reconciliation(
        given.account, given.movements, accepted=given.accepted, open_refs=frozenset(open_refs)
    )
    return {one.id: one for one in judge.judge(given.rows)}


def broken(given: World, open_refs: Sequence[str] = ()) -> set[str]:
    return {name for name, one in judged(given, open_refs).items() if not one.passed}


@pytest.mark.parametrize("lines_first", [False, True])
@pytest.mark.parametrize("is_late", [False, True])
def test_a_true_world_raises_no_alarm(lines_first: bool, is_late: bool) -> None:
    """Whatever came first and whether or not windows are over: the breaks are those injected."""
    verdicts = judged(world(lines_first=lines_first, is_late=is_late))
    assert {"R1": True, "R2": True} == {name: one.passed for name, one in verdicts.items()}, verdicts
    assert 8 == verdicts["R2"].checked


def index_of(rows: Sequence[ResultRow], status: str) -> int:
    return next(index for index, row in enumerate(rows) if row.status == status)


def with_row(given: World, stands: str, **changes: Any) -> World:
    rows = list(given.rows)
    at = index_of(rows, stands)
    rows[at] = replace(rows[at], **changes)
    return given._replace(rows=rows)


def without_row(given: World, status: str) -> World:
    rows = list(given.rows)
    del rows[index_of(rows, status)]
    return given._replace(rows=rows)


def without_break(given: World, kind: str) -> World:
    """Something happened by itself that the provider does not know it did."""
    batches = [
        replace(one, breaks=[broke for broke in one.breaks if broke.kind != kind])
        for one in given.account.batches
    ]
    return given._replace(account=replace(given.account, batches=batches))


def without_movement(given: World) -> World:
    ref = given.rows[index_of(given.rows, "matched")].provider_ref
    return given._replace(movements=[one for one in given.movements if one.provider_ref != ref])


def never_moved(given: World) -> World:
    """We booked what the provider has no trace of."""
    return given._replace(account=replace(given.account, pending=given.account.pending[1:]))


def with_second_movement(given: World) -> World:
    return given._replace(movements=[*given.movements, replace(given.movements[0], operation_id="other")])


TAMPERED: dict[str, tuple[Callable[[World], World], set[str]]] = {
    "a break that is shown as matched": (
        lambda w: with_row(w, "amount_mismatch", status="matched"),
        {"R1", "R2"},
    ),
    "a match that is shown as a break": (
        lambda w: with_row(w, "matched", status="amount_mismatch"),
        {"R1", "R2"},
    ),
    "an amount of ours": (lambda w: with_row(w, "matched", expected_minor=1), {"R1"}),
    "an operation of ours": (lambda w: with_row(w, "matched", operation_id="op"), {"R1"}),
    "a kind of ours": (lambda w: with_row(w, "matched", kind="void"), {"R1"}),
    "an amount of theirs": (lambda w: with_row(w, "matched", settled_minor=1), {"R1"}),
    "a fee": (lambda w: with_row(w, "matched", fee_minor=1), {"R1"}),
    "a line": (lambda w: with_row(w, "matched", line_id="l"), {"R1"}),
    "a file": (lambda w: with_row(w, "matched", file_id="f"), {"R1"}),
    "a day": (lambda w: with_row(w, "matched", settled_on="2027-01-17"), {"R1"}),
    "a duplicate too many": (lambda w: with_row(w, "amount_mismatch", duplicates=1), {"R1", "R2"}),
    "a match lost": (lambda w: without_row(w, "matched"), {"R1"}),
    "an unknown line lost": (lambda w: without_row(w, "missing_internal"), {"R1", "R2"}),
    "a missing line settled": (
        lambda w: with_row(w, "missing_external", status="matched", line_id="l", settled_minor=1),
        {"R1"},
    ),
    "a reference twice": (lambda w: w._replace(rows=[*w.rows, w.rows[0]]), {"R1"}),
    "a result of nothing": (
        lambda w: w._replace(
            rows=[*w.rows, ResultRow(provider=PROVIDER, provider_ref="x", status="matched")]
        ),
        {"R1"},
    ),
    "a movement we did not book": (without_movement, {"R1"}),
    "a movement the provider never made": (never_moved, {"R2"}),
    "two movements of one reference": (with_second_movement, {"R1"}),
    "a duplicate nobody injected": (lambda w: without_break(w, "duplicate"), {"R2"}),
    "a wrong amount nobody injected": (lambda w: without_break(w, "wrong_amount"), {"R2"}),
    "an unknown line nobody injected": (lambda w: without_break(w, "unknown"), {"R2"}),
    "an omission nobody injected": (lambda w: without_break(w, "omit"), {"R2"}),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_every_tampering_is_seen(what: str) -> None:
    """A judge that was never seen to fail proves nothing."""
    tamper, expected = TAMPERED[what]
    assert expected <= broken(tamper(world()))


def test_lines_of_files_not_read_yet_are_not_judged() -> None:
    """A file may lie in the inbox while the platform is judged."""
    given = world()
    unread = given.account.batches[-1]
    refs = {line.provider_ref for line in unread.lines}
    rows = [
        replace(
            row,
            status="expected",
            line_id=None,
            file_id=None,
            settled_minor=None,
            settled_currency=None,
            fee_minor=None,
            settled_on=None,
            duplicates=0,
        )
        if row.provider_ref in refs
        else row
        for row in given.rows
    ]
    accepted = given.accepted - {ids.file_id(PROVIDER, unread.batch_id)}
    verdicts = judged(given._replace(rows=rows, accepted=accepted))
    assert all(one.passed for one in verdicts.values()), verdicts
    assert "not accepted yet" in "".join(verdicts["R1"].evidence)


def test_a_line_of_an_operation_without_outcome_is_no_break() -> None:
    """The provider may settle before we learn what it did."""
    given = world()
    matched = given.rows[index_of(given.rows, "matched")]
    alone = replace(
        matched,
        status="missing_internal",
        operation_id=None,
        expected_minor=None,
        expected_currency=None,
    )
    rows = [alone if row is matched else row for row in given.rows]
    movements = [one for one in given.movements if one.provider_ref != matched.provider_ref]
    unknown = given._replace(rows=rows, movements=movements)
    assert {"R2"} == broken(unknown)
    assert set() == broken(unknown, [matched.provider_ref])
