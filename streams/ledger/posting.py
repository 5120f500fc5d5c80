"""What does a command meet in its book, and how does it become a transaction?"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple

import msgspec

from schemas import ids
from schemas.envelope import Envelope
from schemas.ledger import LedgerCommand, Leg, PostEntry, Terms, TransactionPosted
from schemas.money import EXPONENTS
from schemas.outcomes import Outcome
from streams.ledger.book import Book, in_force
from streams.ledger.calendar import available_at_ms, reserve_at_ms
from streams.ledger.chart import (
    MERCHANT_AVAILABLE,
    MERCHANT_PENDING,
    MERCHANT_RECEIVABLE,
    SHARD_MARK,
    Names,
    account_id,
    described,
)
from streams.ledger.legs import MAX_AMOUNT_MINOR, post
from streams.ledger.payment import Payment, Sources, taken
from streams.ledger.pricing import deductions
from streams.ledger.rows import Rows
from streams.ledger.templates.form import Template

_FINGERPRINT_BYTES: Final = 16
_HALF_MINOR: Final = MAX_AMOUNT_MINOR // 2
_encode: Final = msgspec.json.Encoder(order="deterministic").encode

Posted = Sequence[TransactionPosted] | Outcome
"""What a command leads to: transactions, or why there is none."""


class Case(NamedTuple):
    """A command with the names, the book and the payment it is decided on."""

    command: LedgerCommand | PostEntry
    fingerprint: bytes
    at_ms: int
    names: Names
    book: Book
    payment: Payment

    @property
    def terms(self) -> Terms:
        """What the merchant had agreed to when it occurred."""
        return in_force(self.book.head.terms, self.at_ms).terms

    @property
    def amount_minor(self) -> int:
        """What a command about a payment is about; an entry has amounts by name instead."""
        assert isinstance(self.command, LedgerCommand), "an entry states its amounts by name"
        return self.command.amount_minor

    @property
    def rows(self) -> Rows:
        """The rows of the book."""
        return self.book.rows

    @property
    def debt_minor(self) -> int:
        """What the merchant owes in the currency of the command."""
        return debt_minor(self.book, self.names)

    @property
    def written_off_minor(self) -> int:
        """What of its debts in the currency of the command the platform has given up and not got since."""
        return self.book.head.written_off.get(self.names.currency, 0)

    def closes_any(self, codes: Iterable[int]) -> bool:
        """Whether one of these accounts of the book is closed, in the currency of the command."""
        closed = self.book.head.closed
        return bool(closed) and any((code, self.names.currency) in closed for code in codes)

    def free_minor(self, code: int) -> int:
        """What may be taken from an account with a limit."""
        return _free_minor(self.book, self.names, code)


def met(book: Book, command: LedgerCommand | PostEntry, envelope: Envelope) -> Case:
    """Gather what a command is decided on."""
    names = Names(
        envelope.mode, envelope.merchant_id, command.provider or "", command.currency, book.partition
    )
    payment = None if command.payment_id is None else book.rows.payment(command.payment_id)
    return Case(
        command=command,
        fingerprint=fingerprint(command),
        at_ms=envelope.occurred_at_ms,
        names=names,
        book=book,
        payment=payment or Payment(currency=command.currency),
    )


def is_named(command: LedgerCommand | PostEntry) -> bool:
    """Whether accounts can be called after its currency and provider."""
    return command.currency in EXPONENTS and SHARD_MARK not in (command.provider or "")


def fingerprint(command: LedgerCommand | PostEntry) -> bytes:
    """16 bytes of SHA-256 over everything a command says."""
    return sha256(_encode(command)).digest()[:_FINGERPRINT_BYTES]


def posted(
    case: Case,
    template: Template,
    amounts: Mapping[str, int],
    amount_minor: int,
    *,
    begun_as: str = "",
    **about: Any,
) -> TransactionPosted:
    """The transaction of a command by a template. amount_minor: of the whole; amounts: what its legs add up.

    begun_as: its id where it is one the ledger puts before or after the command's own. about: what
    else the record says.
    """
    command = case.command
    entry = command if isinstance(command, PostEntry) else None
    if entry is not None:
        about["amounts"] = {name: part_minor for name, part_minor in amounts.items() if part_minor}
        about["other_book"] = entry.other_book
    other_currency = "" if entry is None else entry.other_currency or ""
    return TransactionPosted(
        transaction_id=begun_as or command.transaction_id,
        template=template.name,
        operation_id=command.operation_id,
        payment_id=command.payment_id,
        provider=command.provider,
        amount_minor=amount_minor,
        currency=command.currency,
        legs=post(template, case.names, amounts, other_currency),
        terms_version=in_force(case.book.head.terms, case.at_ms).number,
        fingerprint=b"" if begun_as else case.fingerprint,
        **about,
    )


def sale(case: Case, template: Template, amounts: Mapping[str, int], method: str | None) -> TransactionPosted:
    """The transaction by which a merchant earned `amounts["amount"]`: what is deducted, and when it is available.

    A debt is repaid from what is left of it, before anything is the merchant's.
    """
    amount_minor, terms = amounts["amount"], case.terms
    fee, tax, reserve = deductions(amount_minor, terms, method=method, currency=case.names.currency)
    recovered_minor = min(amount_minor - fee - tax - reserve, case.debt_minor)
    return posted(
        case,
        template,
        {**amounts, "fee": fee, "tax": tax, "reserve": reserve, "recovered": recovered_minor},
        amount_minor,
        available_at_ms=available_at_ms(case.at_ms, terms),
        reserve_at_ms=reserve_at_ms(case.at_ms, terms) if reserve else None,
    )


def up_to(limit_minor: int, amount_minor: int) -> tuple[int, int]:
    """An amount in two parts: what of it is within the limit, and the rest."""
    within_minor = min(amount_minor, limit_minor)
    return within_minor, amount_minor - within_minor


class Parts(NamedTuple):
    """What becomes of an amount that would be the merchant's, by the names templates add up."""

    repaid: int
    loss_recovered: int
    freed: int


