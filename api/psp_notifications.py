"""What does a provider tell us unasked, and did it really say so?"""

import hashlib

from api.answers import Answer, to_json
from api.calls import Call
from api.problems import Problem
from api.requests_log import NOBODY
from api.services import Services
from schemas import ids, psp_callbacks, topics
from schemas.codec import codec_of
from schemas.envelope import Actor, Envelope, Message
from schemas.outcomes import Outcome

SIGNATURE_HEADER = "Provider-Signature"

_encode = codec_of(topics.PSP_NOTIFICATIONS).encode


async def receive(services: Services, call: Call) -> Answer:
    """POST /v1/psp/notifications/{provider}: acknowledged once it cannot be lost."""
    settings = services.settings
    provider = call.part("provider")
    if provider != settings.psp_provider:
        raise Problem(Outcome.NOT_FOUND)
    signature = call.request.headers.get(SIGNATURE_HEADER)
    if not psp_callbacks.verify(
        settings.psp_callback_secret, signature, call.body, call.accepted_at_ms / 1000
    ):
        raise Problem(Outcome.UNAUTHENTICATED, f"{SIGNATURE_HEADER} does not sign this body, or too long ago")
    try:
        payment_id, result = psp_callbacks.result_of(call.body)
    except psp_callbacks.CallbackError as error:
        raise Problem(Outcome.BODY_INVALID, "no callback about an operation of ours") from error
    key = ids.key_of(payment_id)
    if key is None or result.provider != provider:
        raise Problem(Outcome.BODY_INVALID, "no callback about an operation of ours")
    # A callback that is delivered again is the same message.
    message_id = ids.digest("notification", provider, hashlib.sha256(call.body).hexdigest())
    envelope = Envelope(
        message_id=message_id,
        causation_id=call.request_id,
        correlation_id=call.request_id,
        occurred_at_ms=call.accepted_at_ms,
        mode=call.mode,
        merchant_id=NOBODY,
        cell=settings.cell,
        actor=Actor(role="provider", principal=provider),
    )
    value = _encode(Message(envelope=envelope, body=result))
    await services.producer.send_acknowledged(topics.PSP_NOTIFICATIONS.name, key.encode(), value)
    return Answer(outcome=Outcome.SUCCEEDED, body=to_json({"received": True}), object_id=result.operation_id)
