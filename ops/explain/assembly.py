"""How do the rows about a payment become its life: every row a step, the steps in the order of cause and time?"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from ops.explain import steps
from ops.explain.life import Amount, Life, Operation, Step
from ops.explain.stored import Found, Row
from schemas import ids

_RANKS: Final = {
    "api": 0,
    "risk": 1,
    "ledger": 2,
    "webhooks": 3,
    "bank": 4,
    "reconciliation": 5,
}
"""What comes first of what happened at the same time."""


class _Timeline(NamedTuple):
    """The events of the payment, in the order of their topic.

    times: of each, never earlier than the one before, whatever the clocks of their causes said.
    """

    times: Sequence[datetime]
    by_cause: Mapping[str, int]
    by_request: Mapping[str, int]
    answering: Mapping[str, int]

    def after(self, at: datetime) -> int:
        """Index of the last event that is not later."""
        return bisect_right(self.times, at) - 1


def life_of(found: Found) -> Life:
    """The life of a payment from all its rows."""
    payment = found.payment
    currency = payment["currency"]
    return Life(
        payment_id=payment["payment_id"],
        payment_intent_id=payment["payment_intent_id"],
        merchant_id=payment["merchant_id"],
        mode=payment["mode"],
        status=payment["status"],
        version=payment["version"],
        amount=Amount(amount_minor=payment["amount_minor"], currency=currency),
        authorized=Amount(amount_minor=payment["amount_authorized_minor"], currency=currency),
        captured=Amount(amount_minor=payment["amount_captured_minor"], currency=currency),
        refunded=Amount(amount_minor=payment["amount_refunded_minor"], currency=currency),
        as_of=None if found.as_of is None else steps.rfc3339(found.as_of),
        operations=tuple(_operation(row) for row in found.operations),
        steps=tuple(_in_order(found)),
    )


def _in_order(found: Found) -> Iterator[Step]:
    """Events stand as their topic has them; every other step behind the last event it cannot precede."""
    timeline = _timeline(found.events)
    hung: dict[int, list[tuple[tuple[datetime, int, str, int], Step]]] = defaultdict(list)
    for row, step in _others(found):
        at = steps.time_of(row)
        order = (at, _RANKS[step.context], step.place.topic, step.place.offset)
        hung[_anchor(timeline, row, step, at)].append((order, step))
    for index in range(-1, len(found.events)):
        if index >= 0:
            yield steps.of_event(found.events[index], found.payment["currency"])
        yield from (step for _, step in sorted(hung[index], key=lambda one: one[0]))


def _others(found: Found) -> Iterator[tuple[Row, Step]]:
    legs: dict[str, list[Row]] = defaultdict(list)
    for entry in found.entries:
        legs[entry["transaction_id"]].append(entry)
    yield from ((row, steps.of_request(row)) for row in found.requests)
    yield from ((row, steps.of_decision(row)) for row in found.decisions)
    yield from ((row, steps.of_transaction(row, legs[row["transaction_id"]])) for row in found.transactions)
    yield from ((row, steps.of_ledger_refusal(row)) for row in found.refusals)
    yield from ((row, steps.of_webhook_event(row)) for row in found.webhook_events)
    yield from ((row, steps.of_attempt(row)) for row in found.attempts)
    yield from ((row, steps.of_recon_event(row)) for row in found.recon_events)
    yield from ((row, steps.of_file(row)) for row in found.files)


def _timeline(events: Sequence[Row]) -> _Timeline:
    times: list[datetime] = []
    by_cause: dict[str, int] = {}
    by_request: dict[str, int] = {}
    answering: dict[str, int] = {}
    for index, event in enumerate(events):
        times.append(max(times[-1], event["occurred_at"]) if times else event["occurred_at"])
        by_cause.setdefault(event["causation_id"], index)
        by_request.setdefault(event["correlation_id"], index)
        body = event["body"]
        if event["type"] == "RefundReserved" or body.get("proof") == "refused_by_ledger":
            answering.setdefault(body["operation_id"], index)
    return _Timeline(times, by_cause, by_request, answering)


def _anchor(timeline: _Timeline, row: Row, step: Step, at: datetime) -> int:
    """Index of the event a step follows; what caused an event cannot come after it."""
    latest = timeline.after(at)
    caused = timeline.by_cause.get(row["_event_id"])
    if step.context == "api":
        caused = timeline.by_request.get(row["request_id"])
        return latest if caused is None else caused - 1
    if caused is None and _is_reservation(row, step, timeline):
        caused = timeline.answering[row["reference_id"]]
    return latest if caused is None else min(latest, caused - 1)


def _is_reservation(row: Row, step: Step, timeline: _Timeline) -> bool:
    """The first thing the ledger says of a refund is what its reservation waits for."""
    if step.context != "ledger" or row["reference_id"] not in timeline.answering:
        return False
    return steps.time_of(row) <= timeline.times[timeline.answering[row["reference_id"]]]


def _operation(row: Row) -> Operation:
    moved = row["amount_moved_minor"]
    currency = row["currency"]
    is_called = row["status"] != "reserving"
    return Operation(
        operation_id=row["operation_id"],
        kind=row["kind"],
        status=row["status"],
        provider=row["provider"],
        asked=Amount(amount_minor=row["amount_minor"], currency=currency),
        moved=None if moved is None else Amount(amount_minor=moved, currency=currency),
        provider_ref=row["provider_ref"],
        idempotency_keys=tuple(
            ids.psp_key(row["operation_id"], attempt)
            for attempt in range(row["call_attempt"] + 1 if is_called else 0)
        ),
        queries=row["queries"],
        failure_code=row["failure_code"],
        failure_proof=row["failure_proof"],
        conflict=row["conflict"],
    )
