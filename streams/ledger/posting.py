"""What does a command meet in its book, and how does it become a transaction?"""

from hashlib import sha256
from typing import Final, NamedTuple

import msgspec

from schemas.envelope import Envelope
from schemas.ledger import LedgerCommand, Terms, TransactionPosted
from streams.ledger.book import Book
from streams.ledger.chart import Names
from streams.ledger.payment import Payment
from streams.ledger.rows import Rows
from streams.ledger.templates import Template, post

_FINGERPRINT_BYTES: Final = 16
_encode: Final = msgspec.json.Encoder().encode


class Met(NamedTuple):
    """A command with the terms, the payment and the rows it is decided on."""

    command: LedgerCommand
    fingerprint: bytes
    at_ms: int
    names: Names
    book: Book
    payment: Payment

    @property
    def terms(self) -> Terms:
        """What the merchant agreed to."""
        return self.book.head.terms

    @property
    def rows(self) -> Rows:
        """The rows of the book."""
        return self.book.rows


def met(book: Book, command: LedgerCommand, envelope: Envelope) -> Met:
    """Gather what a command is decided on."""
    return Met(
        command=command,
        fingerprint=fingerprint(command),
        at_ms=envelope.occurred_at_ms,
        names=Names(envelope.mode, envelope.merchant_id, command.provider, command.currency),
        book=book,
        payment=book.rows.payment(command.payment_id) or Payment(currency=command.currency),
    )


def fingerprint(command: LedgerCommand) -> bytes:
    """16 bytes of SHA-256 over everything a command says."""
    return sha256(_encode(command)).digest()[:_FINGERPRINT_BYTES]


def posted(
    case: Met,
    template: Template,
    amount_minor: int,
    *,
    available_at_ms: int | None = None,
    begun_as: str = "",
    **parts: int,
) -> TransactionPosted:
    """The transaction of a command by a template. amount_minor: of the whole; parts: what its legs add up.

    begun_as: its id where it is one the ledger puts before the command's own.
    """
    command = case.command
    return TransactionPosted(
        transaction_id=begun_as or command.transaction_id,
        template=template.name,
        operation_id=command.operation_id,
        payment_id=command.payment_id,
        provider=command.provider,
        amount_minor=amount_minor,
        currency=command.currency,
        legs=post(template, case.names, amount=amount_minor, **parts),
        terms_version=case.book.head.terms_version,
        fingerprint=b"" if begun_as else case.fingerprint,
        available_at_ms=available_at_ms,
    )
