"""P7, Postgres: is every row what the events up to its version add up to, and is every event there once?"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from ops.verify.history import PaymentHistory
from ops.verify.report import Finding
from schemas.envelope import Body
from schemas.payment_views import PaymentSnapshot


class PaymentRow(NamedTuple):
    """What is compared of a row of mart.payments. Amounts in minor units."""

    payment_id: str
    version: int
    merchant_id: str
    customer_id: str | None
    amount: int
    authorized: int
    captured: int
    refunded: int
    currency: str
    status: str
    capture_method: str
    event_id: str
    offset: int


class OperationRow(NamedTuple):
    """What is compared of a row of mart.payment_operations, of which mart.refunds shows the refunds."""

    operation_id: str
    payment_id: str
    version: int
    kind: str
    status: str
    amount: int


class Loaded(NamedTuple):
    """How many events of a partition a log table holds, and the sum of their offsets."""

    events: int = 0
    offsets: int = 0


class LoadedEvents:
    """Counts the events of a partition that must have been loaded, for one log table."""

    def __init__(self, table: str, place: str, *, must_hold_below: int) -> None:
        self._table = table
        self._place = place
        self._below = must_hold_below
        self._seen = Loaded()

    def event(self, offset: int) -> None:
        """The next event that decodes."""
        if offset < self._below:
            self._seen = Loaded(self._seen.events + 1, self._seen.offsets + offset)

    def compare(self, loaded: Loaded, finding: Finding) -> None:
        """Hold the table's rows against the events."""
        finding.checked += self._seen.events
        if loaded != self._seen:
            finding.wrong(
                f"{self._table} holds {loaded.events} events of {self._place} below offset {self._below} (offsets "
                f"sum to {loaded.offsets}), the topic {self._seen.events} ({self._seen.offsets})"
            )


class Tables:
    """Compares the rows of one partition with its events, each row at its own version.

    must_hold_below: events below this offset had been loaded before the rows were read.
    """

    def __init__(
        self,
        payments: Iterable[PaymentRow],
        operations: Iterable[OperationRow],
        finding: Finding,
        *,
        must_hold_below: int,
    ) -> None:
        self._finding = finding
        self._below = must_hold_below
        self._payments = {row.payment_id: row for row in payments}
        self._operations = {row.operation_id: row for row in operations}
        self._matched: set[str] = set()

    def event(
        self, history: PaymentHistory, body: Body, shown: PaymentSnapshot | None, event_id: str
    ) -> None:
        """A payment after its next event."""
        row = self._payments.get(history.payment_id)
        if row is None or history.version > row.version:
            self._newer(history, row)
        elif history.version == row.version and shown is not None:
            self._matched.add(row.payment_id)
            self._compare(row, _expected(history, shown, event_id))
        self._operation(history, body)

    def finish(self) -> None:
        """Name the rows that no event made."""
        versions = {row.payment_id: row.version for row in self._payments.values()}
        versions |= {row.operation_id: row.version for row in self._operations.values()}
        for row_id, version in versions.items():
            if row_id not in self._matched:
                self._finding.wrong(f"mart row {row_id}: no event of its version {version} made it")

    def _operation(self, history: PaymentHistory, body: Body) -> None:
        operation = history.named(body)
        if operation is None:
            return
        row = self._operations.get(operation.operation_id)
        if row is None or operation.version > row.version:
            if history.last_offset < self._below:
                known = "no row" if row is None else f"a row of version {row.version}"
                self._finding.wrong(
                    f"mart.payment_operations {operation.operation_id}: {known}, its event has version {operation.version}"
                )
        elif operation.version == row.version:
            self._matched.add(row.operation_id)
            self._compare(
                row,
                OperationRow(
                    operation_id=operation.operation_id,
                    payment_id=history.payment_id,
                    version=operation.version,
                    kind=operation.kind,
                    status=operation.status,
                    amount=operation.amount_minor,
                ),
            )

    def _newer(self, history: PaymentHistory, row: PaymentRow | None) -> None:
        if history.last_offset < self._below:
            known = "no row" if row is None else f"a row of version {row.version}"
            self._finding.wrong(
                f"mart.payments {history.payment_id}: {known}, its event of version {history.version} is loaded"
            )

    def _compare(self, row: Any, expected: Any) -> None:
        """Rows of one of the two kinds above."""
        self._finding.checked += 1
        if row != expected:
            differing = ", ".join(
                f"{name} is {found}, by the events {wanted}"
                for name, found, wanted in zip(row._fields, row, expected, strict=True)
                if found != wanted
            )
            self._finding.wrong(f"mart row {row[0]}, version {row.version}: {differing}")


def _expected(history: PaymentHistory, shown: PaymentSnapshot, event_id: str) -> PaymentRow:
    return PaymentRow(
        payment_id=history.payment_id,
        version=history.version,
        merchant_id=shown.merchant_id,
        customer_id=shown.customer_id,
        amount=shown.amount,
        authorized=history.authorized_minor,
        captured=history.captured_minor,
        refunded=history.refunded_minor,
        currency=history.currency,
        status=shown.status.value,
        capture_method=shown.capture_method,
        event_id=event_id,
        offset=history.last_offset,
    )
