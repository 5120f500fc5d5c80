"""What does a merchant receive: an event as JSON, rendered once and then only ever sent as it is."""

from typing import Final

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from schemas.envelope import Mode
from schemas.rendering import PaymentAnswer, RefundAnswer, rfc3339, shown
from schemas.webhooks import AnnounceEvent

API_VERSION: Final = "1"
"""Version of the API whose objects events hold."""
MAX_PAYLOAD_BYTES: Final = 20_000
"""What receivers may expect an event to stay under."""

_encode: Final = msgspec.json.Encoder().encode


class _Content(Struct, frozen=True, kw_only=True):
    """The object as the API showed it then. omitted: names of the fields left empty because they are too long."""

    object: PaymentAnswer | RefundAnswer
    omitted: tuple[str, ...] | UnsetType = UNSET


class _Event(Struct, frozen=True, kw_only=True):
    id: str
    type: str
    timestamp: str
    api_version: str
    livemode: bool
    sequence: int
    data: _Content
    event_id: str
    payment_id: str
    occurred_at: str


def rendered(announced: AnnounceEvent, *, mode: Mode, occurred_at_ms: int) -> bytes:
    """The event as it is signed and sent; `event_id`, `payment_id` and `occurred_at` say the same at the top."""
    content = _Content(object=shown(announced.object))
    payload = _encode(_event(announced, content, mode, occurred_at_ms))
    if len(payload) <= MAX_PAYLOAD_BYTES:
        return payload
    return _encode(_event(announced, _shortened(content.object), mode, occurred_at_ms))


def _event(announced: AnnounceEvent, content: _Content, mode: Mode, occurred_at_ms: int) -> _Event:
    at = rfc3339(occurred_at_ms)
    return _Event(
        id=announced.event_id,
        type=announced.type,
        timestamp=at,
        api_version=API_VERSION,
        livemode=mode == "live",
        sequence=announced.sequence,
        data=content,
        event_id=announced.event_id,
        payment_id=announced.payment_id,
        occurred_at=at,
    )


def _shortened(whole: PaymentAnswer | RefundAnswer) -> _Content:
    """Without the merchant's own metadata, the one field that can be that long."""
    assert isinstance(whole, PaymentAnswer), "a refund has no metadata"
    return _Content(object=replace(whole, metadata={}), omitted=("metadata",))
