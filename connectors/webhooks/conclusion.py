"""What follows from the end of an attempt: what is said of it, and the next one if there is one."""

from typing import Final, NamedTuple

from msgspec.structs import replace

from connectors.webhooks.schedule import RetrySchedule
from connectors.webhooks.sender import Ended
from schemas import ids
from schemas.envelope import PLATFORM, Envelope, Message
from schemas.webhooks import AttemptOutcome, DeliverMessage, DeliveryAttempted

ENDPOINT_DELETED: Final = "endpoint_deleted"
_GONE: Final = 410


class Conclusion(NamedTuple):
    """attempted: for the log of attempts. next_attempt: None when there is none."""

    attempted: Message[DeliveryAttempted]
    next_attempt: Message[DeliverMessage] | None


def concluded(
    message: Message[DeliverMessage], ended: Ended, schedule: RetrySchedule, now_ms: int
) -> Conclusion:
    """Delivered; or failed, to be tried again; or exhausted: gone, deleted, asked for once more, or out of delays."""
    tried = message.body
    delay_ms = None
    if not ended.is_delivered and not _is_final(tried, ended):
        delay_ms = schedule.delay_ms(tried.message_id, tried.attempt, retry_after_ms=ended.retry_after_ms)
    due_at_ms = None if delay_ms is None else now_ms + delay_ms
    outcome: AttemptOutcome = "exhausted" if due_at_ms is None else "failed"
    attempted = DeliveryAttempted(
        message_id=tried.message_id,
        event_id=tried.event_id,
        type=tried.type,
        payment_id=tried.payment_id,
        endpoint_id=tried.endpoint.endpoint_id,
        attempt=tried.attempt,
        outcome="delivered" if ended.is_delivered else outcome,
        latency_ms=ended.latency_ms,
        http_status=ended.http_status,
        error=ended.error,
        next_attempt_at_ms=due_at_ms,
        is_resend=tried.is_resend,
    )
    told = Message(envelope=_caused_by(message.envelope, "attempted", now_ms), body=attempted)
    if due_at_ms is None:
        return Conclusion(told, None)
    following = replace(tried, attempt=tried.attempt + 1, due_at_ms=due_at_ms)
    return Conclusion(told, Message(envelope=_caused_by(message.envelope, "failed", now_ms), body=following))


def _is_final(tried: DeliverMessage, ended: Ended) -> bool:
    return tried.is_resend or ended.http_status == _GONE or ended.error == ENDPOINT_DELETED


def _caused_by(cause: Envelope, what: str, now_ms: int) -> Envelope:
    """The envelope of what follows from an attempt; a repeat of the attempt has the same id."""
    return replace(
        cause,
        message_id=ids.digest(cause.message_id, what),
        causation_id=cause.message_id,
        occurred_at_ms=now_ms,
        actor=PLATFORM,
    )
