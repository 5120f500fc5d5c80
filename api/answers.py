"""What does an answer look like: its JSON, its headers, and what the request log keeps of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from msgspec import Struct

from api.problems import Problem
from schemas.api import Reply
from schemas.outcomes import DECLINE_CODES, GENERIC_DECLINE, Outcome
from schemas.payment_views import PaymentView, RefundView
from schemas.rendering import shown

JSON: Final = "application/json"
REPLAYED_HEADER: Final = "Idempotent-Replayed"

_ACCEPTED: Final = 202
to_json = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer to send. object_id and object_version: what it is about, for the request log."""

    outcome: Outcome
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON
    object_id: str | None = None
    object_version: int | None = None
    is_replayed: bool = False


class ListAnswer(Struct, frozen=True, kw_only=True):
    """One page of a list, newest first."""

    object: str = "list"
    url: str
    has_more: bool
    data: list[Any]  # each list fills it with one kind of answer


class PendingAnswer(Struct, frozen=True, kw_only=True):
    """A request that was accepted and has no result yet."""

    object: str = "pending"
    object_id: str
    status_url: str


def view_id(view: PaymentView | RefundView) -> str:
    """Id by which a view is found."""
    return view.payment_id if isinstance(view, PaymentView) else view.refund_id


def reply_answer(reply: Reply, status_url: str) -> Answer:
    """The answer to a command about a payment. Raises Problem for refusals and declines."""
    outcome = Outcome.numbered(reply.outcome)
    view = reply.view
    assert view is None or isinstance(view, PaymentView | RefundView), (
        "what a payment command is answered with"
    )
    headers = {REPLAYED_HEADER: "true"} if reply.replayed else {}
    if outcome.value.error_type is not None:
        raise _refusal(outcome, reply, view, headers)
    assert view is not None, f"{outcome} is told without its object"
    if outcome.value.http_status == _ACCEPTED:
        headers["Location"] = status_url
    return Answer(
        outcome=outcome,
        body=to_json(shown(view)),
        headers=headers,
        object_id=view_id(view),
        object_version=view.version,
        is_replayed=reply.replayed,
    )


def _refusal(
    outcome: Outcome, reply: Reply, view: PaymentView | RefundView | None, headers: Mapping[str, str]
) -> Problem:
    detail = None
    if reply.differing:
        detail = f"differing parameters: {', '.join(reply.differing)}"
    elif outcome is Outcome.UNEXPECTED_STATE and view is not None:
        detail = f"the status is {view.status.value}"
    return Problem(
        outcome,
        detail,
        param=reply.differing[0] if reply.differing else None,
        decline_code=_decline_code(view) if outcome is Outcome.DECLINED else None,
        shown=None if view is None else shown(view),
        object_id=None if view is None else view_id(view),
        headers=headers,
    )


def _decline_code(view: PaymentView | RefundView | None) -> str:
    code = None if view is None else view.failure_code
    return code if code in DECLINE_CODES else GENERIC_DECLINE
