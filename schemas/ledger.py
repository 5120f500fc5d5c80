"""What is said to and by the ledger: facts to record, reservations to decide, and the journal of both."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from schemas.envelope import Body, Code, CommandRefused, Identifier, Mode

Side = Literal["debit", "credit"]
Phase = Literal["posted", "pending", "released"]
"""posted moves money; pending announces it; released takes an announcement back."""
RefundPolicy = Literal["owe", "refuse"]
FeeRefundPolicy = Literal["keep", "proportional"]
AdjustmentStatus = Literal["proposed", "posted", "rejected"]
BasisPoints = Annotated[int, Meta(ge=0, le=10_000)]
FixedFeeMinor = Annotated[int, Meta(ge=0, le=1_000_000_000)]
IsoDate = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}\Z", max_length=10, extra={"personal": False})]
AmountMinor = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""What can be put on record; whether it is an amount to post is decided by the ledger."""


SettlementDays = Annotated[int, Meta(ge=0, le=90)]
ReserveDays = Annotated[int, Meta(ge=0, le=730)]
RestDays = Annotated[tuple[Annotated[int, Meta(ge=1, le=7)], ...], Meta(max_length=6)]
Holidays = Annotated[tuple[IsoDate, ...], Meta(max_length=366)]
UtcOffsetMinutes = Annotated[int, Meta(ge=-720, le=840)]
EffectiveFromMs = Annotated[int, Meta(ge=0, le=2**53)]
ExpiresAtMs = Annotated[int, Meta(ge=0, le=2**53)]


