"""What does every message carry besides its body: identity, cause, time, actor and where to answer."""

from typing import Annotated, Final, Generic, Literal, TypeVar

from msgspec import Meta, Struct

# Strings on topics are identifiers or codes unless they are marked personal. Personal strings are
# what a person typed or what names a person; they sit in sub-records of their own.
Identifier = Annotated[str, Meta(max_length=255, extra={"personal": False})]
Code = Annotated[str, Meta(max_length=64, extra={"personal": False})]
PersonalText = Annotated[str, Meta(max_length=500, extra={"personal": True})]
# What only its receiver can open still reaches no table.
Sealed = Annotated[bytes, Meta(extra={"secret": True})]

TimeMs = Annotated[int, Meta(ge=0, le=32_503_680_000_000)]
"""Unix milliseconds, up to the year 3000: calendars, and terms of years, still reach further."""
Mode = Literal["test", "live"]
Role = Literal["merchant", "operator", "provider", "system"]

WALL_CLOCK: Final = "wall"


class Actor(Struct, frozen=True, kw_only=True):
    """Who initiated: a merchant, operator, provider or the platform itself, and the API key used."""

    role: Role
    principal: Identifier
    key_id: Identifier | None = None


class ReplyAddress(Struct, frozen=True, kw_only=True, array_like=True):
    """Where and until when a caller waits: partition of api.replies, its request id, wall time.

    is_repeat: it asked for what another caller had asked for before.
    """

    partition: int
    request_id: Identifier
    expires_at_ms: int
    is_repeat: bool = False


class Request(Struct, frozen=True, kw_only=True):
    """What makes a message a command: deduplicated by id, compared by fingerprint, answered."""

    command_id: Identifier
    fingerprint: bytes
    reply_to: ReplyAddress | None = None


class Envelope(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Identity, cause, time and actor of one message.

    occurred_at_ms: Unix milliseconds, taken from the message that caused this one.
    correlation_id: the request id of the API call at the start of the chain.
    aggregate_key, version: of an event, its aggregate and its position in it, 1, 2, ...
    not_after_ms: nobody may act on the message later than this.
    """

    message_id: Identifier
    causation_id: Identifier
    correlation_id: Identifier
    occurred_at_ms: TimeMs
    mode: Mode
    merchant_id: Identifier
    cell: Code
    actor: Actor
    clock_id: Code = WALL_CLOCK
    aggregate_key: Identifier = ""
    version: int = 0
    not_after_ms: int | None = None
    request: Request | None = None


def schema_name(class_name: str) -> str:
    """The name and version a body carries on the wire: `CapturePayment` -> CapturePayment.v1, `..V2` -> .v2."""
    name, separator, version = class_name.rpartition("V")
    return f"{name}.v{version}" if separator and version.isdigit() else f"{class_name}.v1"


class Body(Struct, frozen=True, kw_only=True, tag=schema_name, tag_field="schema"):
    """Base of every message body; the member of a topic's union is told by its `schema`."""


class CommandRefused(Body, frozen=True, kw_only=True):
    """A command was refused; no aggregate changed. Recorded under the merchant that asked."""

    command_id: Identifier
    command: Code
    outcome: Code


B = TypeVar("B", covariant=True)
A = TypeVar("A", covariant=True)


class Message(Struct, Generic[B], frozen=True, kw_only=True):
    """One record's value on a topic. `body` is a member of the topic's union."""

    envelope: Envelope
    body: B


class Recorded(Message[B], Generic[B, A], frozen=True, kw_only=True):
    """An event as it stands on its topic: what happened, and the aggregate `after` it.

    `after` lets a reader show the aggregate without folding; None for refusals, which change nothing.
    """

    after: A | None = None


PLATFORM: Final = Actor(role="system", principal="millrace")
