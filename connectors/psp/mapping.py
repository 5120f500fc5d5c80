"""What does the end of a call prove: from HTTP status and body to the outcome of an operation."""

from typing import Final, assert_never

import msgspec
from msgspec import Struct

from connectors.psp.port import Answered, CallEnd, NotSent, Unanswered
from schemas.envelope import Code
from schemas.psp_operations import OperationObject, ProviderStatement, statement_of

# Refused because an earlier call under the key is known: that call may have done the operation.
_EARLIER_CALL_CODES: Final = frozenset({"idempotency_key_in_use", "idempotency_key_reused"})
_UNREADABLE: Final = ProviderStatement(outcome="unknown", code="unreadable_answer")


class _Problem(Struct, frozen=True, kw_only=True):
    code: Code
    executed: bool | None = None


class _Failure(Struct, frozen=True, kw_only=True):
    error: _Problem


_read_operation = msgspec.json.Decoder(OperationObject).decode
_read_failure = msgspec.json.Decoder(_Failure).decode


def of_execute(end: CallEnd) -> ProviderStatement:
    """What the end of a call proves. Anything we cannot read proves nothing."""
    match end:
        case Answered(http_status=200 | 201 | 402):
            return _operation(end.body)
        case Answered(http_status=status) if status >= 500 or status == 429:
            return _failure(end.body)
        case Answered(http_status=401 | 403):
            return _refused_at_the_door(end.body)
        case Answered(http_status=status) if 400 <= status < 500:
            return _refusal(end.body)
        case _:
            return _without_answer(end)


def of_query(end: CallEnd, *, is_proof_of_absence: bool) -> ProviderStatement:
    """What the answer to "what became of the call?" proves.

    is_proof_of_absence: asked so late that a call the provider does not know was never made.
    """
    match end:
        case Answered(http_status=200 | 402):
            return _operation(end.body)
        case Answered(http_status=404):
            return _absence(end.body, is_proof=is_proof_of_absence)
        case NotSent():
            return ProviderStatement(outcome="unknown", code="query_not_sent")
        case Answered():
            return ProviderStatement(outcome="unknown", code=f"http_{end.http_status}")
        case Unanswered():
            return _without_answer(end)
        case _:
            assert_never(end)


def _operation(body: bytes) -> ProviderStatement:
    try:
        return statement_of(_read_operation(body))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _UNREADABLE


def _problem(body: bytes) -> _Problem | None:
    try:
        return _read_failure(body).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _failure(body: bytes) -> ProviderStatement:
    problem = _problem(body)
    if problem is None:
        return _UNREADABLE
    return ProviderStatement(
        outcome="not_executed" if problem.executed is False else "unknown", code=problem.code
    )


def _refused_at_the_door(body: bytes) -> ProviderStatement:
    """Our key was not accepted: nothing was done, and with the right key it can be."""
    problem = _problem(body)
    return _UNREADABLE if problem is None else ProviderStatement(outcome="not_executed", code=problem.code)


def _refusal(body: bytes) -> ProviderStatement:
    problem = _problem(body)
    if problem is None:
        return _UNREADABLE
    is_proof = problem.code not in _EARLIER_CALL_CODES and problem.executed is not True
    return ProviderStatement(outcome="refused" if is_proof else "unknown", code=problem.code)


def _absence(body: bytes, *, is_proof: bool) -> ProviderStatement:
    # A 404 without the provider's own words may come from anything in between.
    if _problem(body) is None:
        return _UNREADABLE
    return ProviderStatement(outcome="not_executed" if is_proof else "unknown", code="not_found")


def _without_answer(end: CallEnd) -> ProviderStatement:
    match end:
        case NotSent():
            return ProviderStatement(outcome="not_executed", code="not_sent")
        case Unanswered():
            return ProviderStatement(outcome="unknown", code="no_answer")
        case Answered():
            return _UNREADABLE
        case _:
            assert_never(end)
