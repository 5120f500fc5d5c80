"""What does a month say to the ledger: commands, each with the book it goes to?"""

from typing import Any, Final, NamedTuple

from schemas import ids
from schemas.envelope import PLATFORM, Envelope, Message
from schemas.ledger import LedgerCommand, OpsCommand, PostEntry

PROVIDER: Final = "simulator"


class Order(NamedTuple):
    """One command of `ledger.commands.ops` and whose book it goes to."""

    book: str
    body: OpsCommand

    @property
    def key(self) -> str:
        """The key of the book."""
        found = ids.key_of(self.book)
        assert found is not None, f"{self.book} is no book"
        return found

    def message(self, number: int, at_ms: int) -> Message[OpsCommand]:
        """The order as a message; number: of the order, by which its id is told."""
        message_id = ids.digest(self.book, str(number), getattr(self.body, "transaction_id", ""))
        envelope = Envelope(
            message_id=message_id,
            causation_id=message_id,
            correlation_id=message_id,
            occurred_at_ms=at_ms,
            mode="test",
            merchant_id=self.book,
            cell=ids.birth_cell(self.book),
            actor=PLATFORM,
        )
        return Message(envelope=envelope, body=self.body)


class Sale(NamedTuple):
    """One payment of a month as its seller knows it."""

    merchant: str
    key: str
    amount_minor: int
    currency: str

    @property
    def payment_id(self) -> str:
        """Id of the payment."""
        return f"pay_{self.key}"

    @property
    def capture_id(self) -> str:
        """Id of its one capture."""
        return f"cap_{self.key}00000001"


def about(sale: Sale, kind: type[LedgerCommand], operation_id: str, amount_minor: int, **more: Any) -> Order:
    """A command of payments about a sale."""
    body: Any = kind(
        transaction_id=ids.transaction_id(sale.merchant, operation_id, kind.__name__),
        operation_id=operation_id,
        payment_id=sale.payment_id,
        provider=PROVIDER,
        amount_minor=amount_minor,
        currency=sale.currency,
        **more,
    )
    return Order(sale.merchant, body)


def entry(
    book: str, template: str, operation_id: str, currency: str, amounts: dict[str, int], **more: Any
) -> Order:
    """An entry by template."""
    body = PostEntry(
        transaction_id=ids.transaction_id(book, operation_id, template, more.pop("turn", 0)),
        template=template,
        operation_id=operation_id,
        currency=currency,
        amounts=amounts,
        **{"provider": PROVIDER, **more},
    )
    return Order(book, body)


def of_sale(sale: Sale, template: str, operation_id: str, amounts: dict[str, int], **more: Any) -> Order:
    """An entry about a sale."""
    return entry(
        sale.merchant, template, operation_id, sale.currency, amounts, payment_id=sale.payment_id, **more
    )
