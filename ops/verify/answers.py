"""P10: does one idempotency key have one result, however often it is asked for?"""

from typing import Final, NamedTuple

from ops.verify.report import Finding, Invariant
from schemas import ids
from schemas.api import AnsweredRequest
from schemas.outcomes import Outcome

_PASSING: Final = frozenset(
    outcome.code
    for outcome in (
        # Not results of the command: given before it was written, while it runs, or to another request.
        Outcome.PENDING,
        Outcome.NOT_FOUND,
        Outcome.IDEMPOTENCY_MISMATCH,
        Outcome.IDEMPOTENCY_KEY_IN_USE,
    )
)
_FIRST_DECIDED: Final = Outcome.NOT_FOUND.value.number
_DECIDED: Final = (
    frozenset(outcome.code for outcome in Outcome if outcome.value.number >= _FIRST_DECIDED) - _PASSING
)


class _Scope(NamedTuple):
    """Where a key means one thing. key: of the aggregate."""

    caller: str
    route: str
    key: str
    idempotency_key: str


class _Result(NamedTuple):
    outcome: str
    object_id: str
    object_version: int | None
    request_id: str


class Answers:
    """Remembers the first result of every command, and compares the others with it."""

    def __init__(self) -> None:
        self._finding = Finding("P10", "one idempotency key, one result")
        self._results: dict[_Scope, _Result] = {}

    def answer(self, answered: AnsweredRequest, caller: str) -> None:
        """The next answer of the request log; those that are no results of commands are passed over."""
        is_result = answered.outcome in _DECIDED and answered.method == "POST"
        if not is_result or answered.idempotency_key is None or answered.object_id is None:
            return
        self._finding.checked += 1
        key = ids.key_of(answered.object_id) or answered.object_id
        scope = _Scope(caller, answered.route, key, answered.idempotency_key)
        result = _Result(answered.outcome, answered.object_id, answered.object_version, answered.request_id)
        first = self._results.setdefault(scope, result)
        if first[:3] != result[:3]:
            self._finding.wrong(
                f"{scope.idempotency_key!r} on {scope.route}: {first.request_id} was told {first.outcome} with "
                f"{first.object_id} of version {first.object_version}, {result.request_id} {result.outcome} with "
                f"{result.object_id} of version {result.object_version}"
            )

    def verdict(self) -> Invariant:
        """What was found."""
        return self._finding.invariant(
            f"all answers to the same command agree, for {len(self._results)} commands"
        )
