"""Is an entry posted as its sender states it, or why not?"""

from collections.abc import Sequence

from schemas import ids
from schemas.ledger import Leg, PostEntry, TransactionPosted
from schemas.money import EXPONENTS
from schemas.outcomes import Outcome
from streams.ledger.book import in_force
from streams.ledger.chart import CHART, MERCHANT_RECEIVABLE, described
from streams.ledger.entries import ENTRIES, Entry
from streams.ledger.legs import MAX_AMOUNT_MINOR, is_side_used, mirrored, moved_minor
from streams.ledger.posting import Case, Posted, is_named, overflows, posted, sale
from streams.ledger.rows import POSTED, Item
from streams.ledger.templates import REVERSAL
from streams.ledger.templates.merchants import WRITTEN_OFF
from streams.ledger.templates.treasury import FX_CAPTURED


def enter(case: Case) -> Posted:
    """The transaction of an entry or reversal, or the first reason against it."""
    command = _command(case)
    transaction = reverse(case) if command.template == REVERSAL else _entered(case)
    if isinstance(transaction, Outcome):
        return transaction
    outcome = _unexpected(command.expected_legs, transaction.legs) or _impossible(case, transaction.legs)
    return outcome or (transaction,)


def reverse(case: Case) -> TransactionPosted | Outcome:
    """The mirror of a transaction that has no consequences of its own, once."""
    command = _command(case)
    reverses = command.reverses
    if reverses is None:
        return Outcome.PARAMETER_MISSING
    if command.amounts:
        return Outcome.PARAMETER_UNKNOWN
    entry = case.rows.entry(reverses)
    if entry is None:
        known = case.rows.known(reverses)
        is_posted = known is not None and known.outcome == POSTED
        return Outcome.NOT_REVERSIBLE if is_posted else Outcome.TRANSACTION_UNKNOWN
    if entry.reversed_by is not None:
        return Outcome.ALREADY_REVERSED
    if entry.currency != command.currency:
        return Outcome.CURRENCY_DIFFERS
    if entry.template == WRITTEN_OFF.name and entry.amount_minor > case.written_off_minor:
        # It came back by what had been lent; owed again, it would be paid twice.
        return Outcome.NOT_REVERSIBLE
    if case.written_off_minor and moved_minor(entry.legs, MERCHANT_RECEIVABLE, "debit"):
        # What it lent may be what was written off; another debt would be forgiven instead, and the loss stay.
        return Outcome.NOT_REVERSIBLE
    if case.closes_any(described(leg.account_id).kind.code for leg in entry.legs):
        return Outcome.ACCOUNT_CLOSED
    return TransactionPosted(
        transaction_id=command.transaction_id,
        template=REVERSAL,
        operation_id=command.operation_id,
        payment_id=entry.payment_id,
        provider=entry.provider,
        amount_minor=entry.amount_minor,
        currency=entry.currency,
        legs=mirrored(entry.legs),
        terms_version=in_force(case.book.head.terms, case.at_ms).number,
        fingerprint=case.fingerprint,
        reverses=reverses,
    )


def _entered(case: Case) -> TransactionPosted | Outcome:
    command = _command(case)
    entry = ENTRIES.get(command.template)
    if entry is None:
        return Outcome.TEMPLATE_UNKNOWN
    refused = _misstated(case, entry) or _closed(case, entry)
    if refused is not None:
        return refused
    item = case.rows.item(command.operation_id)
    if not _follows(item, entry):
        return Outcome.UNEXPECTED_STATE
    if item is not None and entry.follows:
        if item.currency != command.currency:
            return Outcome.CURRENCY_DIFFERS
        if item.provider not in (None, command.provider) or item.payment_id != command.payment_id:
            return Outcome.UNEXPECTED_STATE
    amounts = command.amounts if entry.rule is None else entry.rule(case, command.amounts, item)
    if isinstance(amounts, Outcome):
        return amounts
    if entry.is_sale:
        if case.payment.lot(command.operation_id) is not None:
            return Outcome.UNEXPECTED_STATE
        return sale(case, entry.template, amounts, command.method)
    return posted(case, entry.template, amounts, command.amounts[entry.given[0]])


