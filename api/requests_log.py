"""Which answers has the API given: each one is written to api.requests."""

import structlog
from confluent_kafka import KafkaError

from api.calls import Call
from api.problems import Problem
from api.producer import Producer
from schemas import topics
from schemas.api import AnsweredRequest
from schemas.codec import codec_of
from schemas.envelope import PLATFORM, Envelope, Message
from schemas.settings import Settings

NOBODY = "platform"
"""The merchant of what belongs to none."""

_encode = codec_of(topics.API_REQUESTS).encode
_MAX_CODE = 64
_log = structlog.get_logger(__name__)


class RequestsLog:
    """Writes answers without making anyone wait; the producer's flush at the end waits for them all."""

    def __init__(self, settings: Settings, producer: Producer) -> None:
        self._settings = settings
        self._producer = producer

    def write(
        self,
        call: Call,
        *,
        status: int,
        outcome: str,
        duration_us: int,
        object_id: str | None,
        object_version: int | None,
        is_replayed: bool,
    ) -> None:
        """Note one answer."""
        caller = call.caller
        merchant = caller.principal if caller is not None and caller.role == "merchant" else None
        answered = AnsweredRequest(
            request_id=call.request_id,
            method=call.request.method[:_MAX_CODE],
            route=call.route,
            status=status,
            outcome=outcome,
            mode=self._settings.mode,
            merchant_id=merchant,
            idempotency_key=call.idempotency_key,
            object_id=object_id,
            object_version=object_version,
            is_replayed=is_replayed,
            duration_us=duration_us,
        )
        envelope = Envelope(
            message_id=call.request_id,
            causation_id=call.request_id,
            correlation_id=call.request_id,
            occurred_at_ms=call.accepted_at_ms,
            mode=self._settings.mode,
            merchant_id=merchant or NOBODY,
            cell=self._settings.cell,
            actor=PLATFORM if caller is None else call.actor,
        )
        value = _encode(Message(envelope=envelope, body=answered))
        try:
            self._producer.send(topics.API_REQUESTS.name, call.request_id.encode(), value, _note)
        except Problem as problem:
            _log.error("answer_not_logged", request_id=call.request_id, reason=problem.outcome.code)


def _note(error: KafkaError | None) -> None:
    if error is not None:
        _log.error("answer_not_logged", reason=str(error))
