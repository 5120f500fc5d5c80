"""What became of a command about something else than a payment: no result yet, a refusal, or what it led to?"""

from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from api.answers import REPLAYED_HEADER, Answer, to_json
from api.problems import Problem
from schemas.api import Reply, View
from schemas.outcomes import Outcome

_KEY: Final = "idempotency_key"


class PendingResult(Struct, frozen=True, kw_only=True):
    """A command that has no result yet; a repeat with the same idempotency key tells it."""

    object: str = "pending"
    object_id: str


def result_answer(
    reply: Reply | None,
    object_id: str,
    shown: Callable[[View], tuple[object, int | None]],
    *,
    params: Mapping[str, str],
    headers: Mapping[str, str] | None = None,
    missing: str | None = None,
    named: Mapping[Outcome, str] | None = None,
) -> Answer:
    """The answer to a reply; None: none came in time. Raises Problem for a refusal.

    shown: body and version of what the reply shows. params: how the parts of the command are called in the
    request; what is not among them differs by the key. missing: what a not_found is about. named: the parameter
    a refusal is about.
    """
    sent = dict(headers or {})
    if reply is None:
        return Answer(
            outcome=Outcome.PENDING,
            body=to_json(PendingResult(object_id=object_id)),
            headers={**sent, "Retry-After": "1"},
            object_id=object_id,
        )
    outcome = Outcome.numbered(reply.outcome)
    if outcome.value.error_type is not None:
        differing = [params.get(name, _KEY) for name in reply.differing]
        detail = f"differing parameters: {', '.join(differing)}" if differing else None
        if outcome is Outcome.NOT_FOUND:
            detail = missing
        param = differing[0] if differing else (named or {}).get(outcome)
        raise Problem(outcome, detail, param=param)
    assert reply.view is not None, f"{outcome} is told with what it is about"
    body, version = shown(reply.view)
    if reply.replayed:
        sent[REPLAYED_HEADER] = "true"
    return Answer(
        outcome=outcome,
        body=to_json(body),
        headers=sent,
        object_id=object_id,
        object_version=version,
        is_replayed=reply.replayed,
    )
