"""How do accounts and payments stand by the journal alone, record by record?

The journal is folded here without any code of the ledger: what its accounts are and how its records are
chained is said once more, so that a mistake there shows here. What must be true of it is in ledger_invariants.
"""

from collections import Counter, defaultdict
from hashlib import sha256
from typing import Final, NamedTuple

from schemas.accounts import currency_of
from schemas.envelope import Message
from schemas.ledger import AdjustmentProposed, Event, Leg, PostEntry, PostingRefused, TransactionPosted

Recorded = Message[Event]

RECEIVABLE: Final = 1100
REFUND_CLEARING: Final = 2060
CHARGES: Final = (4010, 2300)
"""Fees, and the tax on them."""
_REFUNDED: Final = frozenset({"refund_succeeded", "refund_reversed"})
"""Templates by which a refund leaves, or comes back from, the provider."""
_SOLD: Final = frozenset(
    {"capture", "wallet_received", "fx_captured", "transfer_received", "transfer_identified"}
)
"""Templates by which a merchant earns."""
_GIVEN_BACK: Final = {
    "refund_reserved": 1,
    "refund_requested": 1,
    "refund_failed": -1,
    "refund_reversed": -1,
    "refund_bounced": -1,
    "fx_refunded": 1,
    "fx_refund_failed": -1,
    "wallet_refunded": 1,
    "wallet_refund_returned": -1,
    "dispute_opened": 1,
    "inquiry_escalated": 1,
    "dispute_won": -1,
    "dispute_won_late": -1,
}
"""Templates by which a payment's money is asked for, and stays with the merchant after all."""
_RECENT: Final = 1_000


class AccountCounters(NamedTuple):
    """The four counters of an account, in minor units."""

    debits_pending_minor: int = 0
    debits_posted_minor: int = 0
    credits_pending_minor: int = 0
    credits_posted_minor: int = 0


class PaymentAmounts(NamedTuple):
    """What the ledger says of a payment, in minor units. in_flight_minor: set aside for refunds without result."""

    held_minor: int = 0
    captured_minor: int = 0
    refunded_minor: int = 0
    in_flight_minor: int = 0


class Seen(NamedTuple):
    """A transaction that was posted."""

    partition: int
    seq: int
    legs: tuple[Leg, ...]
    is_reversed: bool = False


class Waiting(NamedTuple):
    """A hold with an end, by which holds expire in order. seq: of its record."""

    expires_at_ms: int
    seq: int


class Told(NamedTuple):
    """One record, and what was known before it.

    last_seq, link: number of the record before it in its partition, and the hash up to there. known: what
    was posted under its transaction id. target: what it reverses. expiring: the hold it ends, if there was
    one; expired: the one its cause ended before. is_apart: its cause had posted in the book before, and
    something else came between.
    """

    partition: int
    value: bytes
    message: Recorded
    last_seq: int
    link: bytes
    known: Seen | None = None
    was_refused: bool = False
    target: Seen | None = None
    expiring: Waiting | None = None
    expired: Waiting | None = None
    is_apart: bool = False


