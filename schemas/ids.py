"""Which id does a thing have: derived from what makes it the same thing, so a repeat gets the same id.

An id is a prefix, `_`, the merchant's birth cell (2 characters) and 24 characters (120 bits) of
SHA-256 over the length-prefixed parts, in lower-case Crockford base32.
"""

from hashlib import sha256
from typing import Final

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
# Two characters at a time: every event has an id, and base64.b32encode takes as long as the hash.
_PAIRS: Final = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_SHIFTS: Final = tuple(range(110, -1, -10))
KEY_LENGTH: Final = 26
"""Characters of an id after its prefix: 2 of the cell and 24 of the hash."""


def digest(*parts: str) -> str:
    """24 characters that name exactly this sequence of parts; "ab","c" and "a","bc" differ."""
    framed = b"".join([len(encoded).to_bytes(4, "big") + encoded for encoded in map(str.encode, parts)])
    bits = int.from_bytes(sha256(framed).digest()[:15], "big")
    return "".join([_PAIRS[bits >> shift & 1023] for shift in _SHIFTS])


def merchant_id(*, cell: str, mode: str, idempotency_key: str) -> str:
    """Id of a merchant created in `cell` under this key: `mer_` + key."""
    return f"mer_{cell}{digest(mode, 'merchant', idempotency_key)}"


def is_merchant(identifier: str) -> bool:
    """Whether it is the id of a merchant: of all books, only theirs are under terms and have balances to show."""
    return identifier.startswith("mer_")


def is_book(identifier: str) -> bool:
    """Whether it is the id of a merchant, a wallet or a treasury: of whom the ledger keeps a book."""
    prefix, _, key = identifier.partition("_")
    return prefix in ("mer", "wal", "trs") and len(key) == KEY_LENGTH and key_of(identifier) is not None


def operator_id(*, cell: str, idempotency_key: str) -> str:
    """Id of an operator created in `cell` under this key: `opr_` + key."""
    return f"opr_{cell}{digest('operator', idempotency_key)}"


def payment_key(*, mode: str, merchant: str, source: str, idempotency_key: str) -> str:
    """Key of one intent and its one payment; `source` is the role that asks, such as `api`.

    The partition key of everything that must be atomic with the payment.
    """
    return birth_cell(merchant) + digest(mode, merchant, source, "payment", idempotency_key)


def command_id(*, mode: str, merchant: str, route: str, target: str, idempotency_key: str) -> str:
    """Id of a command: the scope in which an idempotency key means one thing."""
    return "cmd_" + digest(mode, merchant, route, target, idempotency_key)


def event_id(aggregate: str, version: int) -> str:
    """Id of the event that took `aggregate` to `version` (1, 2, ...)."""
    return "evt_" + digest(aggregate, str(version))


def refusal_id(command: str) -> str:
    """Id of the event that records the refusal of a command."""
    return "evt_" + digest("refused", command)


def authorization_id(key: str, attempt: int) -> str:
    """Id of an authorization or sale: attempt 1..99 of the payment `key`."""
    return f"auth_{key}{attempt:02d}"


def operation_id(prefix: str, key: str, cause: str) -> str:
    """Id of a capture (`cap`), void (`void`) or refund (`ref`) of payment `key` caused by message `cause`."""
    return f"{prefix}_{key}{digest(cause)[:8]}"


def assessment_id(key: str, attempt: int) -> str:
    """Id of the risk assessment of attempt 1..99 of the payment `key`."""
    return f"asm_{key}{attempt:02d}"


def entity_key(kind: str, mode: str, *parts: str) -> str:
    """Key of something attempts are counted by; it tells nothing of what it stands for."""
    return f"{kind}_{digest(mode, kind, *parts)}"


def transaction_id(merchant: str, cause: str, template: str, ordinal: int = 0) -> str:
    """Id of the ledger transaction of a merchant's book that follows from `cause` by an entry template.

    cause: id of an event, operation or lot; ordinal: 0, 1, ... where one cause leads to several.
    """
    return f"txn_{birth_cell(merchant)}{digest(cause, template, str(ordinal))}"


def wallet_id(merchant: str, customer: str) -> str:
    """Id of the wallet a customer has with a merchant: `wal_` + key of its book."""
    return f"wal_{birth_cell(merchant)}{digest(merchant, 'wallet', customer)}"


def treasury_id(*, cell: str, mode: str) -> str:
    """Id of the treasury of a cell, in whose book bank statements are posted: `trs_` + key of its book."""
    return f"trs_{cell}{digest(mode, 'treasury')}"


def endpoint_id(*, merchant: str, idempotency_key: str) -> str:
    """Id of a webhook endpoint created under this key: `we_` + key."""
    return f"we_{birth_cell(merchant)}{digest(merchant, 'webhook_endpoint', idempotency_key)}"


def webhook_message_id(event: str, endpoint: str) -> str:
    """Id of an event's message to an endpoint, the same for every attempt and resend."""
    return "msg_" + digest(event, endpoint)


def match_key(provider: str, provider_ref: str) -> str:
    """Key under which a provider's reference is reconciled."""
    return f"{provider}:{provider_ref}"


def file_id(provider: str, batch: str) -> str:
    """Id of a provider's settlement batch: `stl_` + digest."""
    return "stl_" + digest(provider, batch)


def psp_key(operation: str, call_attempt: int) -> str:
    """Idempotency key of one call attempt (0, 1, ...) towards a provider."""
    return digest(operation, str(call_attempt))


def key_of(identifier: str) -> str | None:
    """The aggregate key inside any payment, operation or merchant id; None if it holds none."""
    _, separator, rest = identifier.partition("_")
    key = rest[:KEY_LENGTH]
    return key if separator and len(key) == KEY_LENGTH and key.isalnum() and key == key.lower() else None


def birth_cell(merchant: str) -> str:
    """The cell a merchant was created in, from its id; ids of its objects carry it for life."""
    return merchant.partition("_")[2][:2]
