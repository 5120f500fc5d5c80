"""R1, R2: does every reference read as its movement and its lines say, and are the breaks those injected?

What can be decided exactly, and what cannot:

- A movement whose line is in an accepted file has one result: matched or amount_mismatch, with the
  first line and the number of further ones.
- A movement the provider left out for ever reads expected, then, after the window, missing_external.
  When the window ends is a matter of time, so either is right; nothing else is.
- So does a movement that is in no file yet. It is no break.
- What is in a file that was not accepted before the results were read, or was booked since (`moving`),
  may or may not be in them: it is not judged.
- A movement the provider neither settled, left out nor has pending is one it never made: a fault.
- A line without a movement reads unexpected, then missing_internal; it is right where the reference
  was invented, or where our operation has no known outcome yet (`open_refs`); else a fault.

Read the results first, then the movements, then the account, once the stage has caught up: then
every result has its reasons in what was read after it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from ops.verify.report import Finding, Invariant
from ops.verify.settlements import Account, SettledBatch, SettledLine
from schemas import ids

_COUNTED_DUPLICATES: Final = 16
_WAITING: Final = frozenset({"expected", "missing_external"})
_UNKNOWN: Final = frozenset({"unexpected", "missing_internal"})


class Reference(NamedTuple):
    """What is reconciled: a provider and its reference."""

    provider: str
    provider_ref: str


class Movement(Struct, frozen=True, kw_only=True, gc=False):
    """Money our payments booked as moved. amount: positive for refunds too, in minor units."""

    provider: str
    provider_ref: str
    operation_id: str
    kind: str
    amount_minor: int
    currency: str


class ResultRow(Struct, frozen=True, kw_only=True, gc=False):
    """A row of mart.recon_results."""

    provider: str
    provider_ref: str
    status: str
    duplicates: int = 0
    operation_id: str | None = None
    kind: str | None = None
    expected_minor: int | None = None
    expected_currency: str | None = None
    line_id: str | None = None
    file_id: str | None = None
    settled_minor: int | None = None
    settled_currency: str | None = None
    fee_minor: int | None = None
    settled_on: str | None = None


class _Told(NamedTuple):
    batch: SettledBatch
    line: SettledLine


class Reconciliation:
    """Judges result rows against our movements and the provider's account.

    accepted: ids of the files our reader has told in whole. open_refs: references of operations whose
    outcome our side does not know yet. moving: references of movements the results may not show yet.
    """

    def __init__(
        self,
        account: Account,
        movements: Iterable[Movement],
        *,
        accepted: Collection[str],
        open_refs: Collection[str] = (),
        moving: Collection[Reference] = (),
    ) -> None:
        self._reads = Finding("R1", "results read as movements and settlement lines say")
        self._breaks = Finding("R2", "the breaks found are exactly those injected")
        self._account, self._open_refs = account, frozenset(open_refs)
        self._movements: dict[Reference, Movement] = {}
        for movement in movements:
            self._take(movement)
        self._lines: dict[Reference, list[_Told]] = {}
        self._not_yet = frozenset(account.pending)
        self._moving = set(moving)
        for batch in account.batches:
            self._settle(batch, is_accepted=ids.file_id(batch.provider, batch.batch_id) in accepted)

    def judge(self, rows: Iterable[ResultRow]) -> Sequence[Invariant]:
        """The verdicts on these rows, which are all there are."""
        by_reference: dict[Reference, ResultRow] = {}
        for row in rows:
            reference = Reference(row.provider, row.provider_ref)
            if reference in by_reference:
                self._reads.wrong(f"{_name(reference)} has two results")
            by_reference[reference] = row
        for reference in sorted({*self._movements, *self._lines, *by_reference} - self._moving):
            self._reads.checked += 1
            self._reference(reference, by_reference.get(reference))
        self._compare(by_reference)
        return (
            self._reads.invariant(
                f"{len(by_reference)} results against {len(self._movements)} movements of ours and "
                f"{sum(map(len, self._lines.values()))} lines of the provider"
            ),
            self._breaks.invariant(
                f"{self._breaks.checked} breaks found against those the provider injected"
            ),
        )

    def _take(self, movement: Movement) -> None:
        reference = Reference(movement.provider, movement.provider_ref)
        before = self._movements.setdefault(reference, movement)
        if before != movement:
            self._reads.wrong(
                f"{_name(reference)} is of two movements, {before.operation_id} and {movement.operation_id}"
            )

    def _settle(self, batch: SettledBatch, *, is_accepted: bool) -> None:
        if not is_accepted:
            self._moving.update(Reference(batch.provider, line.provider_ref) for line in batch.lines)
            self._reads.remark(f"not judged: {len(batch.lines)} lines of {batch.batch_id}, not accepted yet")
            return
        for line in batch.lines:
            reference = Reference(batch.provider, line.provider_ref)
            self._lines.setdefault(reference, []).append(_Told(batch, line))

    def _reference(self, reference: Reference, row: ResultRow | None) -> None:
        movement, lines = self._movements.get(reference), self._lines.get(reference, [])
        if row is None:
            what = "our movement" if movement is not None else "a line of the provider"
            self._reads.wrong(f"{_name(reference)} has no result, and is in {what}")
            return
        if movement is None and not lines:
            self._reads.wrong(f"{_name(reference)} is {row.status}, and nobody moved or settled it")
            return
        for fault in (*_our_side(movement, row), *_their_side(lines, row)):
            self._reads.wrong(f"{_name(reference)}: {fault}")
        statuses = _statuses(movement, lines)
        if row.status not in statuses:
            self._reads.wrong(
                f"{_name(reference)} is {row.status}, it should be {' or '.join(sorted(statuses))}"
            )

    def _compare(self, rows: Mapping[Reference, ResultRow]) -> None:
        found = {
            one
            for reference, row in rows.items()
            if reference not in self._moving
            for one in self._found(reference, row)
        }
        injected: set[tuple[str, Reference]] = {
            (one.kind, Reference(batch.provider, one.provider_ref))
            for batch in self._account.batches
            for one in batch.breaks
            if Reference(batch.provider, one.provider_ref) not in self._moving
        }
        self._breaks.checked += len(found)
        for missed, reference in sorted(injected - found):
            self._breaks.wrong(f"{_name(reference)}: a break was injected and is not found: {missed}")
        for kind, reference in sorted(found - injected):
            self._breaks.wrong(f"{_name(reference)}: a break is found that nobody injected: {kind}")

    def _found(self, reference: Reference, row: ResultRow) -> Sequence[tuple[str, Reference]]:
        """The breaks a row shows, by the name of what would have to be injected to get them."""
        kinds = ["duplicate"] if row.duplicates > 0 else []
        if row.status == "amount_mismatch":
            kinds.append("wrong_amount")
        if row.status in _UNKNOWN and row.provider_ref not in self._open_refs:
            kinds.append("unknown")
        if row.status in _WAITING and row.provider_ref not in self._not_yet:
            kinds.append("omit")
        return [(kind, reference) for kind in kinds]


def _statuses(movement: Movement | None, lines: Sequence[_Told]) -> frozenset[str]:
    if movement is None:
        return _UNKNOWN
    if not lines:
        return _WAITING
    batch, line = lines[0]
    signed_minor = movement.amount_minor * (-1 if movement.kind == "refund" else 1)
    agree = (line.kind, line.gross_minor, batch.currency) == (movement.kind, signed_minor, movement.currency)
    return frozenset({"matched" if agree else "amount_mismatch"})


def _our_side(movement: Movement | None, row: ResultRow) -> list[str]:
    shown = (row.operation_id, row.expected_minor, row.expected_currency)
    if movement is None:
        return [] if shown == (None, None, None) else [f"shows a movement {shown} that we did not book"]
    ours = (movement.operation_id, movement.amount_minor, movement.currency)
    faults = [] if shown == ours else [f"shows the movement {shown}, we booked {ours}"]
    if row.kind != movement.kind:
        faults.append(f"shows a {row.kind}, we booked a {movement.kind}")
    return faults


def _their_side(lines: Sequence[_Told], row: ResultRow) -> list[str]:
    shown = (
        row.line_id,
        row.file_id,
        row.settled_minor,
        row.settled_currency,
        row.fee_minor,
        row.settled_on,
    )
    further = min(max(len(lines) - 1, 0), _COUNTED_DUPLICATES)
    faults = [] if row.duplicates == further else [f"counts {row.duplicates} duplicates, there are {further}"]
    theirs: tuple[object, ...] = (None,) * len(shown)
    if lines:
        batch, line = lines[0]
        file_id = ids.file_id(batch.provider, batch.batch_id)
        amounts = (line.gross_minor, batch.currency, line.fee_minor)
        theirs = (line.line_id, file_id, *amounts, batch.settled_on)
    return faults if shown == theirs else [*faults, f"shows the line {shown}, the file has {theirs}"]


def _name(reference: Reference) -> str:
    return f"{reference.provider}:{reference.provider_ref}"
