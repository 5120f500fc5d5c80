"""Does the journal keep every rule of double entry, record by record; and do the rows of balances?"""

from collections.abc import Iterable, Mapping
from functools import cache

from ops.verify.ledger_fold import AccountCounters, LedgerFold, PaymentAmounts, Recorded
from ops.verify.ledger_invariants import INVARIANTS, Invariant, changes_of, counters_agree, place_of
from ops.verify.report import Finding
from ops.verify.report import Invariant as Verdict
from schemas import ids
from schemas.ledger import PostingRefused, RequestRefused, TransactionPosted


def finding_of(number: str) -> Finding:
    """An empty finding of the invariant with this number."""
    return next(Finding(one.id, one.name) for one in INVARIANTS if one.id == number)


class LedgerModel:
    """Judges journals partition by partition, each from its first record."""

    def __init__(self) -> None:
        self._fold = LedgerFold()
        self._findings = {one.id: Finding(one.id, one.name) for one in INVARIANTS if one.judge is not None}

    @property
    def balances(self) -> Mapping[str, AccountCounters]:
        """How accounts stand, by id, of all partitions told so far."""
        return self._fold.balances

    @property
    def payments(self) -> Mapping[str, PaymentAmounts]:
        """How payments stand, by id."""
        return self._fold.payments

    def record(self, partition: int, value: bytes, message: Recorded) -> None:
        """The next record of a partition: its value as it lies there, and what it says."""
        told, body = self._fold.take(partition, value, message), message.body
        place = place_of(partition, body.seq)
        if isinstance(body, TransactionPosted):
            place = f"{place}, {body.transaction_id}"
        for finding in self._findings.values():
            finding.checked += 1
        for one in _of(type(body)):
            assert one.judge is not None, "what is judged elsewhere is of no kind of record"
            for what in one.judge(self._fold, told, body):
                self._findings[one.id].wrong(f"{place}: {what}")

    def is_posted(self, transaction_id: str) -> bool:
        """Whether a transaction of this id was posted."""
        return transaction_id in self._fold.posted

    def is_decided(self, transaction_id: str) -> bool:
        """Whether it was posted or refused."""
        return transaction_id in self._fold.posted or transaction_id in self._fold.refused

    @property
    def records(self) -> int:
        """How many records were told."""
        return sum(seq for seq, _ in self._fold.chains.values())

    @property
    def transactions(self) -> int:
        """How many transactions were posted."""
        return len(self._fold.posted)

    def join(self, other: "LedgerModel") -> None:
        """Take in what was found in other partitions."""
        for number, finding in self._findings.items():
            finding.add(other._findings[number])
        for transaction_id in self._fold.posted.keys() & other._fold.posted.keys():
            twice = other._fold.posted[transaction_id]
            self._findings["L11"].wrong(
                f"{place_of(twice.partition, twice.seq)}: {transaction_id} was posted elsewhere too"
            )
        self._fold.join(other._fold)

    def verdicts(self) -> list[Verdict]:
        """Every invariant of the journal alone, in the order of its number."""
        compared = (
            f"{self.records} records of {len(self._fold.chains)} journals "
            f"with {self.transactions} transactions on {len(self.balances)} accounts, folded anew"
        )
        agree = finding_of("L6")
        agree.checked = len(self.balances)
        for what in counters_agree(self._fold):
            agree.wrong(what)
        found = [finding.invariant(compared) for finding in (*self._findings.values(), agree)]
        return sorted(found, key=lambda one: int(one.id[1:]))


@cache
def _of(kind: type) -> tuple[Invariant, ...]:
    """The invariants that are judged at records of this kind."""
    return tuple(one for one in INVARIANTS if one.judge is not None and issubclass(kind, one.kinds))


