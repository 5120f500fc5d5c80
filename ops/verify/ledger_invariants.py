"""L1 to L33: what must be true of the ledger at every record, each a predicate of its own?

Those of single records are functions here, each yielding what is wrong. The others need more than the
journal, and say where they are judged. Which accounts have limits and shards is said once more on purpose.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from ops.verify.ledger_fold import CHARGES, LedgerFold, Told, code_of, signed_minor
from schemas.accounts import currency_of
from schemas.ledger import (
    AdjustmentApproved,
    JournalRecord,
    Leg,
    PostingRefused,
    RequestRefused,
    TransactionPosted,
)
from streams.ledger.templates import REVERSAL, TEMPLATES

_SHARDED: Final = frozenset(
    {1010, 1020, 1100, 1110, 1120, 1400, 1500, 1600, 1700, 2300, 2600, 4010, 4020, 4030, 4040, 4050}
    | {4060, 5010, 5020, 5030, 5040, 9030, 9031}
)
_NEVER_DEBIT: Final = frozenset({2010, 2020, 2030, 2040, 2050, 2060, 2100})
_NEVER_CREDIT: Final = frozenset({1300})
_CODES: Final = _SHARDED | _NEVER_DEBIT | _NEVER_CREDIT
_EXCHANGES: Final = frozenset({"fx_captured", "fx_refunded", "fx_refund_failed", "fx_closed_out", "reversal"})
"""Templates with legs in more than one currency."""
_PLACES: Final = {
    name: frozenset((leg.code, leg.side, leg.phase) for leg in template.legs)
    for name, template in TEMPLATES.items()
}
_CHARGES: Final = frozenset({2300, 4010, 4020, 4030, 4060})
_DEBT: Final = 1300
_EITHER: Final = {
    _DEBT: (".1300.merchant.receivable.", ".2020.merchant.available."),
    2020: (".2020.merchant.available.", ".1300.merchant.receivable."),
}
"""A merchant owes, or has something available, and never both: by code, the account and the other one."""
_DECIDED: Final = frozenset({"refund_reserved", "wallet_refunded"})
"""Templates by which money is given back because the ledger allowed it; of others it is told."""
_DISPUTE_HOLD: Final = 2040
_DISPUTE_RECEIVABLE: Final = 1400
_INQUIRIES: Final = {"inquiry_opened": 1, "inquiry_closed": -1, "inquiry_escalated": -1}

Wrong = Iterator[str]


def _balances(fold: LedgerFold, told: Told, body: TransactionPosted) -> Wrong:
    sums: Counter[tuple[str, str]] = Counter()
    for leg in body.legs:
        sums[currency_of(leg.account_id), leg.phase] += signed_minor(leg)
    for (currency, phase), amount_minor in sums.items():
        if amount_minor:
            yield f"{phase} debits exceed credits by {amount_minor} {currency}"


def _has_legs(fold: LedgerFold, told: Told, body: TransactionPosted) -> Wrong:
    if len(body.legs) < 2:
        yield f"it has {len(body.legs)} legs"
    for leg in body.legs:
        if leg.amount_minor <= 0:
            yield f"a leg of {leg.amount_minor} on {leg.account_id}"
        defect = _defect(leg.account_id, told.message.envelope.mode, told.partition)
        if currency_of(leg.account_id) != body.currency and body.template not in _EXCHANGES:
            defect = f"not of currency {body.currency}"
        if defect is not None:
            yield f"{leg.account_id}: {defect}"


def _has_places(fold: LedgerFold, told: Told, body: TransactionPosted) -> Wrong:
    places = _PLACES.get(body.template, frozenset())
    for leg in body.legs if body.template != REVERSAL else ():
        if (code_of(leg.account_id), leg.side, leg.phase) not in places:
            yield f"{body.template} has no {leg.phase} {leg.side} of {leg.account_id}"


def _trial_is_zero(fold: LedgerFold, told: Told, body: TransactionPosted) -> Wrong:
    for currency in {currency_of(leg.account_id) for leg in body.legs}:
        trial = fold.trial[told.partition, currency]
        pending = trial.debits_pending_minor - trial.credits_pending_minor
        posted = trial.debits_posted_minor - trial.credits_posted_minor
        if pending or posted:
            yield f"all accounts sum to {posted} posted and {pending} pending {currency}"


def _counters_count(fold: LedgerFold, told: Told, body: TransactionPosted) -> Wrong:
    for account_id in _accounts(body.legs):
        if min(fold.balances[account_id]) < 0:
            yield f"{account_id} comes to {fold.balances[account_id]}"


def _keeps_limits(fold: LedgerFold, told: Told, body: TransactionPosted) -> Wrong:
    for account_id in _accounts(body.legs):
        code, counters = code_of(account_id), fold.balances[account_id]
        debits = counters.debits_pending_minor + counters.debits_posted_minor
        credits = counters.credits_pending_minor + counters.credits_posted_minor
        if code in _NEVER_DEBIT and debits > counters.credits_posted_minor:
            yield f"{account_id} is debited {debits} of {counters.credits_posted_minor}"
        if code in _NEVER_CREDIT and credits > counters.debits_posted_minor:
            yield f"{account_id} is credited {credits} of {counters.debits_posted_minor}"


def _second_phase_keeps_limits(fold: LedgerFold, told: Told, body: TransactionPosted) -> Wrong:
    if any(leg.phase == "released" for leg in body.legs):
        yield from _keeps_limits(fold, told, body)


def _releases_what_is_held(fold: LedgerFold, told: Told, body: TransactionPosted) -> Wrong:
    held_minor = fold.payments[body.payment_id].held_minor if body.payment_id in fold.payments else 0
    if held_minor < 0:
        yield f"{-held_minor} more is released of {body.payment_id} than is held"


def _expires_in_order(fold: LedgerFold, told: Told, body: TransactionPosted) -> Wrong:
    if body.template != "hold_expired":
        return
    if told.expiring is None:
        yield f"{body.operation_id} has no hold that could expire, or it has expired before"
    elif told.expiring.expires_at_ms > told.message.envelope.occurred_at_ms:
        yield f"{body.operation_id} expires before its time, {told.expiring.expires_at_ms}"
    elif told.expired is not None and told.expired > told.expiring:
        yield f"{body.operation_id} expires after a hold that ends later"


def _is_posted_once(fold: LedgerFold, told: Told, body: TransactionPosted) -> Wrong:
    if told.known is not None:
        yield f"it was posted before: {place_of(told.known.partition, told.known.seq)}"


def _reuses_a_used_id(fold: LedgerFold, told: Told, body: PostingRefused) -> Wrong:
    if body.outcome == "posting_id_reused" and told.known is None and not told.was_refused:
        yield f"{body.transaction_id} was never used before"


def _was_not_refused(fold: LedgerFold, told: Told, body: TransactionPosted) -> Wrong:
    if told.was_refused:
        yield "it was refused before"


def _numbers_increase(fold: LedgerFold, told: Told, body: JournalRecord | RequestRefused) -> Wrong:
    if body.seq <= told.last_seq:
        yield f"number {body.seq} comes after {told.last_seq}"


def _numbers_have_no_gap(fold: LedgerFold, told: Told, body: JournalRecord | RequestRefused) -> Wrong:
    if body.seq > told.last_seq + 1:
        yield f"number {told.last_seq + 1} would follow"


def _lies_with_its_cause(fold: LedgerFold, told: Told, body: TransactionPosted) -> Wrong:
    if told.is_apart:
        cause = told.message.envelope.causation_id
        yield f"what {cause} led to in this book lies apart, with other transactions in between"


def _mirrors_its_target(fold: LedgerFold, told: Told, body: TransactionPosted) -> Wrong:
    if body.template != REVERSAL:
        return
    if told.target is None:
        yield f"{body.reverses} is not posted"
        return
    if told.target.is_reversed:
        yield f"{body.reverses} was reversed before"
    mirrored = Counter(
        (leg.account_id, leg.phase, leg.amount_minor, _other(leg.side)) for leg in told.target.legs
    )
    if mirrored != Counter((leg.account_id, leg.phase, leg.amount_minor, leg.side) for leg in body.legs):
        yield f"its legs do not mirror those of {body.reverses}"


def _gives_back_what_was_sold(fold: LedgerFold, told: Told, body: TransactionPosted) -> Wrong:
    if body.template not in _DECIDED:
        return
    of = (told.message.envelope.merchant_id, body.payment_id or "")
    sold_minor, given_minor = fold.sold[of], fold.given_back[of]
    if given_minor > sold_minor:
        yield f"{given_minor} of {body.payment_id} is refunded or disputed, {sold_minor} was sold"


def _succeeds_what_was_set_aside(fold: LedgerFold, told: Told, body: TransactionPosted) -> Wrong:
    if fold.set_aside[body.operation_id] < 0:
        yield f"{body.operation_id} ends more than was set aside for it"


def _returns_fees_that_were_charged(fold: LedgerFold, told: Told, body: TransactionPosted) -> Wrong:
    for code in CHARGES:
        left_minor = fold.charges[body.payment_id or "", code]
        if left_minor < 0:
            yield f"{-left_minor} more of {code} is returned than was charged"


def _freezes_what_was_pulled(fold: LedgerFold, told: Told, body: TransactionPosted) -> Wrong:
    """Both accounts change by the same amount in every transaction, except that inquiries pull nothing."""
    frozen = -sum(signed_minor(leg) for leg in body.legs if code_of(leg.account_id) == _DISPUTE_HOLD)
    pulled = sum(signed_minor(leg) for leg in body.legs if code_of(leg.account_id) == _DISPUTE_RECEIVABLE)
    frozen -= _INQUIRIES.get(body.template, 0) * body.amount_minor
    if frozen != pulled:
        yield f"{frozen} is frozen for disputes and {pulled} pulled"


def _repays_debts_first(fold: LedgerFold, told: Told, body: TransactionPosted) -> Wrong:
    """Of one merchant and currency; what a reversal undoes is owed and available again as it was."""
    for account_id in _accounts(body.legs) if body.template != REVERSAL else ():
        code = code_of(account_id)
        if code not in _EITHER:
            continue
        change = sum(signed_minor(leg) for leg in body.legs if leg.account_id == account_id)
        other = fold.balances.get(account_id.replace(*_EITHER[code]))
        has_grown = change > 0 if code == _DEBT else change < 0
        if has_grown and other is not None and other.debits_posted_minor != other.credits_posted_minor:
            yield f"{account_id} grows while a debt and an available balance are both there"


def _took_two_persons(fold: LedgerFold, told: Told, body: AdjustmentApproved) -> Wrong:
    adjustment = body.adjustment
    if adjustment.decided_by in (None, adjustment.proposed_by):
        yield f"{adjustment.adjustment_id} was proposed and approved by {adjustment.decided_by}"
    if fold.proposed.get(adjustment.adjustment_id) != (adjustment.proposed_by, adjustment.entry):
        yield f"{adjustment.adjustment_id} is not what {adjustment.proposed_by} proposed"
    posted = fold.posted.get(adjustment.entry.transaction_id)
    if posted is None or posted.legs != adjustment.entry.expected_legs:
        yield f"{adjustment.adjustment_id} was not posted with the legs that were approved"


def _follows_the_one_before(fold: LedgerFold, told: Told, body: JournalRecord | RequestRefused) -> Wrong:
    if body.prev_hash != told.link:
        yield f"it follows {body.prev_hash.hex()}, the record before it is {told.link.hex()}"


def counters_agree(fold: LedgerFold) -> Wrong:
    """L6, over all accounts at once: what is debited somewhere is credited somewhere."""
    sums: dict[str, list[int]] = {}
    for account_id, counters in fold.balances.items():
        total = sums.setdefault(currency_of(account_id), [0, 0, 0, 0])
        for at, amount_minor in enumerate(counters):
            total[at] += amount_minor
    for currency, (debits_pending, debits, credits_pending, credits) in sorted(sums.items()):
        if (debits_pending, debits) != (credits_pending, credits):
            yield f"{currency}: debits {debits} and {debits_pending} pending, credits {credits} and {credits_pending}"


def changes_of(body: TransactionPosted, owner: str) -> tuple[int, int, bool]:
    """What a transaction changed of what a merchant owns, what of it the platform took as fees and tax, and whether
    it says so to the merchant: where anything of its own moved for it."""
    net_minor = fee_minor = 0
    is_own = any(leg.phase == "posted" and f".{owner}." in leg.account_id for leg in body.legs)
    for leg in body.legs:
        if leg.phase == "posted" and f".{owner}." in leg.account_id:
            net_minor -= signed_minor(leg)
        elif leg.phase == "posted" and code_of(leg.account_id) in _CHARGES:
            fee_minor -= signed_minor(leg)
    return net_minor, fee_minor, net_minor != 0 or (is_own and fee_minor != 0)


class Invariant(NamedTuple):
    """What must be true. judge: of every record of these kinds; None: see judged_by."""

    id: str
    name: str
    judge: Callable[[LedgerFold, Told, object], Wrong] | None
    kinds: tuple[type, ...]
    judged_by: str = "`millrace verify`, and after every part of a simulated month: record by record"


def _on(id_: str, name: str, judge: object, *kinds: type) -> Invariant:
    return Invariant(id_, name, judge, kinds or (TransactionPosted,))  # type: ignore[arg-type]  # of those kinds


def _elsewhere(id_: str, name: str, judged_by: str) -> Invariant:
    return Invariant(id_, name, None, (), judged_by)


_VERIFY: Final = "`millrace verify`"
_MONTH: Final = "`millrace scenario month`, and after every part of a simulated month"
_AUDIT: Final = "`millrace audit verify`"
_EVERY: Final = (JournalRecord, RequestRefused)

INVARIANTS: Final = (
    _on("L1", "per transaction, currency and phase, debits equal credits", _balances),
    _on(
        "L2",
        "every transaction has two legs or more, each above zero on an account of its mode and currency",
        _has_legs,
    ),
    _on("L3", "every leg lies where its entry template has a place for it", _has_places),
    _on("L4", "the trial balance of every partition is zero per currency, at every record", _trial_is_zero),
    _on("L5", "no counter of an account is ever below zero", _counters_count),
    _elsewhere("L6", "all debits equal all credits, posted and pending, over all accounts", _VERIFY),
    _on("L7", "no account with a limit ever has the wrong sign", _keeps_limits),
    _on(
        "L8",
        "what ends a hold never gives an account with a limit the wrong sign",
        _second_phase_keeps_limits,
    ),
    _on("L9", "no more is released of a payment than is held", _releases_what_is_held),
    _on("L10", "a hold expires once, at its time, and in order of expiry and creation", _expires_in_order),
    _on("L11", "a transaction id is posted once", _is_posted_once),
    _on("L12", "what is refused as a used id was decided before", _reuses_a_used_id, PostingRefused),
    _on("L13", "a transaction id that was refused is never posted", _was_not_refused),
    _elsewhere("L14", "no row of a balance is written by a refusal", _VERIFY),
    _on("L15", "the numbers of a journal increase", _numbers_increase, *_EVERY),
    _on("L16", "the numbers of a journal have no gap", _numbers_have_no_gap, *_EVERY),
    _on("L17", "what one cause posts in a book lies together in the journal", _lies_with_its_cause),
    _elsewhere("L18", "rows of mart.balances equal the fold of the journal", _VERIFY),
    _elsewhere("L19", "balances as of a record are the fold of the journal up to it", _VERIFY),
    _on(
        "L20",
        "a reversal mirrors one posted transaction exactly, and no transaction is reversed twice",
        _mirrors_its_target,
    ),
    _elsewhere("L21", "the rows of every book are the fold of the journal", f"{_VERIFY}, as P7"),
    _on(
        "L22",
        "no refund is allowed beyond what of its payment was sold and neither given back nor disputed",
        _gives_back_what_was_sold,
    ),
    _elsewhere("L23", "no more is captured than was authorized", f"{_VERIFY}, as P6, on payments"),
    _on(
        "L24",
        "no more of a payment's fees and tax is returned than was charged",
        _returns_fees_that_were_charged,
    ),
    _on(
        "L25",
        "what is frozen for disputes is what networks have pulled, and what inquiries ask about",
        _freezes_what_was_pulled,
    ),
    _elsewhere("L26", "nothing is receivable of a provider for settled batches", _MONTH),
    _elsewhere("L27", "what providers owe is what their own books say", _MONTH),
    _elsewhere("L28", "the bank account is what the bank's own book says", _MONTH),
    _elsewhere("L29", "at rest nothing is on its way between books", _MONTH),
    _elsewhere("L30", "what clients are owed lies at banks and providers", _MONTH),
    _on(
        "L31",
        "every record of a journal names the hash of the one before it",
        _follows_the_one_before,
        *_EVERY,
    ),
    _elsewhere("L32", "every seal is consistent with the one before it", _AUDIT),
    _elsewhere("L33", "every sealed transaction has a proof that it is there", _AUDIT),
    _on(
        "L35",
        "a refund is set aside before it succeeds, and no more succeeds than is set aside",
        _succeeds_what_was_set_aside,
    ),
    _on(
        "L36",
        "what is posted by hand was proposed by one operator and approved by another, leg by leg",
        _took_two_persons,
        AdjustmentApproved,
    ),
    _elsewhere("L37", "balance transactions are what the journal changed of merchants' accounts", _VERIFY),
    _on(
        "L38",
        "nothing becomes available to a merchant who owes, and nothing is lent to one who has something available",
        _repays_debts_first,
    ),
)


def place_of(partition: int, seq: int) -> str:
    """Where a record of the journal lies, in words."""
    return f"journal {partition}, record {seq}"


def _accounts(legs: tuple[Leg, ...]) -> dict[str, None]:
    return dict.fromkeys(leg.account_id for leg in legs)


def _other(side: str) -> str:
    return "credit" if side == "debit" else "debit"


def _defect(account_id: str, mode: str, partition: int) -> str | None:
    """What is wrong with an account a transaction posts to; None: nothing."""
    shard = account_id.partition("#")[2]
    if code_of(account_id) not in _CODES:
        return "there is no such account"
    if account_id.partition(".")[0] != mode:
        return f"not of mode {mode}"
    wanted = str(partition) if code_of(account_id) in _SHARDED else ""
    return None if shard == wanted else f"shard {shard!r} in partition {partition}"
