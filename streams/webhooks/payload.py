"""What does a merchant receive: an event as JSON, rendered once and then only ever sent as it is."""

from typing import Final

import msgspec
from msgspec import Struct

from schemas.envelope import Mode
from schemas.payment_views import PaymentView, RefundView
from schemas.rendering import PaymentAnswer, RefundAnswer, rfc3339, shown
from schemas.webhooks import AnnounceEvent

API_VERSION: Final = "1"
"""Version of the API whose objects events hold."""
_PERSONAL: Final = {PaymentView: ("description", "metadata"), RefundView: ("reason",)}
"""Fields that are not announced, because events are kept for ever and personal data is erasable."""

_encode: Final = msgspec.json.Encoder().encode


class _Content(Struct, frozen=True, kw_only=True):
    """The object as the API showed it then. omitted: names of the fields left empty; the API shows them."""

    object: PaymentAnswer | RefundAnswer
    omitted: tuple[str, ...]


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
    at = rfc3339(occurred_at_ms)
    event = _Event(
        id=announced.event_id,
        type=announced.type,
        timestamp=at,
        api_version=API_VERSION,
        livemode=mode == "live",
        sequence=announced.sequence,
        data=_Content(object=shown(announced.object), omitted=_PERSONAL[type(announced.object)]),
        event_id=announced.event_id,
        payment_id=announced.payment_id,
        occurred_at=at,
    )
    return _encode(event)
