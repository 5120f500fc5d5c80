"""What follows from the end of an attempt, case by case."""

import pytest
from msgspec.structs import replace

from connectors.webhooks.conclusion import ENDPOINT_DELETED, concluded
from connectors.webhooks.schedule import RetrySchedule
from connectors.webhooks.sender import Ended
from schemas.envelope import Message
from schemas.testing import START_MS, envelope
from schemas.webhooks import DeliverMessage, Endpoint

SCHEDULE = RetrySchedule((1_000, 2_000))
FIRST = DeliverMessage(
    message_id="msg_1",
    event_id="evt_1",
    type="payment.captured",
    payment_id="pay_1",
    endpoint=Endpoint(endpoint_id="we_1", url="https://shop.example", event_types=("*",), sealed_secret=b"s"),
    payload=b"{}",
    attempt=1,
    begun_at_ms=START_MS,
    due_at_ms=START_MS,
)
OK, BROKEN, GONE = (Ended(latency_ms=1, http_status=status) for status in (204, 500, 410))
SILENT, DELETED = (Ended(latency_ms=1, error=error) for error in ("timeout", ENDPOINT_DELETED))


@pytest.mark.parametrize(
    ("tried", "ended", "outcome"),
    [
        (FIRST, OK, "delivered"),
        (FIRST, Ended(latency_ms=1, http_status=301), "failed"),
        (FIRST, BROKEN, "failed"),
        (FIRST, SILENT, "failed"),
        (FIRST, GONE, "exhausted"),
        (FIRST, DELETED, "exhausted"),
        (replace(FIRST, attempt=2), BROKEN, "failed"),
        (replace(FIRST, attempt=3), BROKEN, "exhausted"),
        (replace(FIRST, attempt=3), OK, "delivered"),
        (replace(FIRST, is_resend=True), BROKEN, "exhausted"),
        (replace(FIRST, is_resend=True), OK, "delivered"),
    ],
)
def test_what_becomes_of_an_attempt(tried: DeliverMessage, ended: Ended, outcome: str) -> None:
    """A failed attempt has a next one; delivered and exhausted ones have none."""
    message = Message(envelope=envelope("deliver-1"), body=tried)
    attempted, following = concluded(message, ended, SCHEDULE, START_MS + 7)
    told = attempted.body
    assert (outcome, tried.attempt, ended.http_status, ended.error) == (
        told.outcome,
        told.attempt,
        told.http_status,
        told.error,
    )
    assert (outcome == "failed") == (following is not None) == (told.next_attempt_at_ms is not None)
    if following is not None:
        assert told.next_attempt_at_ms == following.body.due_at_ms
        again = replace(tried, attempt=tried.attempt + 1, due_at_ms=following.body.due_at_ms)
        assert again == following.body
        base = (1_000, 2_000)[tried.attempt - 1]
        assert base <= following.body.due_at_ms - START_MS - 7 <= base * 1.1


def test_a_repeat_of_an_attempt_is_told_under_the_same_id() -> None:
    """A process that died after sending sends again; the log of attempts keeps one row."""
    message = Message(envelope=envelope("deliver-1"), body=FIRST)
    one, two = (concluded(message, BROKEN, SCHEDULE, START_MS + late) for late in (1, 99))
    assert one.attempted.envelope.message_id == two.attempted.envelope.message_id
    assert one.next_attempt is not None and two.next_attempt is not None
    assert one.next_attempt.envelope.message_id == two.next_attempt.envelope.message_id
    assert one.attempted.envelope.message_id != one.next_attempt.envelope.message_id
