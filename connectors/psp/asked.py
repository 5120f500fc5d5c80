"""What does a record of psp.requests ask for, and what message tells its result?"""

from dataclasses import dataclass
from typing import assert_never

from msgspec.structs import asdict

from connectors.runtime import Record
from schemas import ids, topics
from schemas.codec import CorruptMessage, codec_of
from schemas.envelope import Actor, Envelope, Message
from schemas.psp import ExecuteOperation, OperationResult, QueryOperation, Request, ResultSource
from schemas.psp_operations import ProviderStatement

_codec = codec_of(topics.PSP_REQUESTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as read: the payment's key, the message, and until when it may be called for.

    not_after_ms: no call for it is ever begun later, Unix milliseconds.
    """

    key: bytes
    message: Message[Request]
    not_after_ms: int

    @property
    def request(self) -> Request:
        """What is asked."""
        return self.message.body


def asked(record: Record) -> Asked:
    """The request in a record. Raises CodecError, also when it lacks what a call needs."""
    message: Message[Request] = _codec.decode(record.value)
    if record.key is None:
        raise CorruptMessage(f"{topics.PSP_REQUESTS.name}: a request without a key belongs to no payment")
    match message.body:
        case QueryOperation(called_not_after_ms=not_after_ms):
            return Asked(key=record.key, message=message, not_after_ms=not_after_ms)
        case ExecuteOperation():
            if message.envelope.not_after_ms is None:
                raise CorruptMessage(
                    f"{topics.PSP_REQUESTS.name}: ExecuteOperation without not_after_ms may never be called"
                )
            return Asked(key=record.key, message=message, not_after_ms=message.envelope.not_after_ms)
        case _:
            assert_never(message.body)


def result_message(
    cause: Message[Request], statement: ProviderStatement, *, source: ResultSource, now_ms: int
) -> Message[OperationResult]:
    """The message that tells what was learned because of `cause` at `now_ms`; a repeat has the same id."""
    request = cause.body
    return Message(
        envelope=Envelope(
            message_id=ids.digest(request.psp_key, source, cause.envelope.message_id),
            causation_id=cause.envelope.message_id,
            correlation_id=cause.envelope.correlation_id,
            occurred_at_ms=now_ms,
            mode=cause.envelope.mode,
            merchant_id=cause.envelope.merchant_id,
            cell=cause.envelope.cell,
            actor=Actor(role="provider", principal=request.provider),
            clock_id=cause.envelope.clock_id,
        ),
        body=OperationResult(
            operation_id=request.operation_id,
            psp_key=request.psp_key,
            call_attempt=request.call_attempt,
            provider=request.provider,
            source=source,
            **asdict(statement),
        ),
    )
