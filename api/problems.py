"""How is a request refused: one exception, one error object, whatever went wrong.

ApiFault            the process cannot go on as it is, or a request cannot be answered as asked
    Problem         a request that ends with an outcome other than success; told to the caller
    ReaderStopped   a background reader met what it must not skip; the process ends
"""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from schemas.api import ApiError
from schemas.outcomes import DECLINE_CODES, Outcome

RETRY_AFTER_S = 1
"""How long a caller should wait before it repeats what was turned away under load."""

_RETRIED = {Outcome.OVERLOADED, Outcome.UNAVAILABLE, Outcome.IDEMPOTENCY_KEY_IN_USE}
_encode = msgspec.json.Encoder().encode


class Shown(Protocol):
    """An object as answers show it; `object` says what it is and names it in the error object."""

    @property
    def object(self) -> str: ...
    @property
    def version(self) -> int: ...


class ApiFault(Exception):
    """Root of everything this package raises."""


class ReaderStopped(ApiFault):
    """A background reader cannot go on: a record it cannot read, or a topic that lost records."""


class Problem(ApiFault):
    """A request that is refused, with its outcome.

    param: the parameter at fault, such as `payment_method[token]`. detail: what exactly is wrong; never
    a secret and never a value the caller sent. shown: the payment or refund it is about, as
    answers show it, and its object_id.
    headers: further headers of the answer. beside: further members beside `error`.
    """

    def __init__(
        self,
        outcome: Outcome,
        detail: str | None = None,
        *,
        param: str | None = None,
        decline_code: str | None = None,
        shown: Shown | None = None,
        object_id: str | None = None,
        headers: Mapping[str, str] | None = None,
        beside: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(f"{outcome.code}: {detail or outcome.value.message}")
        self.outcome = outcome
        self.detail = detail
        self.param = param or outcome.value.param
        self.decline_code = decline_code
        self.shown = shown
        self.object_id = object_id
        self.headers = dict(headers or {})
        self.beside = dict(beside or {})
        if outcome in _RETRIED:
            self.headers["Retry-After"] = str(RETRY_AFTER_S)


def error_body(problem: Problem, request_id: str) -> bytes:
    """The JSON of `{"error": {...}}` for a problem."""
    answer = problem.outcome.value
    assert answer.error_type is not None, f"{problem.outcome} is no error"
    declined = problem.decline_code
    error = ApiError(
        type=answer.error_type,
        code=problem.outcome.code,
        message=answer.message if declined is None else DECLINE_CODES[declined],
        request_id=request_id,
        doc_url=doc_url(problem.outcome.code),
        param=problem.param,
        decline_code=declined,
        detail=problem.detail,
    )
    return _written(error, problem.shown, problem.beside)


def bug_body(request_id: str) -> bytes:
    """The JSON for a request that met a defect of ours."""
    message = "Something went wrong on our side; repeat the request with the same idempotency key."
    error = ApiError(
        type="api_error",
        code=BUG_CODE,
        message=message,
        request_id=request_id,
        doc_url=doc_url(BUG_CODE),
    )
    return _written(error, None, {})


BUG_CODE = "internal_error"


def doc_url(code: str) -> str:
    """Where a code is explained: a place in the API's own description."""
    return f"/openapi.json#/x-errors/{code}"


def explained_codes() -> dict[str, dict[str, object]]:
    """Every error code with its HTTP status and meaning, as the API's description lists them."""
    explained: dict[str, dict[str, object]] = {
        outcome.code: {"status": outcome.value.http_status, "message": outcome.value.message}
        for outcome in Outcome
        if outcome.value.error_type is not None
    }
    explained[BUG_CODE] = {
        "status": 500,
        "message": "A defect of the platform; the request id finds it in the logs.",
    }
    return explained


def _written(error: ApiError, shown: Shown | None, beside: Mapping[str, object]) -> bytes:
    plain = msgspec.to_builtins(error)
    if shown is not None:
        plain[shown.object] = shown
    return _encode({**beside, "error": plain})
