"""Who is told what when something is posted or refused?"""

from collections.abc import Sequence

from msgspec import Struct

from schemas import ids, topics
from schemas.api import View
from schemas.envelope import Message
from schemas.ledger import (
    AccountBalance,
    AggregateEvent,
    BalancesChanged,
    BookOpened,
    LedgerCommand,
    PostingRefused,
    PostingResult,
    ReserveRefund,
    TermsChanged,
    TransactionPosted,
)
from schemas.outcomes import Outcome
from streams.core import Effect, Moment, Send
from streams.ledger.book import Book
from streams.ledger.chart import described
from streams.ledger.rows import Counters
from streams.ledger.templates import REFUND_RESERVED


def react(book: Book, event: Message[AggregateEvent]) -> Sequence[Effect]:
    """The balances of all accounts touched, and the result of a reservation."""
    match event.body:
        case TransactionPosted() as posted:
            balances = Send(topics.LEDGER_BALANCES, _balances(book, posted))
            if posted.template != REFUND_RESERVED.name:
                return (balances,)
            return (balances, answer(posted, Outcome.SUCCEEDED))
        case PostingRefused() as refused if refused.command == ReserveRefund.__name__:
            return (answer(refused, Outcome[refused.outcome.upper()]),)
        case PostingRefused() | BookOpened() | TermsChanged():
            return ()


def answer(about: LedgerCommand | TransactionPosted | PostingRefused, outcome: Outcome) -> Send:
    """The result of a reservation, to the payment that asked."""
    key = ids.key_of(about.payment_id)
    assert key is not None, f"{about.payment_id} is no payment"
    is_posted = outcome is Outcome.SUCCEEDED
    result = PostingResult(
        transaction_id=about.transaction_id,
        operation_id=about.operation_id,
        outcome="posted" if is_posted else "refused",
        code=None if is_posted else outcome.code,
    )
    return Send(topics.LEDGER_RESULTS_PAYMENTS, result, key=key)


def moment(book: Book, subject: int) -> Moment:
    """No caller waits for the ledger."""
    return ()


def view(book: Book, at: Moment) -> View:
    """No caller is shown a book."""
    raise AssertionError("the ledger answers no caller")


def after(book: Book) -> Struct:
    """The head of the book; the journal leaves it out, since its records are all there is to know."""
    return book.head


def _balances(book: Book, posted: TransactionPosted) -> BalancesChanged:
    balances = [_balance(account_id, counters) for account_id, counters in book.touched.items()]
    return BalancesChanged(transaction_id=posted.transaction_id, seq=posted.seq, balances=tuple(balances))


def _balance(account_id: str, counters: Counters) -> AccountBalance:
    kind, owner, currency, shard = described(account_id)
    return AccountBalance(
        account_id=account_id,
        code=kind.code,
        kind=kind.kind,
        currency=currency,
        debits_pending_minor=counters.debits_pending,
        debits_posted_minor=counters.debits_posted,
        credits_pending_minor=counters.credits_pending,
        credits_posted_minor=counters.credits_posted,
        owner=owner,
        shard=shard,
    )
