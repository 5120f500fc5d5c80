"""What is written in the provider's book: operations, how customer actions ended, calls not acted on."""

from typing import Final, Literal

import msgspec
from msgspec import Struct

from connectors.psp.simulator.requests import Kind, Status

PENDING_ACTION: Final = "requires_action"


class Operation(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="operation", tag_field="entry"):
    """Something the provider decided on under a key; times are Unix milliseconds.

    original_reference: what a capture, void or refund acts on.
    settled_at_ms: when the status became final; None while the customer has to act.
    expires_at_ms: when what an authorization leaves uncaptured is released; None is never.
    action_expires_at_ms: when a pending customer action is declined.
    """

    provider_ref: str
    idempotency_key: str
    fingerprint: str
    payment_reference: str
    operation: Kind
    amount_minor: int
    currency: str
    status: Status
    created_at_ms: int
    settled_at_ms: int | None = None
    decline_code: str | None = None
    original_reference: str | None = None
    expires_at_ms: int | None = None
    action_expires_at_ms: int | None = None
    callback_url: str | None = None
    metadata: dict[str, str] = {}


class Resolution(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="resolution", tag_field="entry"):
    """How an operation that waited for its customer ended."""

    provider_ref: str
    status: Literal["succeeded", "declined"]
    settled_at_ms: int
    decline_code: str | None = None
    expires_at_ms: int | None = None


class Attempt(Struct, frozen=True, kw_only=True, tag="attempt", tag_field="entry"):
    """A call nothing was done for, because of `cause`: a token's behaviour or a drawn fault."""

    idempotency_key: str
    payment_reference: str
    cause: str
    at_ms: int


Entry = Operation | Resolution | Attempt

_DECODER: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)
_ENCODER = msgspec.json.Encoder()


def line_of(entry: Entry) -> bytes:
    """The entry as one line of the book, its end included."""
    return _ENCODER.encode(entry) + b"\n"


def entry_of(line: bytes) -> Entry:
    """The entry of one line. Raises msgspec.DecodeError where it is none."""
    return _DECODER.decode(line)
