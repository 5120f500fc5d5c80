"""L1 to L31: does the journal of a partition keep every rule of double entry, record by record?

The journal is folded here without any code of the ledger: what its accounts are, which of them have
limits and how its records are chained is said once more, so that a mistake there shows here.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final, NamedTuple

from ops.verify.entry_model import EntryModel
from ops.verify.report import Finding, Invariant
from schemas.accounts import currency_of
from schemas.envelope import Message
from schemas.ledger import Event, Leg, PostingRefused, TransactionPosted

Recorded = Message[Event]

RECEIVABLE: Final = 1100
REFUND_CLEARING: Final = 2060
_SHARDED: Final = frozenset(
    {1010, 1020, RECEIVABLE, 1110, 1120, 1400, 1500, 1600, 1700, 2300, 2600, 4010, 4020, 4030, 4040, 4050}
    | {4060, 5010, 5020, 5030, 5040, 9030, 9031}
)
_NEVER_DEBIT: Final = frozenset({2010, 2020, 2030, 2040, 2050, REFUND_CLEARING, 2100})
_NEVER_CREDIT: Final = frozenset({1300})
_CODES: Final = _SHARDED | _NEVER_DEBIT | _NEVER_CREDIT
_REFUNDED: Final = frozenset({"refund_succeeded", "refund_reversed"})
"""Templates by which a refund leaves, or comes back from, the provider."""
_EXCHANGES: Final = frozenset({"fx_captured", "fx_refunded", "fx_closed_out", "reversal"})
"""Templates with legs in more than one currency."""
_NAMES: Final = {
    "L1": "per transaction, currency and phase, debits equal credits",
    "L2": "every transaction has two legs or more, each above zero on an account of its mode and currency",
    "L4": "the trial balance of every partition is zero per currency, at every record",
    "L5": "no counter of an account is ever below zero",
    "L7": "no account with a limit ever has the wrong sign",
    "L9": "no more is released of a payment than is held",
    "L11": "a transaction id is posted once",
    "L13": "a transaction id that was refused is never posted",
    "L31": "every journal is numbered without gap and chained by hashes",
}


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


class LedgerModel:
    """Judges journals partition by partition, each from its first record.

    balances: by account id, of all partitions told so far. payments: by payment id.
    """

    def __init__(self) -> None:
        self._findings = {number: Finding(number, name) for number, name in _NAMES.items()}
        self._entries = EntryModel()
        self._chains: dict[int, tuple[int, bytes]] = {}
        self._trial: defaultdict[tuple[int, str], AccountCounters] = defaultdict(AccountCounters)
        self._posted: dict[str, tuple[int, int]] = {}
        self._refused: set[str] = set()
        self.balances: dict[str, AccountCounters] = {}
        self.payments: dict[str, PaymentAmounts] = {}

    def record(self, partition: int, value: bytes, message: Recorded) -> None:
        """The next record of a partition: its value as it lies there, and what it says."""
        body = message.body
        place = _place(partition, body.seq)
        self._chain(partition, value, message, place)
        match body:
            case TransactionPosted():
                self._transaction(partition, body, message.envelope.mode, place)
                self._entries.posted(body, place)
            case PostingRefused():
                self._entries.refused(body, place)
                if body.transaction_id not in self._posted:
                    self._refused.add(body.transaction_id)
            case _:
                pass

    def is_posted(self, transaction_id: str) -> bool:
        """Whether a transaction of this id was posted."""
        return transaction_id in self._posted

    def is_decided(self, transaction_id: str) -> bool:
        """Whether it was posted or refused."""
        return transaction_id in self._posted or transaction_id in self._refused

    @property
    def records(self) -> int:
        """How many records were told."""
        return sum(seq for seq, _ in self._chains.values())

    @property
    def transactions(self) -> int:
        """How many transactions were posted."""
        return len(self._posted)

    def join(self, other: "LedgerModel") -> None:
        """Take in what was found in other partitions; a platform account has a shard in each."""
        for number, finding in self._findings.items():
            finding.add(other._findings[number])
        for transaction_id in self._posted.keys() & other._posted.keys():
            self._wrong(
                "L11", _place(*other._posted[transaction_id]), f"{transaction_id} was posted elsewhere too"
            )
        self._posted.update(other._posted)
        self._refused |= other._refused
        self._entries.join(other._entries)
        self._chains.update(other._chains)
        self._trial.update(other._trial)
        self.balances.update(other.balances)
        self.payments.update(other.payments)

    def verdicts(self) -> list[Invariant]:
        """Every predicate, in the order of its number."""
        compared = (
            f"{sum(seq for seq, _ in self._chains.values())} records of {len(self._chains)} journals "
            f"with {len(self._posted)} transactions on {len(self.balances)} accounts, folded anew"
        )
        own = [finding.invariant(compared) for finding in self._findings.values()]
        return sorted([*own, *self._entries.verdicts(compared)], key=lambda one: int(one.id[1:]))

    def _chain(self, partition: int, value: bytes, message: Recorded, place: str) -> None:
        body = message.body
        last, link = self._chains.get(partition, (0, bytes(32)))
        self._findings["L31"].checked += 1
        if body.seq != last + 1:
            self._wrong("L31", place, f"number {last + 1} would follow")
        if body.prev_hash != link:
            self._wrong(
                "L31", place, f"it follows {body.prev_hash.hex()}, the record before it is {link.hex()}"
            )
        link = sha256(body.prev_hash + len(value).to_bytes(4, "big") + value).digest()
        self._chains[partition] = (body.seq, link)

    def _transaction(self, partition: int, body: TransactionPosted, mode: str, place: str) -> None:
        place = f"{place}, {body.transaction_id}"
        for number in ("L1", "L2", "L4", "L5", "L7", "L9", "L11", "L13"):
            self._findings[number].checked += 1
        if body.transaction_id in self._posted:
            self._wrong("L11", place, f"it was posted before: {_place(*self._posted[body.transaction_id])}")
        if body.transaction_id in self._refused:
            self._wrong("L13", place, "it was refused before")
        self._posted[body.transaction_id] = (partition, body.seq)
        self._legs(partition, body, mode, place)
        self._balance(body.legs, place)
        self._payment(body, place)
        for currency in {currency_of(leg.account_id) for leg in body.legs}:
            self._trial_balance(partition, currency, place)

    def _legs(self, partition: int, body: TransactionPosted, mode: str, place: str) -> None:
        """What a leg may be, and every account after its legs."""
        if len(body.legs) < 2:
            self._wrong("L2", place, f"it has {len(body.legs)} legs")
        for leg in body.legs:
            if leg.amount_minor <= 0:
                self._wrong("L2", place, f"a leg of {leg.amount_minor} on {leg.account_id}")
            currency = currency_of(leg.account_id)
            defect = _defect(leg.account_id, mode, partition)
            if currency != body.currency and body.template not in _EXCHANGES:
                defect = f"not of currency {body.currency}"
            if defect is not None:
                self._wrong("L2", place, f"{leg.account_id}: {defect}")
            self.balances[leg.account_id] = _plus(self.balances.get(leg.account_id, _ZERO), leg)
            self._trial[partition, currency] = _plus(self._trial[partition, currency], leg)
        for account_id in {leg.account_id for leg in body.legs}:
            self._account(account_id, place)

    def _account(self, account_id: str, place: str) -> None:
        counters = self.balances[account_id]
        if min(counters) < 0:
            self._wrong("L5", place, f"{account_id} comes to {counters}")
        code = _code(account_id)
        debits = counters.debits_pending_minor + counters.debits_posted_minor
        credits = counters.credits_pending_minor + counters.credits_posted_minor
        if code in _NEVER_DEBIT and debits > counters.credits_posted_minor:
            self._wrong("L7", place, f"{account_id} is debited {debits} of {counters.credits_posted_minor}")
        if code in _NEVER_CREDIT and credits > counters.debits_posted_minor:
            self._wrong("L7", place, f"{account_id} is credited {credits} of {counters.debits_posted_minor}")

    def _balance(self, legs: Iterable[Leg], place: str) -> None:
        sums: Counter[tuple[str, str]] = Counter()
        for leg in legs:
            sign = 1 if leg.side == "debit" else -1
            sums[currency_of(leg.account_id), leg.phase] += sign * leg.amount_minor
        for (currency, phase), amount_minor in sums.items():
            if amount_minor:
                self._wrong("L1", place, f"{phase} debits exceed credits by {amount_minor} {currency}")

    def _trial_balance(self, partition: int, currency: str, place: str) -> None:
        trial = self._trial[partition, currency]
        pending = trial.debits_pending_minor - trial.credits_pending_minor
        posted = trial.debits_posted_minor - trial.credits_posted_minor
        if pending or posted:
            self._wrong("L4", place, f"all accounts sum to {posted} posted and {pending} pending {currency}")

    def _payment(self, body: TransactionPosted, place: str) -> None:
        if body.payment_id is None:
            return
        held, captured, refunded, in_flight = self.payments.get(body.payment_id, PaymentAmounts())
        for leg in body.legs:
            code, amount_minor = _code(leg.account_id), leg.amount_minor
            sign = 1 if leg.side == "debit" else -1
            if code == REFUND_CLEARING:
                in_flight -= sign * amount_minor
            elif code == RECEIVABLE and leg.phase != "posted":
                held += amount_minor if leg.phase == "pending" else -amount_minor
            elif code == RECEIVABLE and body.template == "capture":
                captured += sign * amount_minor
            elif code == RECEIVABLE and body.template in _REFUNDED:
                refunded -= sign * amount_minor
        if held < 0:
            self._wrong("L9", place, f"{-held} more is released of {body.payment_id} than is held")
        self.payments[body.payment_id] = PaymentAmounts(held, captured, refunded, in_flight)

    def _wrong(self, number: str, place: str, what: str) -> None:
        self._findings[number].wrong(f"{place}: {what}")


class BalanceRows:
    """L18: holds the rows of mart.balances against the fold up to the record each was written from.

    rows: of one partition, each with account_id, seq, the four counters, and is_sum: whether its balance
    is what they add up to. A row may be newer than
    the cut and older than the end of the journal; one below the cut may miss nothing below it.
    """

    def __init__(self, rows: Iterable[Mapping[str, object]], *, cut_seq: int) -> None:
        self._finding = Finding("L18", "rows of mart.balances equal the fold of the journal")
        self._rows = {str(row["account_id"]): row for row in rows}
        self._cut_seq = cut_seq
        self._changed_at: dict[str, int] = {}
        self._met: set[str] = set()

    def record(self, model: LedgerModel, body: TransactionPosted) -> None:
        """A transaction, after the model of its partition has taken it in."""
        for account_id in dict.fromkeys(leg.account_id for leg in body.legs):
            if body.seq <= self._cut_seq:
                self._changed_at[account_id] = body.seq
            row = self._rows.get(account_id)
            if row is not None and row["seq"] == body.seq:
                self._met.add(account_id)
                self._compare(account_id, row, model.balances[account_id])

    def finish(self) -> Finding:
        """Name rows that follow no record, and records that no row follows."""
        for account_id, row in self._rows.items():
            if account_id not in self._met:
                self._finding.wrong(f"{account_id}: no record {row['seq']} changed it")
        for account_id, seq in self._changed_at.items():
            found = self._rows.get(account_id)
            if found is None:
                self._finding.wrong(f"{account_id}: no row, record {seq} changed it")
            elif int(str(found["seq"])) < seq:
                self._finding.wrong(
                    f"{account_id}: its row is of record {found['seq']}, record {seq} changed it"
                )
        return self._finding

    def _compare(self, account_id: str, row: Mapping[str, object], counters: AccountCounters) -> None:
        self._finding.checked += 1
        found = tuple(row[name] for name in AccountCounters._fields)
        if found != counters:
            self._finding.wrong(
                f"{account_id} at record {row['seq']}: the row says {found}, the journal {counters}"
            )
        if not row["is_sum"]:
            self._finding.wrong(
                f"{account_id} at record {row['seq']}: its balance is not what its counters add up to"
            )


_ZERO: Final = AccountCounters()


def _plus(counters: AccountCounters, leg: Leg) -> AccountCounters:
    field = f"{leg.side}s_{'posted' if leg.phase == 'posted' else 'pending'}_minor"
    sign = -1 if leg.phase == "released" else 1
    return counters._replace(**{field: getattr(counters, field) + sign * leg.amount_minor})


def _place(partition: int, seq: int) -> str:
    return f"journal {partition}, record {seq}"


def _code(account_id: str) -> int:
    part = account_id.split(".")[1:2]
    return int(part[0]) if part and part[0].isdecimal() else 0


def _defect(account_id: str, mode: str, partition: int) -> str | None:
    """What is wrong with an account a transaction posts to; None: nothing."""
    shard = account_id.partition("#")[2]
    if _code(account_id) not in _CODES:
        return "there is no such account"
    if account_id.partition(".")[0] != mode:
        return f"not of mode {mode}"
    wanted = str(partition) if _code(account_id) in _SHARDED else ""
    return None if shard == wanted else f"shard {shard!r} in partition {partition}"