def freed(debt_minor: int, lost_minor: int, amount_minor: int) -> Parts:
    """A debt is repaid first, then what was lost of debts, and only the rest is available."""
    repaid, left_minor = up_to(debt_minor, amount_minor)
    return Parts(repaid, *up_to(lost_minor, left_minor))


class Charge(NamedTuple):
    """What a merchant has to pay, by the names templates add up: what there is, and what is owed."""

    available: int
    owed: int


def called(prefix: str, parts: Parts | Charge) -> dict[str, int]:
    """The same parts of another amount: of a fee, or of the tax on it."""
    return {f"{prefix}_{name}": part_minor for name, part_minor in parts._asdict().items()}


def debt_minor(book: Book, names: Names) -> int:
    """What the merchant owes in a currency; most never owed anything."""
    is_indebted = names.currency in book.head.indebted
    return _free_minor(book, names, MERCHANT_RECEIVABLE) if is_indebted else 0


def sources(case: Case, amount_minor: int) -> Sources:
    """The payment's own pending money first, then the available balance, and what is missing is owed."""
    pending = taken(case.payment.lots, amount_minor)
    left_minor = amount_minor - sum([part_minor for _, part_minor in pending])
    return Sources(pending, *up_to(case.free_minor(MERCHANT_AVAILABLE), left_minor))


def own_id(rows: Rows, book: str, cause: str, template: Template) -> str:
    """Id of a transaction the ledger itself begins; another one where a command has used that up."""
    transaction_id = ids.transaction_id(book, cause, template.name)
    while rows.known(transaction_id) is not None:
        transaction_id = ids.transaction_id(book, transaction_id, template.name)
    return transaction_id


def overflows(rows: Rows, legs: Sequence[Leg]) -> bool:
    """Whether a counter of any account would exceed 2^63 - 1 minor units, now or by what time alone posts."""
    most_minor = sum([leg.amount_minor for leg in legs])
    accounts = {leg.account_id for leg in legs}
    if max([max(rows.counters(account)) for account in accounts]) + most_minor <= _HALF_MINOR:
        return False
    return any(
        max(counters) > MAX_AMOUNT_MINOR or counters.credits_posted > _most_credited_minor(account)
        for account, counters in rows.after(legs).items()
    )


def _free_minor(book: Book, names: Names, code: int) -> int:
    account = account_id(code, names)
    return book.rows.counters(account).free(described(account).kind.normal_side)


def _most_credited_minor(account: str) -> int:
    """Up to where an account is credited. What is pending becomes available whatever else was credited there."""
    is_joined = described(account).kind.code in (MERCHANT_PENDING, MERCHANT_AVAILABLE)
    return _HALF_MINOR if is_joined else MAX_AMOUNT_MINOR
