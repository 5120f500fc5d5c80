"""What does an answer of the API say, as far as the demo reads it?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import Struct

IN_REVIEW: Final = "in_review"

_ACCEPTED: Final = 202
_MOVING: Final = frozenset({"pending", "pending_auth", "unknown"})


class NextAction(Struct, frozen=True, kw_only=True):
    """Where the customer has to go."""

    redirect_url: str


class LastError(Struct, frozen=True, kw_only=True):
    """Why the last attempt of a payment failed."""

    decline_code: str | None = None


class Told(Struct, frozen=True, kw_only=True):
    """A payment, refund, merchant, webhook endpoint or pending object; members that are not there are empty."""

    object_id: str = ""
    payment_intent_id: str = ""
    payment_id: str = ""
    refund_id: str = ""
    merchant_id: str = ""
    secret_key: str = ""
    endpoint_id: str = ""
    secret: str = ""
    status: str = ""
    status_url: str = ""
    version: int | None = None
    stale: bool = False
    next_action: NextAction | None = None
    last_error: LastError | None = None

    @property
    def id(self) -> str | None:
        """Id of the object it is about."""
        return self.object_id or self.refund_id or self.payment_id or self.merchant_id or None

    @property
    def is_moving(self) -> bool:
        """Whether a provider's answer is still to come."""
        return self.status in _MOVING


class Fault(Struct, frozen=True, kw_only=True):
    """An error object, with the payment or refund inside where there is one."""

    code: str = ""
    decline_code: str | None = None
    detail: str | None = None
    payment: Told | None = None
    refund: Told | None = None


class _Failed(Struct, frozen=True, kw_only=True):
    error: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer. told: the object it is about, which a refusal may have inside."""

    status: int
    told: Told
    fault: Fault | None = None
    request_id: str | None = None
    location: str | None = None
    retry_after: str | None = None
    is_replayed: bool = False

    @property
    def is_accepted(self) -> bool:
        """Whether what was asked is done or will be."""
        return self.fault is None

    @property
    def is_pending(self) -> bool:
        """Whether the result is still to come by itself; a review waits for an operator."""
        return self.status == _ACCEPTED and self.told.status != IN_REVIEW

    @property
    def status_url(self) -> str:
        """Where the result can be read once it is there; empty if that is not said."""
        return self.location or self.told.status_url


def answer_of(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """An answer as received. A body that is not the API's counts as empty: a proxy or a dying process."""
    is_success = 200 <= status < 300
    fault = None if is_success else _fault(body)
    told = _told(body) if is_success else ((fault.payment or fault.refund) if fault else None) or Told()
    return Answer(
        status=status,
        told=told,
        fault=fault,
        request_id=headers.get("Request-Id"),
        location=headers.get("Location"),
        retry_after=headers.get("Retry-After"),
        is_replayed=headers.get("Idempotent-Replayed") == "true",
    )


_decode_told = msgspec.json.Decoder(Told).decode
_decode_failed = msgspec.json.Decoder(_Failed).decode


def _told(body: bytes) -> Told:
    try:
        return _decode_told(body)
    except msgspec.DecodeError:
        return Told()


def _fault(body: bytes) -> Fault:
    try:
        return _decode_failed(body).error
    except msgspec.DecodeError:
        return Fault()
