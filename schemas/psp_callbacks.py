"""Did the provider really send this callback, and what does it say of which payment?"""

import hmac
from typing import Final, Literal

import msgspec
from msgspec import Struct

from schemas.envelope import Identifier
from schemas.psp import OperationResult
from schemas.psp_operations import OperationMetadata, OperationObject, statement_of

TOLERANCE_S: Final = 300


class CallbackError(ValueError):
    """A callback that cannot be used.

    MalformedCallback   the signed bytes are no callback about an operation of ours
    """


class MalformedCallback(CallbackError):
    """The body is no operation callback, or lacks what we attached to the call."""


class _CalledOperation(OperationObject, frozen=True, kw_only=True):
    idempotency_key: Identifier
    payment_reference: Identifier
    metadata: OperationMetadata


class _Callback(Struct, frozen=True, kw_only=True):
    id: Identifier
    type: Literal["operation.updated"]
    operation: _CalledOperation


_read = msgspec.json.Decoder(_Callback).decode


def verify(
    secret: str, header: str | None, raw_body: bytes, now_s: float, tolerance_s: float = TOLERANCE_S
) -> bool:
    """True if `header` (`t=<unix seconds>,v1=<hex hmac>`) signs `raw_body` with `secret` and is recent.

    The signature is HMAC-SHA256 over `t`, a full stop and the body as received. Several v1 parts are
    allowed, so that a secret can be changed. An empty secret verifies nothing.
    """
    parts = [part.strip().partition("=") for part in (header or "").split(",")]
    signed_at = [value for name, _, value in parts if name == "t"]
    signatures = [value for name, _, value in parts if name == "v1"]
    if not secret or len(signed_at) != 1 or not _is_recent(signed_at[0], now_s, tolerance_s):
        return False
    expected = _signature(secret, signed_at[0], raw_body)
    return any(hmac.compare_digest(expected.encode(), one.encode()) for one in signatures)


def result_of(body: bytes) -> tuple[str, OperationResult]:
    """The payment a verified callback is about, and what it says of which operation.

    Raises MalformedCallback.
    """
    try:
        operation = _read(body).operation
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedCallback(f"no operation callback: {error}") from error
    statement = statement_of(operation)
    return operation.payment_reference, OperationResult(
        operation_id=operation.metadata.operation_id,
        psp_key=operation.idempotency_key,
        call_attempt=int(operation.metadata.call_attempt),
        provider=operation.metadata.provider,
        source="callback",
        **msgspec.structs.asdict(statement),
    )


def _is_recent(signed_at: str, now_s: float, tolerance_s: float) -> bool:
    return (
        signed_at.isascii()
        and signed_at.isdecimal()
        and len(signed_at) <= 12
        and abs(now_s - int(signed_at)) <= tolerance_s
    )


def _signature(secret: str, signed_at: str, raw_body: bytes) -> str:
    return hmac.new(secret.encode(), signed_at.encode() + b"." + raw_body, "sha256").hexdigest()