class LedgerFold:
    """Journals folded partition by partition, each from its first record.

    balances: by account id, of all partitions told so far. payments: by payment id. trial: by partition
    and currency. set_aside: by operation. charges: by payment and code. sold, given_back: by book and payment.
    proposed: entries by hand by the id of their adjustment, with the operator who wanted each.
    """

    def __init__(self) -> None:
        self.chains: dict[int, tuple[int, bytes]] = {}
        self.trial: defaultdict[tuple[int, str], AccountCounters] = defaultdict(AccountCounters)
        self.posted: dict[str, Seen] = {}
        self.refused: set[str] = set()
        self.balances: dict[str, AccountCounters] = {}
        self.payments: dict[str, PaymentAmounts] = {}
        self.set_aside: Counter[str] = Counter()
        self.charges: Counter[tuple[str, int]] = Counter()
        self.sold: Counter[tuple[str, str]] = Counter()
        self.given_back: Counter[tuple[str, str]] = Counter()
        self.proposed: dict[str, tuple[str, PostEntry]] = {}
        self._waiting: dict[tuple[str, str], list[Waiting]] = {}
        self._expired: dict[tuple[str, str], Waiting] = {}
        self._cause: dict[int, tuple[str, str]] = {}
        self._recent: dict[tuple[str, str], None] = {}

    def take(self, partition: int, value: bytes, message: Recorded) -> Told:
        """The next record of a partition: its value as it lies there, and what it says."""
        body = message.body
        last_seq, link = self.chains.get(partition, (0, bytes(32)))
        told = Told(partition, value, message, last_seq, link)
        chained = sha256(body.prev_hash + len(value).to_bytes(4, "big") + value).digest()
        self.chains[partition] = (body.seq, chained)
        match body:
            case TransactionPosted():
                told = self._transaction(told, body)
            case PostingRefused():
                told = told._replace(
                    known=self.posted.get(body.transaction_id),
                    was_refused=body.transaction_id in self.refused,
                )
                self.refused.add(body.transaction_id)
            case AdjustmentProposed(adjustment=adjustment):
                self.proposed[adjustment.adjustment_id] = (adjustment.proposed_by, adjustment.entry)
        return told

    def join(self, other: "LedgerFold") -> None:
        """Take in other partitions; a platform account has a shard in each."""
        self.posted.update(other.posted)
        self.refused |= other.refused
        self.chains.update(other.chains)
        self.trial.update(other.trial)
        self.balances.update(other.balances)
        self.payments.update(other.payments)

    def _transaction(self, told: Told, body: TransactionPosted) -> Told:
        book, cause = told.message.envelope.merchant_id, told.message.envelope.causation_id
        told = told._replace(
            known=self.posted.get(body.transaction_id),
            was_refused=body.transaction_id in self.refused,
            target=self.posted.get(body.reverses or ""),
            is_apart=self._is_apart(told.partition, (book, cause)),
        )
        self.posted[body.transaction_id] = Seen(told.partition, body.seq, body.legs)
        if told.target is not None and body.reverses is not None:
            self.posted[body.reverses] = told.target._replace(is_reversed=True)
        for leg in body.legs:
            self.balances[leg.account_id] = _plus(self.balances.get(leg.account_id, _ZERO), leg)
            of = (told.partition, currency_of(leg.account_id))
            self.trial[of] = _plus(self.trial[of], leg)
            if code_of(leg.account_id) == REFUND_CLEARING:
                self.set_aside[body.operation_id] -= signed_minor(leg)
        if body.payment_id is not None:
            self._payment(book, body, body.payment_id)
        return self._holds(told, body, (book, cause))

    def _payment(self, book: str, body: TransactionPosted, payment_id: str) -> None:
        held, captured, refunded, in_flight = self.payments.get(payment_id, PaymentAmounts())
        for leg in body.legs:
            code, amount_minor = code_of(leg.account_id), leg.amount_minor
            if code == REFUND_CLEARING:
                in_flight -= signed_minor(leg)
            elif code in CHARGES:
                self.charges[payment_id, code] -= signed_minor(leg)
            elif code == RECEIVABLE and leg.phase != "posted":
                held += amount_minor if leg.phase == "pending" else -amount_minor
            elif code == RECEIVABLE and body.template == "capture":
                captured += signed_minor(leg)
            elif code == RECEIVABLE and body.template in _REFUNDED:
                refunded -= signed_minor(leg)
        self.payments[payment_id] = PaymentAmounts(held, captured, refunded, in_flight)
        if body.template in _SOLD:
            self.sold[book, payment_id] += body.amount_minor
        self.given_back[book, payment_id] += _GIVEN_BACK.get(body.template, 0) * body.amount_minor

    def _holds(self, told: Told, body: TransactionPosted, cause: tuple[str, str]) -> Told:
        name = (body.payment_id or "", body.operation_id)
        if body.template == "hold" and body.expires_at_ms is not None:
            self._waiting.setdefault(name, []).append(Waiting(body.expires_at_ms, body.seq))
        if body.template != "hold_expired":
            return told
        waiting = self._waiting.get(name)
        if not waiting:
            return told
        expiring, expired = min(waiting), self._expired.get(cause)
        if len(waiting) > 1:
            # Which of an authorization's holds it is, the journal does not say, so neither is its order known.
            expired = None
        else:
            self._expired = {cause: expiring}
        waiting.remove(expiring)
        return told._replace(expiring=expiring, expired=expired)

    def _is_apart(self, partition: int, cause: tuple[str, str]) -> bool:
        """Only the latest causes are remembered; what would come between comes soon."""
        before = self._cause.get(partition)
        if before == cause:
            return False
        if before is not None:
            self._recent[before] = None
            if len(self._recent) > _RECENT:
                del self._recent[next(iter(self._recent))]
        self._cause[partition] = cause
        return cause in self._recent


def signed_minor(leg: Leg) -> int:
    """The amount of a leg, above zero for a debit."""
    return leg.amount_minor if leg.side == "debit" else -leg.amount_minor


def code_of(account_id: str) -> int:
    """The chart's code in an account's id; 0 where there is none."""
    part = account_id.split(".")[1:2]
    return int(part[0]) if part and part[0].isdecimal() else 0


_ZERO: Final = AccountCounters()


def _plus(counters: AccountCounters, leg: Leg) -> AccountCounters:
    field = f"{leg.side}s_{'posted' if leg.phase == 'posted' else 'pending'}_minor"
    sign = -1 if leg.phase == "released" else 1
    return counters._replace(**{field: getattr(counters, field) + sign * leg.amount_minor})
