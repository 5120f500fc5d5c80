"""How can a request end: every outcome with its HTTP status, error type and text, by precedence.

When several apply, the one defined first is the answer. `number` is stored for weeks and sent
between processes, so it is never reused; the order of definition may change.
"""

from enum import Enum
from typing import Literal, NamedTuple

ErrorType = Literal[
    "api_error", "card_error", "idempotency_error", "invalid_request_error", "rate_limit_error"
]


class Answer(NamedTuple):
    """How an outcome is told to a merchant. `message` names the next step; it never quotes secrets.

    param: the parameter at fault where it is always the same one.
    """

    number: int
    http_status: int
    error_type: ErrorType | None
    message: str
    param: str | None = None


class Outcome(Enum):
    """Outcomes in order of precedence; the name in lower case is the error `code`."""

    # At the edge: nothing has been produced.
    ROUTE_NOT_FOUND = Answer(
        10, 404, "invalid_request_error", "No such route; see /openapi.json for all of them."
    )
    METHOD_NOT_ALLOWED = Answer(
        11,
        405,
        "invalid_request_error",
        "This route does not take this method; the Allow header lists those it takes.",
    )
    UNAUTHENTICATED = Answer(
        12,
        401,
        "invalid_request_error",
        "Send your secret key as `Authorization: Bearer sk_...` or as the Basic user.",
    )
    FORBIDDEN = Answer(
        13, 403, "invalid_request_error", "This key may not do that; use a key of the right role."
    )
    BODY_TOO_LARGE = Answer(14, 413, "invalid_request_error", "The body is over 64 KiB; send less.")
    UNSUPPORTED_MEDIA_TYPE = Answer(
        15, 415, "invalid_request_error", "Send the body as UTF-8 JSON with `Content-Type: application/json`."
    )
    BODY_INVALID = Answer(16, 400, "invalid_request_error", "The body is not one valid JSON object.")
    PARAMETER_UNKNOWN = Answer(
        17, 400, "invalid_request_error", "This route takes no such parameter; remove it."
    )
    PARAMETER_MISSING = Answer(18, 400, "invalid_request_error", "A required parameter is missing; add it.")
    PARAMETER_INVALID = Answer(19, 400, "invalid_request_error", "A parameter has the wrong type or form.")
    IDEMPOTENCY_KEYS_DIFFER = Answer(
        20,
        400,
        "idempotency_error",
        "The Idempotency-Key header and idempotency_key differ; send one of them.",
    )
    OVERLOADED = Answer(
        21, 429, "rate_limit_error", "Too many requests are in flight; repeat after Retry-After."
    )
    UNAVAILABLE = Answer(
        22, 503, "api_error", "The outcome is unknown; repeat the request with the same idempotency key."
    )

    # Decided by a stage, in this order.
    NOT_FOUND = Answer(
        30, 404, "invalid_request_error", "You have no such object; check the id and the key's mode."
    )
    IDEMPOTENCY_MISMATCH = Answer(
        31, 422, "idempotency_error", "This idempotency key was used with other parameters; use a new key."
    )
    IDEMPOTENCY_KEY_IN_USE = Answer(
        32,
        409,
        "idempotency_error",
        "Too many requests with this key are waiting for its result; repeat later.",
    )
    UNEXPECTED_STATE = Answer(33, 409, "invalid_request_error", "The object's status does not allow this.")
    OPERATION_IN_PROGRESS = Answer(
        34, 409, "invalid_request_error", "Another operation on this payment has no result yet; wait for it."
    )
    ATTEMPTS_EXHAUSTED = Answer(
        35, 409, "invalid_request_error", "The payment intent was confirmed 10 times; create a new one."
    )
    OPERATIONS_EXHAUSTED = Answer(
        36, 409, "invalid_request_error", "The payment has as many operations as one payment may have."
    )
    PAYMENT_METHOD_MISSING = Answer(
        37,
        400,
        "invalid_request_error",
        "The payment intent has no payment method; send one with the confirm.",
        "payment_method",
    )
    AMOUNT_EXCEEDS_AUTHORIZED = Answer(
        38,
        400,
        "invalid_request_error",
        "The amount is greater than what is authorized and not yet captured.",
        "amount",
    )
    AMOUNT_EXCEEDS_REFUNDABLE = Answer(
        39,
        400,
        "invalid_request_error",
        "The amount is greater than what is captured and neither refunded nor disputed.",
        "amount",
    )
    PROVIDER_REFERENCE_MISSING = Answer(
        40,
        400,
        "invalid_request_error",
        "The operation has no provider reference; send the one in the provider's records.",
        "provider_ref",
    )

    TOO_MANY_ENDPOINTS = Answer(
        41,
        409,
        "invalid_request_error",
        "The merchant has as many webhook endpoints as there may be; delete one first.",
    )
    POSTING_ID_REUSED = Answer(
        42,
        422,
        "idempotency_error",
        "A ledger transaction with this id says something else; use a new id.",
        "transaction_id",
    )
    CURRENCY_DIFFERS = Answer(
        43,
        400,
        "invalid_request_error",
        "The currency is not that of the payment.",
        "currency",
    )

    TEMPLATE_UNKNOWN = Answer(
        44, 400, "invalid_request_error", "No entry template has this name; see ledger-entries.", "template"
    )
    ACCOUNT_UNKNOWN = Answer(
        45, 400, "invalid_request_error", "The book has no such account; see the chart in ledger-entries."
    )
    SIDE_UNUSED = Answer(
        46,
        400,
        "invalid_request_error",
        "No entry template posts to this side of this account; see ledger-entries.",
        "expected_legs",
    )
    LEGS_DIFFER = Answer(
        47,
        409,
        "invalid_request_error",
        "The template makes other legs of these amounts now than were expected; look at them again.",
        "expected_legs",
    )
    AMOUNT_NOT_POSITIVE = Answer(
        48, 400, "invalid_request_error", "An amount is an integer above zero, in minor units.", "amount"
    )
    AMOUNT_OVERFLOW = Answer(
        49,
        400,
        "invalid_request_error",
        "With this amount an account would exceed 2^63 - 1 minor units; nothing was posted.",
        "amount",
    )
    ACCOUNT_CLOSED = Answer(
        1,
        409,
        "invalid_request_error",
        "An account this would change is closed; an operator has to reopen it first.",
    )
    ALREADY_REVERSED = Answer(
        2, 409, "invalid_request_error", "The transaction was reversed before; that happens once.", "reverses"
    )
    NOT_REVERSIBLE = Answer(
        3,
        409,
        "invalid_request_error",
        "This transaction has consequences of its own, or is a reversal; use the entry that ends them.",
        "reverses",
    )
    TRANSACTION_UNKNOWN = Answer(
        4, 404, "invalid_request_error", "The book has no such transaction.", "reverses"
    )
    HOLD_EXPIRED = Answer(
        5,
        409,
        "invalid_request_error",
        "The hold has expired; nothing of it is left to release.",
        "operation_id",
    )

    SECOND_PERSON_REQUIRED = Answer(
        6,
        403,
        "invalid_request_error",
        "Another operator than the one who proposed the adjustment has to approve it.",
    )
    TEMPLATE_NOT_BY_HAND = Answer(
        7,
        400,
        "invalid_request_error",
        "This entry belongs to something with a course of its own; see ledger-entries for those by hand.",
        "template",
    )

    # Accepted: what was asked is done, or will be told later.
    SUCCEEDED = Answer(50, 200, None, "Done.")
    CREATED = Answer(51, 201, None, "Created.")
    PENDING = Answer(52, 202, None, "Accepted; repeat with the same idempotency key or poll for the result.")
    REQUIRES_ACTION = Answer(53, 200, None, "The customer has to act; follow next_action.")
    DECLINED = Answer(54, 402, "card_error", "The payment was declined; see decline_code.")
    NOT_EXECUTED = Answer(
        55, 402, "api_error", "The provider did not carry this out; nothing moved. Try again."
    )
    REFUSED_BY_PROVIDER = Answer(56, 402, "api_error", "The provider refused the operation; nothing moved.")
    HELD_FOR_REVIEW = Answer(
        57, 202, None, "The provider's answer contradicts ours; an operator looks at it."
    )

    BLOCKED_BY_RISK = Answer(
        58,
        402,
        "card_error",
        "The payment was blocked by the platform's risk rules; no provider was asked.",
    )
    BALANCE_INSUFFICIENT = Answer(
        59,
        402,
        "invalid_request_error",
        "The balance does not cover this; nothing was moved. Try again when more is available.",
    )

    @property
    def code(self) -> str:
        """The stable lower-case code in the error object and in SQL."""
        return self.name.lower()

    @property
    def is_refusal(self) -> bool:
        """True for outcomes by which nothing happened to any aggregate."""
        return self.value.number < Outcome.SUCCEEDED.value.number

    @classmethod
    def numbered(cls, number: int) -> "Outcome":
        """The outcome with this stored number. Raises KeyError for an unknown one."""
        return _BY_NUMBER[number]


_BY_NUMBER = {outcome.value.number: outcome for outcome in Outcome}

GENERIC_DECLINE = "generic_decline"
DECLINE_CODES: dict[str, str] = {
    "authentication_expired": "The customer did not complete the authentication in time.",
    "authentication_required": "The customer's bank asks for authentication, and it failed.",
    "do_not_honor": "The card was declined for an unknown reason; the customer should ask their bank.",
    "expired_card": "The card has expired; use another card.",
    "fraudulent": "The provider suspects fraud. Tell the customer only that the card was declined.",
    GENERIC_DECLINE: "The card was declined for an unknown reason; the customer should ask their bank.",
    "incorrect_cvc": "The security code is wrong; enter it again.",
    "insufficient_funds": "The card has insufficient funds; use another payment method.",
    "lost_card": "The card is reported lost. Tell the customer only that the card was declined.",
    "processing_error": "The provider could not process the card; try again.",
    "stolen_card": "The card is reported stolen. Tell the customer only that the card was declined.",
}
"""Decline codes a provider's answer is mapped to, with what the merchant is told."""