class BalanceRows:
    """L18 and L14: holds the rows of mart.balances against the fold up to the record each was written from.

    rows: of one partition, each with account_id, seq, the four counters, and is_sum: whether its balance
    is what they add up to. A row may be newer than
    the cut and older than the end of the journal; one below the cut may miss nothing below it.
    """

    def __init__(self, rows: Iterable[Mapping[str, object]], *, cut_seq: int) -> None:
        self._finding, self._refusals = finding_of("L18"), finding_of("L14")
        self._rows = {str(row["account_id"]): row for row in rows}
        self._cut_seq = cut_seq
        self._changed_at: dict[str, int] = {}
        self._met: set[str] = set()
        self._refused: set[int] = set()

    def record(self, model: LedgerModel, body: object) -> None:
        """What a record says, after the model of its partition has taken it in."""
        if isinstance(body, PostingRefused | RequestRefused):
            self._refused.add(body.seq)
        if not isinstance(body, TransactionPosted):
            return
        for account_id in dict.fromkeys(leg.account_id for leg in body.legs):
            if body.seq <= self._cut_seq:
                self._changed_at[account_id] = body.seq
            row = self._rows.get(account_id)
            if row is not None and row["seq"] == body.seq:
                self._met.add(account_id)
                self._compare(account_id, row, model.balances[account_id])

    def finish(self) -> tuple[Finding, Finding]:
        """Name rows that follow no record or a refusal, and records that no row follows; L18 and L14."""
        for account_id, row in self._rows.items():
            self._refusals.checked += 1
            if row["seq"] in self._refused:
                self._refusals.wrong(f"{account_id}: its row is of record {row['seq']}, a refusal")
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
        return self._finding, self._refusals

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


class AsOf:
    """L19: holds what is read as of one record of a partition against the fold of the journal up to it.

    posted: debits and credits posted by account, of all entries up to the record number `seq`.
    """

    def __init__(self, posted: Mapping[str, tuple[int, int]], *, seq: int) -> None:
        self._finding = finding_of("L19")
        self._posted = posted
        self._seq = seq

    def record(self, model: LedgerModel, seq: int) -> None:
        """A record was taken in by the model of its partition."""
        if seq != self._seq:
            return
        folded = {
            account_id: (counters.debits_posted_minor, counters.credits_posted_minor)
            for account_id, counters in model.balances.items()
            if counters.debits_posted_minor or counters.credits_posted_minor
        }
        self._finding.checked += len(folded)
        for account_id in sorted(folded.keys() | self._posted.keys()):
            found, wanted = self._posted.get(account_id), folded.get(account_id)
            if found != wanted:
                self._finding.wrong(
                    f"{account_id} as of record {seq}: the entries say {found}, the journal {wanted}"
                )

    def finish(self) -> Finding:
        """What was found."""
        return self._finding


class ChangeRows:
    """L37: holds the rows of mart.balance_transactions against the legs of the journal, each transaction by its own.

    rows: of one partition, by transaction: gross, fee and net in minor units. A row may be newer than the cut;
    what changed a merchant's accounts up to the record number `cut_seq` has one.
    """

    def __init__(self, rows: Mapping[str, tuple[int, int, int]], *, cut_seq: int) -> None:
        self._finding = finding_of("L37")
        self._rows = dict(rows)
        self._cut_seq = cut_seq

    def record(self, body: object, owner: str) -> None:
        """What a record says, and whose book it is in."""
        if not isinstance(body, TransactionPosted) or not ids.is_merchant(owner):
            return
        self._finding.checked += 1
        net_minor, fee_minor, is_told = changes_of(body, owner)
        row = self._rows.pop(body.transaction_id, None)
        if row is None and (not is_told or body.seq > self._cut_seq):
            return
        if row != (net_minor + fee_minor, fee_minor, net_minor):
            wanted = f"gross {net_minor + fee_minor}, fee {fee_minor}, net {net_minor}"
            self._finding.wrong(f"{body.transaction_id}: the row says {row}, its legs {wanted}")

    def finish(self) -> Finding:
        """Name the rows that follow no record."""
        for transaction_id in sorted(self._rows):
            self._finding.wrong(f"{transaction_id}: no record posted it")
        return self._finding
