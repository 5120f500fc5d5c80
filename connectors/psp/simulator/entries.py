"""What is written in the provider's book: operations, how actions ended, calls not acted on, settlements."""

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


SettledKind = Literal["capture", "refund"]
FileFormat = Literal["jsonl", "csv"]
BreakKind = Literal["duplicate", "wrong_amount", "unknown", "omit"]


class SettledLine(Struct, frozen=True, kw_only=True):
    """One line of a batch in minor units. gross: negative for refunds; net is gross - fee."""

    line_id: str
    provider_ref: str
    kind: SettledKind
    gross_minor: int
    fee_minor: int
    net_minor: int


class Break(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something a batch tells wrongly on purpose. line_id: the line that does; None where one is left out."""

    kind: BreakKind
    provider_ref: str
    line_id: str | None = None


class Batch(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="batch", tag_field="entry"):
    """What is settled in one file. settled_on: ISO date. omitted: references that will never be settled.

    covered: references settled by this batch, whatever its lines say of them.
    """

    batch_id: str
    provider: str
    settled_on: str
    currency: str
    format: FileFormat
    lines: tuple[SettledLine, ...]
    covered: tuple[str, ...]
    omitted: tuple[str, ...] = ()
    breaks: tuple[Break, ...] = ()


class Delivery(Struct, frozen=True, kw_only=True, tag="delivery", tag_field="entry"):
    """The file of a batch is where it is fetched from."""

    batch_id: str


Entry = Operation | Resolution | Attempt | Batch | Delivery

_DECODER: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)
_ENCODER = msgspec.json.Encoder()


def line_of(entry: Entry) -> bytes:
    """The entry as one line of the book, its end included."""
    return _ENCODER.encode(entry) + b"\n"


def entry_of(line: bytes) -> Entry:
    """The entry of one line. Raises msgspec.DecodeError where it is none."""
    return _DECODER.decode(line)
