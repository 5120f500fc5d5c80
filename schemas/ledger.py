"""What is said to and by the ledger: facts to record, reservations to decide, and the journal of both."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.envelope import Body, Code, Identifier

Side = Literal["debit", "credit"]
Phase = Literal["posted", "pending", "released"]
"""posted moves money; pending announces it; released takes an announcement back."""
RefundPolicy = Literal["owe", "refuse"]
BasisPoints = Annotated[int, Meta(ge=0, le=10_000)]
FixedFeeMinor = Annotated[int, Meta(ge=0, le=1_000_000_000)]


class Terms(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a merchant agreed to.

    fee_bps, fee_fixed_minor: of each capture, the rate in basis points and a fixed part in minor units.
    settlement_days: captured money is available this many days later (T+n); 0: at once.
    refund_policy: what becomes of a refund that needs more than there is: owed, or refused.
    """

    fee_bps: BasisPoints = 290
    fee_fixed_minor: FixedFeeMinor = 30
    settlement_days: Annotated[int, Meta(ge=0, le=90)] = 2
    refund_policy: RefundPolicy = "owe"


# --- Commands -----------------------------------------------------------------------------------


class LedgerCommand(Body, frozen=True, kw_only=True):
    """Fields of everything the ledger is told about a payment.

    transaction_id: of the transaction it leads to; the same id is posted once, for ever.
    operation_id: the authorization, capture, void or refund it is about.
    """

    transaction_id: Identifier
    operation_id: Identifier
    payment_id: Identifier
    provider: Code
    amount_minor: int
    currency: Code


class RecordHold(LedgerCommand, frozen=True, kw_only=True):
    """The issuer holds the amount for us."""


class RecordRelease(LedgerCommand, frozen=True, kw_only=True):
    """What was held is held no longer: voided, expired, or left by a partial capture."""


class RecordCapture(LedgerCommand, frozen=True, kw_only=True):
    """The amount was taken from the customer, from a hold where there is one."""


class ReserveRefund(LedgerCommand, frozen=True, kw_only=True):
    """May the merchant give this much back? Answered on ledger.results; nothing is sent before."""


class RecordRefundRequested(LedgerCommand, frozen=True, kw_only=True):
    """The platform itself gives the amount back; never refused, what is missing is owed."""


class RecordRefundSucceeded(LedgerCommand, frozen=True, kw_only=True):
    """The provider gave the amount back."""


class RecordRefundFailed(LedgerCommand, frozen=True, kw_only=True):
    """The provider did not give the amount back, or took it back after it had."""


Command = (
    RecordHold
    | RecordRelease
    | RecordCapture
    | ReserveRefund
    | RecordRefundRequested
    | RecordRefundSucceeded
    | RecordRefundFailed
)

# --- The journal --------------------------------------------------------------------------------


class Leg(Struct, frozen=True, kw_only=True):
    """One entry of a transaction: an amount above zero on one side of one account."""

    account_id: Identifier
    side: Side
    phase: Phase
    amount_minor: int


class JournalRecord(Body, frozen=True, kw_only=True):
    """Fields of every record of the journal.

    seq: 1, 2, ... in its partition. prev_hash: SHA-256 of the record before it in the partition, as
    SHA-256(its prev_hash, length of its value in 4 bytes big endian, its value); 32 zero bytes for the first.
    """

    seq: int = 0
    prev_hash: bytes = b""


class BookOpened(JournalRecord, frozen=True, kw_only=True):
    """A merchant has a book. terms_version: number of the merchant's terms; 0 while none are known."""

    terms: Terms
    terms_version: int


class TermsChanged(JournalRecord, frozen=True, kw_only=True):
    """What a merchant agreed to is something else from now on; terms_version: the number of these terms."""

    terms: Terms
    terms_version: int


class TransactionPosted(JournalRecord, frozen=True, kw_only=True):
    """All legs of one transaction. Per currency and phase, debits equal credits.

    template: which entry template it follows. terms_version: number of the terms it was posted under.
    fingerprint: of the command, so that another command under the same id can be told; empty when the
    ledger started it. available_at_ms: of a capture, when its net becomes available.
    """

    transaction_id: Identifier
    template: Code
    operation_id: Identifier
    payment_id: Identifier
    provider: Code
    amount_minor: int
    currency: Code
    legs: tuple[Leg, ...]
    terms_version: int
    fingerprint: bytes = b""
    available_at_ms: int | None = None


class PostingRefused(JournalRecord, frozen=True, kw_only=True):
    """A command was refused; no balance changed."""

    transaction_id: Identifier
    command: Code
    outcome: Code
    operation_id: Identifier
    payment_id: Identifier
    amount_minor: int
    currency: Code
    fingerprint: bytes = b""


AggregateEvent = BookOpened | TermsChanged | TransactionPosted | PostingRefused


# --- What others are told -----------------------------------------------------------------------


class PostingResult(Body, frozen=True, kw_only=True):
    """What became of a reservation. code: the outcome of a refusal."""

    transaction_id: Identifier
    operation_id: Identifier
    outcome: Literal["posted", "refused"]
    code: Code | None = None


class AccountBalance(Struct, frozen=True, kw_only=True):
    """The four counters of one account after a transaction, in minor units.

    kind: of the chart, such as merchant.available. owner: merchant or provider; None for the platform.
    shard: partition of a platform account that is kept per partition; None where there is one account.
    """

    account_id: Identifier
    code: int
    kind: Code
    currency: Code
    debits_pending_minor: int
    debits_posted_minor: int
    credits_pending_minor: int
    credits_posted_minor: int
    owner: Identifier | None = None
    shard: int | None = None


class BalancesChanged(Body, frozen=True, kw_only=True):
    """How the accounts a transaction touched stand after it. seq: of its journal record."""

    transaction_id: Identifier
    seq: int
    balances: tuple[AccountBalance, ...]


class ShardReported(Body, frozen=True, kw_only=True):
    """How one partition's shard of a platform account stands. The record's key is the account without shard.

    as_of_ms: everything the partition posted up to this time is counted.
    """

    account_id: Identifier
    shard: int
    code: int
    kind: Code
    currency: Code
    debits_posted_minor: int
    credits_posted_minor: int
    as_of_ms: int


class TotalChanged(Body, frozen=True, kw_only=True):
    """A platform account over all its shards. watermark_ms: every shard is counted up to this time."""

    report: ShardReported
    debits_posted_minor: int
    credits_posted_minor: int
    watermark_ms: int
