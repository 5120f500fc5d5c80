"""What is said between payments and a provider's gateway: requests, and results judged by nobody yet."""

from typing import Literal

from schemas.envelope import Body, Code, Identifier
from schemas.payments import OperationKind, PaymentMethod, Url

ResultSource = Literal["answer", "query", "callback"]
ResultOutcome = Literal["succeeded", "declined", "refused", "requires_action", "not_executed", "unknown"]


class ExecuteOperation(Body, frozen=True, kw_only=True):
    """Ask the provider to do an operation under `psp_key`, once, before the envelope's not_after_ms.

    original_ref: the provider's reference of the authorization or charge it acts on.
    """

    operation_id: Identifier
    payment_id: Identifier
    kind: OperationKind
    amount_minor: int
    currency: Code
    psp_key: Identifier
    call_attempt: int
    provider: Code
    payment_method: PaymentMethod | None = None
    original_ref: Identifier | None = None


class QueryOperation(Body, frozen=True, kw_only=True):
    """Ask the provider what became of the operation called under `psp_key`.

    called_not_after_ms: the call can not have been begun later; with the provider's settle time it
    tells when "not found" proves "not executed".
    """

    operation_id: Identifier
    payment_id: Identifier
    kind: OperationKind
    psp_key: Identifier
    call_attempt: int
    provider: Code
    called_not_after_ms: int


Request = ExecuteOperation | QueryOperation


class OperationResult(Body, frozen=True, kw_only=True):
    """What the provider said of one call.

    succeeded: done, with reference, amount and currency. declined: refused by the issuer, see code.
    refused: refused by the provider's rules. not_executed: proved that nothing was done.
    unknown: no answer, or one that proves nothing. code: decline code or the provider's error code.
    """

    operation_id: Identifier
    psp_key: Identifier
    call_attempt: int
    provider: Code
    source: ResultSource
    outcome: ResultOutcome
    provider_ref: Identifier | None = None
    amount_minor: int | None = None
    currency: Code | None = None
    code: Code | None = None
    next_action_url: Url | None = None
    action_expires_at_ms: int | None = None
