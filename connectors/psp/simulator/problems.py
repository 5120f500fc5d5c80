"""How does the provider say that a request was not carried out?"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An answer that is not an operation.

    executed: False states that nothing was done; None states nothing.
    param: the field or header at fault.
    """

    http_status: int
    code: str
    message: str
    param: str | None = None
    executed: bool | None = False


def rendered(problem: Problem) -> Mapping[str, object]:
    """The JSON body: `{"error": {code, message, param?, executed?}}`."""
    error: dict[str, object] = {"code": problem.code, "message": problem.message}
    if problem.param is not None:
        error["param"] = problem.param
    if problem.executed is not None:
        error["executed"] = problem.executed
    return {"error": error}


def invalid(param: str | None, message: str) -> Problem:
    """The request is malformed: 400 with the parameter at fault."""
    return Problem(http_status=400, code="parameter_invalid", message=message, param=param)


def refused(code: str, message: str) -> Problem:
    """The request is well formed and the provider's rules forbid it: 409."""
    return Problem(http_status=409, code=code, message=message)


UNAVAILABLE = Problem(
    http_status=503, code="unavailable", message="The operation was not executed; repeat it later."
)
KEY_REUSED = Problem(
    http_status=409,
    code="idempotency_key_reused",
    message="The key was used with another body; use a new key.",
    executed=None,
)
INTERNAL_ERROR = Problem(
    http_status=500,
    code="internal_error",
    message="Something went wrong; query the operation by its key.",
    executed=None,
)
UNAUTHENTICATED = Problem(
    http_status=401, code="unauthenticated", message="Send the key as `Authorization: Bearer ...`."
)
OPERATION_NOT_FOUND = Problem(
    http_status=404,
    code="operation_not_found",
    message="No operation is in the book under this key. A call still under way may yet add one.",
    executed=None,
)
ACTION_NOT_FOUND = Problem(
    http_status=404, code="action_not_found", message="No customer action belongs to this reference."
)