class PriceTier(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a sale of at most up_to_minor costs, whole; None: of any amount."""

    up_to_minor: Annotated[int, Meta(ge=1, le=2**63 - 1)] | None = None
    fee_bps: BasisPoints = 0
    fee_fixed_minor: FixedFeeMinor = 0


class Price(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What sales of a payment method and currency cost; None: of any.

    tiers: by the amount of the sale, the first that reaches it; without one the fee is zero. The fee is
    then at least minimum_minor and at most maximum_minor (None: no limit), in minor units of the sale.
    """

    method: Code | None = None
    currency: Code | None = None
    tiers: Annotated[tuple[PriceTier, ...], Meta(min_length=1, max_length=16)]
    minimum_minor: FixedFeeMinor = 0
    maximum_minor: FixedFeeMinor | None = None


Prices = Annotated[tuple[Price, ...], Meta(max_length=64)]


class Terms(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a merchant agreed to.

    prices: of sales; where none is for a sale's method and currency, fee_bps and fee_fixed_minor are the
    rate in basis points and a fixed part in minor units. tax_bps: tax on the fee, charged with it.
    reserve_bps, reserve_days: of each sale, what is kept back, and for how many days.
    settlement_days: a sale is available this many days later (T+n); 0: at once. rest_days (ISO weekdays,
    1 is Monday) and holidays (ISO dates) do not count, in the merchant's days, which begin
    utc_offset_minutes before those of UTC. refund_policy: what becomes of a refund that needs more than
    there is: owed, or refused. fee_refund_policy: whether a refund gives its part of the fee back.
    effective_from_ms: sales from then on are under these terms; 0: from when the ledger reads them.
    """

    fee_bps: BasisPoints = 290
    fee_fixed_minor: FixedFeeMinor = 30
    settlement_days: SettlementDays = 2
    refund_policy: RefundPolicy = "owe"
    fee_refund_policy: FeeRefundPolicy = "keep"
    prices: Prices = ()
    tax_bps: BasisPoints = 0
    reserve_bps: BasisPoints = 0
    reserve_days: ReserveDays = 0
    rest_days: RestDays = ()
    holidays: Holidays = ()
    utc_offset_minutes: UtcOffsetMinutes = 0
    effective_from_ms: EffectiveFromMs = 0


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
    amount_minor: AmountMinor
    currency: Code


class RecordHold(LedgerCommand, frozen=True, kw_only=True):
    """The issuer holds the amount for us.

    expires_at_ms: when the ledger itself takes it back; None: whoever told of it tells of its end.
    """

    expires_at_ms: ExpiresAtMs | None = None


class RecordRelease(LedgerCommand, frozen=True, kw_only=True):
    """What was held is held no longer: voided, expired, or left by a partial capture."""


class RecordCapture(LedgerCommand, frozen=True, kw_only=True):
    """The amount was taken from the customer, from a hold where there is one.

    method: the payment method its price depends on; None where no price does.
    """

    method: Code | None = None


class ReserveRefund(LedgerCommand, frozen=True, kw_only=True):
    """May the merchant give this much back? Answered on ledger.results; nothing is sent before."""


class RecordRefundRequested(LedgerCommand, frozen=True, kw_only=True):
    """The platform itself gives the amount back; never refused, what is missing is owed."""


class RecordRefundSucceeded(LedgerCommand, frozen=True, kw_only=True):
    """The provider gave the amount back."""


class RecordRefundFailed(LedgerCommand, frozen=True, kw_only=True):
    """The provider did not give the amount back, or took it back after it had."""


class PostEntry(Body, frozen=True, kw_only=True):
    """A transaction by an entry template, in the book of the merchant, wallet or treasury it is sent to.

    transaction_id: the same id is posted once, for ever. operation_id: the dispute, payout, line, ...
    it is about. amounts: those the template takes, by name, in minor units of `currency`, or of
    `other_currency` where an exchange says so. other_book: where the money goes to or comes from.
    reverses: of a reversal, the transaction it undoes. expected_legs: what the sender expects to be
    posted, such as the legs two persons approved; anything else is refused.
    """

    transaction_id: Identifier
    template: Code
    operation_id: Identifier
    currency: Code
    amounts: dict[Code, AmountMinor] = field(default_factory=dict)
    provider: Code | None = None
    payment_id: Identifier | None = None
    method: Code | None = None
    other_currency: Code | None = None
    other_book: Identifier | None = None
    reverses: Identifier | None = None
    expected_legs: tuple["Leg", ...] = ()


class CloseAccount(Body, frozen=True, kw_only=True):
    """Nothing that can be refused is posted to an account of the book any more. code: of the chart."""

    code: int
    currency: Code


class ReopenAccount(Body, frozen=True, kw_only=True):
    """A closed account takes postings again."""

    code: int
    currency: Code


AdjustmentReason = Literal[
    "bank_error", "debt", "duplicate", "fee_correction", "goodwill", "provider_error", "reconciliation"
]
CaseReference = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/#-]{0,127}\Z", max_length=128, extra={"personal": False})
]


class ProposeAdjustment(Body, frozen=True, kw_only=True):
    """An operator asks for an entry by hand. Nothing is posted before another operator approves it.

    reason, reference: why, and the case or document that shows it; no free text, as the journal is kept
    for ever. entry: without legs; those it makes now are what is approved.
    """

    adjustment_id: Identifier
    entry: PostEntry
    reason: AdjustmentReason
    reference: CaseReference


class ApproveAdjustment(Body, frozen=True, kw_only=True):
    """Another operator than the one who proposed it wants it posted, with the very legs that were shown."""

    adjustment_id: Identifier


class RejectAdjustment(Body, frozen=True, kw_only=True):
    """An operator does not want it posted, or takes back what that operator proposed."""

    adjustment_id: Identifier


AdjustmentCommand = ProposeAdjustment | ApproveAdjustment | RejectAdjustment
PaymentsCommand = (
    RecordHold
    | RecordRelease
    | RecordCapture
    | ReserveRefund
    | RecordRefundRequested
    | RecordRefundSucceeded
    | RecordRefundFailed
)
OpsCommand = PaymentsCommand | PostEntry | CloseAccount | ReopenAccount

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
    ledger started it. available_at_ms: when the net of a sale becomes available; reserve_at_ms: when
    its rolling reserve does; expires_at_ms: when a hold does. amounts: what the legs were made of,
    where they were not a payment's. reverses: the transaction it undoes. other_book: where the money
    went to or came from.
    """

    transaction_id: Identifier
    template: Code
    operation_id: Identifier
    amount_minor: int
    currency: Code
    legs: tuple[Leg, ...]
    terms_version: int
    payment_id: Identifier | None = None
    provider: Code | None = None
    fingerprint: bytes = b""
    available_at_ms: int | None = None
    reserve_at_ms: int | None = None
    expires_at_ms: int | None = None
    amounts: dict[Code, int] = field(default_factory=dict)
    reverses: Identifier | None = None
    other_book: Identifier | None = None


class PostingRefused(JournalRecord, frozen=True, kw_only=True):
    """A command was refused; no balance changed. template, other_book: of an entry."""

    transaction_id: Identifier
    command: Code
    outcome: Code
    operation_id: Identifier
    amount_minor: int
    currency: Code
    payment_id: Identifier | None = None
    template: Code | None = None
    other_book: Identifier | None = None
    fingerprint: bytes = b""


class AccountClosed(JournalRecord, frozen=True, kw_only=True):
    """An account of the book takes nothing any more that can be refused. code: of the chart."""

    code: int
    currency: Code


class AccountReopened(JournalRecord, frozen=True, kw_only=True):
    """A closed account takes postings again."""

    code: int
    currency: Code


class Adjustment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An entry by hand, from its proposal to its end.

    merchant_id: whose book it is in. entry: with the legs it makes, as its expected_legs. proposed_by,
    decided_by: operators; never the same one where it was posted. version: of the book when it was proposed.
    """

    adjustment_id: Identifier
    merchant_id: Identifier
    mode: Mode
    status: AdjustmentStatus
    entry: PostEntry
    reason: AdjustmentReason
    reference: CaseReference
    proposed_by: Identifier
    proposed_at_ms: int
    version: int
    decided_by: Identifier | None = None
    decided_at_ms: int | None = None


class AdjustmentView(Adjustment, frozen=True, kw_only=True, tag="adjustment", tag_field="object"):
    """An adjustment as an answer shows it."""


class AdjustmentRecord(JournalRecord, frozen=True, kw_only=True):
    """Fields of what is recorded of an adjustment: how it stands from then on."""

    adjustment: Adjustment


class AdjustmentProposed(AdjustmentRecord, frozen=True, kw_only=True):
    """An operator asks for an entry by hand; no balance changed."""


class AdjustmentApproved(AdjustmentRecord, frozen=True, kw_only=True):
    """Another operator agreed; its transaction is the record before this one."""


class AdjustmentRejected(AdjustmentRecord, frozen=True, kw_only=True):
    """It will not be posted; no balance changed."""


class RequestRefused(CommandRefused, frozen=True, kw_only=True):
    """A command of an operator was refused; nothing changed, and it counts as no version of the book.

    seq, prev_hash: as those of every other record of the journal.
    """

    seq: int = 0
    prev_hash: bytes = b""


AggregateEvent = (
    BookOpened
    | TermsChanged
    | TransactionPosted
    | PostingRefused
    | AccountClosed
    | AccountReopened
    | AdjustmentProposed
    | AdjustmentApproved
    | AdjustmentRejected
)
Event = AggregateEvent | RequestRefused


# --- What others are told -----------------------------------------------------------------------


class PostingResult(Body, frozen=True, kw_only=True):
    """What became of a reservation. code: the outcome of a refusal."""

    transaction_id: Identifier
    operation_id: Identifier
    outcome: Literal["posted", "refused"]
    code: Code | None = None
