"""A delivery is the same row whichever of its two topics is loaded first, and however often."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.postgres.deliveries import DELIVERIES, DeliveryRow
from connectors.postgres.events import Event
from connectors.postgres.rows import needed_by, project
from connectors.postgres.tables import at
from schemas import topics
from schemas.testing import START_MS
from schemas.webhooks import EventResent
from tests.connectors.postgres.whole_payment import (
    BOOK,
    ENDPOINT,
    MESSAGE,
    PUBLISHED,
    RESENT,
    attempt,
    event,
    of,
)

LATER = START_MS + 60_000


def published(*bodies: Any) -> list[Event]:
    """Records of the first topic, a second apart."""
    topic = topics.WEBHOOKS_MESSAGES
    return [
        event(
            topic,
            BOOK,
            of(topic, BOOK, body, f"w{n}", version=n + 3, at_ms=START_MS + n * 1_000),
            offset=n * 2,
        )
        for n, body in enumerate(bodies)
    ]


def attempted(*outcomes: str) -> list[Event]:
    """Records of the second topic, a second apart; resends begin to count anew."""
    topic = topics.WEBHOOKS_ATTEMPTS
    found = []
    for n, outcome in enumerate(outcomes):
        more = {"next_attempt_at_ms": LATER} if outcome == "failed" else {}
        body = attempt(1 + n % 2, outcome, http_status=200 + n, **more)
        message = of(topic, ENDPOINT, body, f"a{n}", at_ms=START_MS + n * 1_000 + 500)
        found.append(event(topic, ENDPOINT, message, offset=n * 3))
    return found


def delivery(events: Sequence[Event], batch: int = 1) -> DeliveryRow | None:
    """The row after loading in batches, guarded by its version as the database guards it."""
    kept: Any = None
    for begin in range(0, len(events), batch):
        part = events[begin : begin + batch]
        assert {MESSAGE} == needed_by(part)[DELIVERIES]
        known = {} if kept is None else {DELIVERIES: {MESSAGE: kept.row}}
        for new in project(part, known).rows(DELIVERIES):
            if kept is None or kept.lineage.version < new.lineage.version:
                kept = new
    row: DeliveryRow | None = None if kept is None else kept.row
    return row


@pytest.mark.parametrize(
    ("bodies", "outcomes", "expected"),
    [
        ([PUBLISHED], [], ("pending", 0, 0, None)),
        ([PUBLISHED], ["failed"], ("failed", 1, 0, 200)),
        ([PUBLISHED], ["failed", "delivered"], ("delivered", 2, 0, 201)),
        ([PUBLISHED], ["failed", "exhausted"], ("exhausted", 2, 0, 201)),
        ([PUBLISHED, RESENT], ["exhausted"], ("exhausted", 1, 1, 200)),
        ([PUBLISHED, RESENT], ["exhausted", "delivered"], ("delivered", 2, 1, 201)),
        ([PUBLISHED, RESENT], ["delivered", "exhausted"], ("delivered", 2, 1, 201)),
        ([RESENT], [], ("pending", 0, 0, None)),
        ([], ["failed"], ("failed", 1, 0, 200)),
    ],
)
def test_a_delivery_stands_as_its_rules_say(
    bodies: list[Any], outcomes: list[str], expected: tuple[Any, ...]
) -> None:
    """The rules are written down in the module of the fold; each has its case."""
    row = delivery([*published(*bodies), *attempted(*outcomes)])
    assert row is not None
    assert expected == (row.status, row.attempts, row.resends, row.last_http_status)
    assert (row.next_attempt_at == at(LATER)) is (row.status == "failed")


def test_delivered_is_when_it_first_was() -> None:
    """A merchant who asks for it once more has had it since the first time."""
    row = delivery([*published(PUBLISHED, RESENT), *attempted("failed", "delivered", "delivered")])
    assert row is not None
    assert (at(START_MS + 1_500), at(START_MS)) == (row.delivered_at, row.created_at)


@given(
    resends=st.integers(0, 3),
    outcomes=st.lists(st.sampled_from(["failed", "delivered", "exhausted"]), max_size=5),
    draw=st.data(),
)
def test_neither_order_nor_batch_nor_repeat_matters(
    resends: int, outcomes: list[str], draw: st.DataObject
) -> None:
    """The topics are loaded at their own pace; each keeps its own order, and parts may come again."""
    messages, attempts = published(PUBLISHED, *[RESENT] * resends), attempted(*outcomes)
    takes = draw.draw(st.permutations([True] * len(messages) + [False] * len(attempts)))
    sources = {True: iter(messages), False: iter(attempts)}
    mixed = [next(sources[is_message]) for is_message in takes]
    again_from = draw.draw(st.integers(0, len(mixed)))
    repeated = [*mixed, *mixed[again_from:]]
    batch = draw.draw(st.integers(1, len(repeated)))
    assert delivery([*messages, *attempts]) == delivery(repeated, batch)


def test_a_resend_to_a_new_endpoint_begins_a_delivery() -> None:
    """An endpoint that came later has its own message, from the resend on."""
    to_other = EventResent(
        event_id="evt_captured",
        type="payment.captured",
        payment_id=PUBLISHED.payment_id,
        payload=PUBLISHED.payload,
        endpoint_ids=("we_later",),
    )
    rows = project(published(PUBLISHED, to_other), {}).rows(DELIVERIES)
    assert ["pending", "pending"] == [one.row.status for one in rows]  # type: ignore[attr-defined]  # rows of that table
