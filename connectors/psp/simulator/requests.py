"""What may a provider be asked to do, and is a request well formed?"""

import hashlib
import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from connectors.psp.simulator.problems import Problem, invalid

Kind = Literal["authorize", "sale", "capture", "void", "refund"]
Status = Literal["succeeded", "declined", "requires_action"]

AMOUNT_LIMIT_MINOR = 10**15
BODY_LIMIT_BYTES = 64 * 1024
KEY_HEADER = "Idempotency-Key"

Reference = Annotated[str, Meta(min_length=1, max_length=255)]
AmountMinor = Annotated[int, Meta(ge=1, le=AMOUNT_LIMIT_MINOR)]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]
Token = Annotated[str, Meta(max_length=64, pattern=r"^tok_[A-Za-z0-9_]+\Z")]
Url = Annotated[str, Meta(max_length=2048, pattern=r"^https?://[^\s/]+")]
Metadata = Annotated[
    dict[Annotated[str, Meta(max_length=40)], Annotated[str, Meta(max_length=500)]], Meta(max_length=20)
]


class PaymentMethod(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The card, as a token; see `tokens` for those with a behaviour of their own."""

    type: Annotated[str, Meta(min_length=1, max_length=32)]
    token: Token


class OperationRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One operation, in minor units of an ISO 4217 currency.

    payment_reference: the caller's name of the payment; effects are listed by it.
    amount_minor: required but for a void, where its absence means all that is not captured.
    payment_method: of an authorize or sale. original_reference: what the others act on.
    callback_url: overrides the configured address for this operation's callbacks.
    metadata: what the caller wants to find again in every view of the operation.
    """

    operation: Kind
    payment_reference: Reference
    currency: Currency
    amount_minor: AmountMinor | None = None
    payment_method: PaymentMethod | None = None
    original_reference: Reference | None = None
    callback_url: Url | None = None
    metadata: Metadata = {}


_DECODER = msgspec.json.Decoder(OperationRequest)
_ENCODER = msgspec.json.Encoder()
_PATH = re.compile(r"at `\$\.([^`]+)`")
_FIELD = re.compile(r"field `([^`]+)`")


def parsed(body: bytes) -> OperationRequest | Problem:
    """The request in a body, or what is wrong with it, naming the field."""
    try:
        request = _DECODER.decode(body)
    except msgspec.DecodeError as error:
        return invalid(field_named_by(error), f"{error}.")
    return _missing_or_superfluous(request) or request


def parsed_key(header: str | None) -> str | Problem:
    """The idempotency key in its header: 1..255 printable ASCII characters."""
    if header is None or not 1 <= len(header) <= 255 or not (header.isascii() and header.isprintable()):
        return invalid(KEY_HEADER, f"Send {KEY_HEADER} with 1 to 255 printable ASCII characters.")
    return header


def fingerprint(request: OperationRequest) -> str:
    """Equal for equal requests, however they were spelled."""
    return hashlib.sha256(_ENCODER.encode(request)).hexdigest()[:32]


def field_named_by(error: msgspec.DecodeError) -> str | None:
    """The field a decoding error speaks of, None where it speaks of the whole body."""
    found = (_PATH.search(str(error)), _FIELD.search(str(error)))
    return ".".join(match[1] for match in found if match is not None) or None


def _missing_or_superfluous(request: OperationRequest) -> Problem | None:
    needed, forbidden = "original_reference", "payment_method"
    if request.operation in ("authorize", "sale"):
        needed, forbidden = forbidden, needed
    if getattr(request, needed) is None:
        return invalid(needed, f"A {request.operation} needs {needed}.")
    if getattr(request, forbidden) is not None:
        return invalid(forbidden, f"A {request.operation} takes no {forbidden}.")
    if request.amount_minor is None and request.operation != "void":
        return invalid("amount_minor", f"A {request.operation} needs amount_minor.")
    return None
