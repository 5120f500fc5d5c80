"""What is said between stages and the API: replies to waiting callers, and the log of every answer."""

from msgspec import Struct

from schemas.envelope import Body, Code, Identifier, Mode
from schemas.ledger import AdjustmentView
from schemas.merchants import AccountView, WebhookEndpointView
from schemas.payment_views import PaymentView, RefundView
from schemas.webhooks import ResendView

View = PaymentView | RefundView | AccountView | WebhookEndpointView | ResendView | AdjustmentView


class Reply(Body, frozen=True, kw_only=True):
    """The result of a command, sent after the commit that made it true; may be lost.

    outcome: number of an Outcome. replayed: the command had its result before this request.
    view: the object as it was when the command got its result; None for refusals of unknown ids.
    differing: names of the parameters that differ from the first use of the idempotency key.
    """

    request_id: Identifier
    command_id: Identifier
    outcome: int
    replayed: bool = False
    differing: tuple[Code, ...] = ()
    view: View | None = None


class AnsweredRequest(Body, frozen=True, kw_only=True):
    """One answer the API gave: what acknowledged means. Bodies are not kept here.

    status: the HTTP status sent. outcome: the code of its Outcome. object_id: what the answer was about.
    """

    request_id: Identifier
    method: Code
    route: Code
    status: int
    outcome: Code
    mode: Mode
    merchant_id: Identifier | None = None
    idempotency_key: Identifier | None = None
    object_id: Identifier | None = None
    object_version: int | None = None
    is_replayed: bool = False
    duration_us: int = 0


class ApiError(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The error object of every answer that is not a success."""

    type: str
    code: str
    message: str
    request_id: str
    doc_url: str
    param: str | None = None
    decline_code: str | None = None
    detail: str | None = None
    payment: PaymentView | None = None