def _misstated(case: Case, entry: Entry) -> Outcome | None:
    """What of the entry is missing, unknown, of the wrong book or currency, or no amount."""
    command = _command(case)
    if not case.names.book.startswith(f"{entry.template.book}_"):
        return Outcome.ACCOUNT_UNKNOWN
    if not is_named(command) or (command.other_currency or "USD") not in EXPONENTS:
        return Outcome.PARAMETER_INVALID
    if command.amounts.keys() - set(entry.given) or (entry.is_of_no_payment and command.payment_id):
        return Outcome.PARAMETER_UNKNOWN
    if entry.given[0] not in command.amounts or _is_lacking(command, entry):
        return Outcome.PARAMETER_MISSING
    is_of_none = entry.is_sale and ids.key_of(command.payment_id or "") is None
    if is_of_none or not _is_other_book(command.other_book, entry):
        return Outcome.PARAMETER_INVALID
    least_minor = 0 if entry.is_any_enough and any(command.amounts.values()) else 1
    if command.amounts[entry.given[0]] < least_minor or min(command.amounts.values()) < 0:
        return Outcome.AMOUNT_NOT_POSITIVE
    if sum(command.amounts.values()) > MAX_AMOUNT_MINOR:
        return Outcome.AMOUNT_OVERFLOW
    is_exchange = entry.template is FX_CAPTURED and not case.payment.is_sold
    if command.payment_id is not None and case.payment.currency != command.currency and not is_exchange:
        return Outcome.CURRENCY_DIFFERS
    return None


def _is_lacking(command: PostEntry, entry: Entry) -> bool:
    """Whether the accounts of the entry need a name that the command does not say."""
    legs = entry.template.legs
    is_exchange = any(leg.currency == "other" for leg in legs)
    return (
        (any(CHART[leg.code].owner == "provider" for leg in legs) and not command.provider)
        or (is_exchange and not _is_two_sided(command, entry))
        or ((entry.is_sale or entry.is_of_payment) and command.payment_id is None)
        or (any(CHART[leg.code].kind == "interbook.clearing" for leg in legs) and not command.other_book)
    )


def _is_two_sided(command: PostEntry, entry: Entry) -> bool:
    """Whether an exchange says what for and how much of it: the second amount of its entry is in that currency."""
    return command.other_currency not in (None, command.currency) and bool(
        command.amounts.get(entry.given[1])
    )


def _is_other_book(other_book: str | None, entry: Entry) -> bool:
    """Whether the book the money goes to or comes from can post its half, or take it back."""
    other = ENTRIES.get(entry.sends or entry.comes_back or "")
    if other is None:
        return True
    key = ids.key_of(other_book or "")
    return key is not None and other_book == f"{other.template.book}_{key}"


def _closed(case: Case, entry: Entry) -> Outcome | None:
    if entry.is_unstoppable or entry.is_fact:
        return None
    # Who may owe nothing more may repay what is owed.
    codes = [
        leg.code for leg in entry.template.legs if (leg.code, leg.side) != (MERCHANT_RECEIVABLE, "credit")
    ]
    return Outcome.ACCOUNT_CLOSED if case.closes_any(codes) else None


def _follows(item: Item | None, entry: Entry) -> bool:
    """Whether what the entry is about has come so far."""
    if item is None:
        return entry.begins or not entry.follows
    return item.status in entry.follows or not (entry.begins or entry.follows)


def _unexpected(expected: Sequence[Leg], legs: Sequence[Leg]) -> Outcome | None:
    """Why the legs are not those the sender expects; None where it expects none."""
    for leg in expected:
        try:
            code = described(leg.account_id).kind.code
        except (KeyError, ValueError):
            return Outcome.ACCOUNT_UNKNOWN
        if not is_side_used(code, leg.side):
            return Outcome.SIDE_UNUSED
    return (
        Outcome.LEGS_DIFFER if expected and sorted(expected, key=_order) != sorted(legs, key=_order) else None
    )


def _order(leg: Leg) -> tuple[str, str, str, int]:
    return leg.account_id, leg.side, leg.phase, leg.amount_minor


def _impossible(case: Case, legs: Sequence[Leg]) -> Outcome | None:
    """Whether an account would overflow, or one with a limit have the wrong sign."""
    if overflows(case.rows, legs):
        return Outcome.AMOUNT_OVERFLOW
    for account, counters in case.rows.after(legs).items():
        kind = described(account).kind
        if kind.is_limited and counters.free(kind.normal_side) < 0:
            return Outcome.BALANCE_INSUFFICIENT
    return None


def _command(case: Case) -> PostEntry:
    assert isinstance(case.command, PostEntry), f"{type(case.command).__name__} is no entry"
    return case.command
