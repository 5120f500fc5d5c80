"""How do tests keep a book: command by command, through the generic step, over a store in memory."""

from collections import Counter
from typing import Any, Final

from schemas import ids, topics
from schemas.api import Reply
from schemas.balances import BalancesChanged, BalanceTransactionsPosted, ShardReported
from schemas.codec import codec_of
from schemas.envelope import PLATFORM, Actor, Message
from schemas.ledger import (
    AdjustmentCommand,
    CloseAccount,
    LedgerCommand,
    PostEntry,
    PostingRefused,
    PostingResult,
    RecordCapture,
    RecordHold,
    RecordRefundFailed,
    RecordRefundRequested,
    RecordRefundSucceeded,
    RecordRelease,
    RefundPolicy,
    ReopenAccount,
    RequestRefused,
    ReserveRefund,
    Terms,
    TransactionPosted,
)
from schemas.merchants import MerchantTermsSet
from schemas.platform import Tick
from schemas.settings import Settings
from schemas.testing import MERCHANT, START_MS, envelope
from schemas.testing import command as request
from schemas.topics import Topic
from streams.ledger.accounts import SHARD
from streams.ledger.app import ledger
from streams.ledger.book import Book, Books
from streams.ledger.templates import REVERSAL
from streams.ports import Output, Record
from streams.simulator import MemoryStore
from streams.step import StageStep

DAY: Final = 86_400_000
_OPERATIONS: Final[dict[type[LedgerCommand], str]] = {
    RecordHold: "auth",
    RecordRelease: "auth",
    RecordCapture: "cap",
    ReserveRefund: "ref",
    RecordRefundRequested: "ref",
    RecordRefundSucceeded: "ref",
    RecordRefundFailed: "ref",
}


def command(
    kind: type[LedgerCommand],
    amount_minor: int,
    *,
    payment: str = "p",
    name: str = "1",
    turn: int = 1,
    merchant: str = MERCHANT,
    currency: str = "USD",
    provider: str = "simulator",
    **changes: Any,
) -> LedgerCommand:
    """A command about the payment `payment` of a merchant and its operation `name`.

    turn: which of the transactions of that kind about the operation it is.
    """
    key = ids.payment_key(mode="test", merchant=merchant, source="api", idempotency_key=payment)
    operation_id = ids.operation_id(_OPERATIONS[kind], key, name)
    return kind(
        transaction_id=ids.transaction_id(merchant, operation_id, kind.__name__, turn),
        operation_id=operation_id,
        payment_id=f"pay_{key}",
        provider=provider,
        amount_minor=amount_minor,
        currency=currency,
        **changes,
    )


WALLET: Final = ids.wallet_id(MERCHANT, "customer-1")
TREASURY: Final = ids.treasury_id(cell="00", mode="test")


def entry(
    template: str, operation_id: str, *, book: str = MERCHANT, turn: int = 1, **changes: Any
) -> PostEntry:
    """An entry of 100.00 USD at the simulator, or a reversal, with names for everything an entry may need.

    turn: which of the transactions of that template about the operation it is.
    """
    fields: dict[str, Any] = {
        "transaction_id": ids.transaction_id(book, operation_id, template, turn),
        "template": template,
        "operation_id": operation_id,
        "currency": "USD",
        "amounts": {} if template == REVERSAL else {"amount": 10_000},
        "provider": "simulator",
    }
    return PostEntry(**{**fields, **changes})


class Desk:
    """One ledger task. journal: its records; results, balances, changes, shards: what it
    told others.

    said: what the last message led to, such as `capture` or the outcome of a refusal. on_their_way: what
    other books have to post and were not given yet. result_topics: where each of the results was told.
    answers: what the operator is told who sent the last message.
    """

    def __init__(self, partition: int = 3) -> None:
        self.store = MemoryStore()
        self.partition = partition
        self.now_ms = START_MS
        self.values: list[bytes] = []
        self.journal: list[Message[Any]] = []
        self.results: list[PostingResult] = []
        self.balances: list[BalancesChanged] = []
        self.changes: list[BalanceTransactionsPosted] = []
        self.shards: list[ShardReported] = []
        self.said: list[str] = []
        self.on_their_way: list[Output] = []
        self.result_topics: list[str] = []
        self.answers: list[Reply] = []
        self._step = StageStep(ledger(Settings()))
        self._told = 0

    def take(self, topic: Topic, key: str, value: bytes) -> "Desk":
        """Hand one record to the step and read all that follows."""
        self._told += 1
        record = Record(topic.name, self.partition, self._told, key.encode(), value, self.now_ms)
        outbox = self._step(self.store, [record])
        self.said = []
        read_reply = codec_of(topics.API_REPLIES).decode
        self.answers = [read_reply(reply.value).body for reply in outbox.replies]
        for output in outbox.outputs:
            message = codec_of(topics.BY_NAME[output.topic]).decode(output.value)
            if output.topic == topics.LEDGER_COMMANDS_INTERBOOK.name:
                self.on_their_way.append(output)
            elif output.topic == topics.LEDGER_JOURNAL.name:
                self.values.append(output.value)
                self.journal.append(message)
                self.said.append(_told_of(message.body))
            else:
                told: dict[str, list[Any]] = {
                    topics.LEDGER_RESULTS_PAYMENTS.name: self.results,
                    topics.LEDGER_RESULTS_OPS.name: self.results,
                    topics.LEDGER_BALANCES.name: self.balances,
                    topics.LEDGER_STATEMENTS.name: self.changes,
                    topics.LEDGER_SHARDS.name: self.shards,
                }
                told[output.topic].append(message.body)
                if isinstance(message.body, PostingResult):
                    self.result_topics.append(output.topic)
        return self

    def tell(self, body: LedgerCommand, *, merchant: str = MERCHANT) -> "Desk":
        """A command of payments about a merchant."""
        cause = envelope(f"event-{self._told}", at_ms=self.now_ms, merchant_id=merchant, actor=PLATFORM)
        value = codec_of(topics.LEDGER_COMMANDS_PAYMENTS).encode(Message(envelope=cause, body=body))
        return self.take(topics.LEDGER_COMMANDS_PAYMENTS, _book_key(merchant), value)

    def enter(self, entry: PostEntry, *, book: str = MERCHANT) -> "Desk":
        """An entry of operators in a book."""
        return self._order(entry, book)

    def adjust(
        self, body: AdjustmentCommand, *, operator: str = "opr_1", key: str = "k1", book: str = MERCHANT
    ) -> "Desk":
        """A command of an operator about an entry by hand, under an idempotency key of that operator."""
        actor = Actor(role="operator", principal=operator, key_id="key_1")
        message = request(body, key=f"{operator}/{key}", at_ms=self.now_ms, merchant=book, actor=actor)
        value = codec_of(topics.LEDGER_COMMANDS_API).encode(message)
        return self.take(topics.LEDGER_COMMANDS_API, body.adjustment_id.partition("_")[2][:26], value)

    def close(self, code: int, *, currency: str = "USD", book: str = MERCHANT) -> "Desk":
        """An account takes nothing any more that can be refused."""
        return self._order(CloseAccount(code=code, currency=currency), book)

    def reopen(self, code: int, *, currency: str = "USD", book: str = MERCHANT) -> "Desk":
        """It does again."""
        return self._order(ReopenAccount(code=code, currency=currency), book)

    def deliver(self) -> "Desk":
        """Give other books what is on its way to them, until nothing is."""
        while self.on_their_way:
            output = self.on_their_way.pop(0)
            self.take(topics.LEDGER_COMMANDS_INTERBOOK, output.key.decode(), output.value)
        return self

    def _order(self, body: PostEntry | CloseAccount | ReopenAccount, book: str) -> "Desk":
        cause = envelope(f"order-{self._told}", at_ms=self.now_ms, merchant_id=book, actor=PLATFORM)
        value = codec_of(topics.LEDGER_COMMANDS_OPS).encode(Message(envelope=cause, body=body))
        return self.take(topics.LEDGER_COMMANDS_OPS, _book_key(book), value)

    def terms(self, terms: Terms, number: int = 1, *, merchant: str = MERCHANT) -> "Desk":
        """What a merchant agreed to."""
        cause = envelope(f"terms-{number}", at_ms=self.now_ms, merchant_id=merchant)
        body = MerchantTermsSet(merchant_id=merchant, number=number, terms=terms)
        return self.happen(Message(envelope=cause, body=body), merchant=merchant)

    def happen(self, event: Message[Any], *, merchant: str = MERCHANT) -> "Desk":
        """Any event of a merchant."""
        value = codec_of(topics.MERCHANTS_EVENTS).encode(event)
        return self.take(topics.MERCHANTS_EVENTS, _book_key(merchant), value)

    def open(self, policy: RefundPolicy = "owe", **terms: Any) -> "Desk":
        """The book under these terms."""
        return self.terms(Terms(refund_policy=policy, **terms))

    def wait(self, ms: int) -> "Desk":
        """Let time pass, and a tick say so."""
        self.now_ms += ms
        tick = envelope(f"tick-{self.now_ms}", at_ms=self.now_ms, merchant_id="platform", actor=PLATFORM)
        value = codec_of(topics.CLOCK_TICKS).encode(Message(envelope=tick, body=Tick(now_ms=self.now_ms)))
        return self.take(topics.CLOCK_TICKS, "", value)

    def back(self, ms: int) -> "Desk":
        """What comes next occurred earlier than the last tick."""
        self.now_ms -= ms
        return self

    def hold(self, amount_minor: int = 10_000, **about: Any) -> "Desk":
        return self.tell(command(RecordHold, amount_minor, **about))

    def release(self, amount_minor: int = 10_000, **about: Any) -> "Desk":
        return self.tell(command(RecordRelease, amount_minor, **about))

    def capture(self, amount_minor: int = 10_000, **about: Any) -> "Desk":
        return self.tell(command(RecordCapture, amount_minor, **about))

    def reserve(self, amount_minor: int = 10_000, **about: Any) -> "Desk":
        return self.tell(command(ReserveRefund, amount_minor, **about))

    def request(self, amount_minor: int = 10_000, **about: Any) -> "Desk":
        return self.tell(command(RecordRefundRequested, amount_minor, **about))

    def succeed(self, amount_minor: int = 10_000, **about: Any) -> "Desk":
        return self.tell(command(RecordRefundSucceeded, amount_minor, **about))

    def fail(self, amount_minor: int = 10_000, **about: Any) -> "Desk":
        return self.tell(command(RecordRefundFailed, amount_minor, **about))

    def book(self, merchant: str = MERCHANT) -> Book:
        """A merchant's book as it is stored."""
        return Books().within(self.store, self.partition).load(_book_key(merchant))

    def account_rows(self) -> dict[bytes, bytes]:
        """Every row that says how an account stands, as it is stored."""
        rows = self.store.items().items()
        return {name: row for name, row in rows if b"/account/" in name or name.startswith(SHARD)}

    def counters(self) -> dict[str, tuple[int, int, int, int]]:
        """Debits pending and posted, credits pending and posted, of each account as last told."""
        return {
            one.account_id: (
                one.debits_pending_minor,
                one.debits_posted_minor,
                one.credits_pending_minor,
                one.credits_posted_minor,
            )
            for told in self.balances
            for one in told.balances
        }

    def by_code(self) -> dict[int, int]:
        """Debits less credits posted, by code over all accounts, without those at zero."""
        sums: Counter[int] = Counter()
        for account_id, (_, debits, _, credits) in self.counters().items():
            sums[int(account_id.split(".")[1])] += debits - credits
        return {code: amount for code, amount in sorted(sums.items()) if amount}

    def held_minor(self) -> int:
        """What is announced to all merchants."""
        counters = self.counters().items()
        return sum(pending for name, (_, _, pending, _) in counters if ".2010." in name)


def _book_key(merchant: str) -> str:
    key = ids.key_of(merchant)
    assert key is not None, f"{merchant} is no merchant"
    return key


def _told_of(body: object) -> str:
    if isinstance(body, TransactionPosted):
        return body.template
    return body.outcome if isinstance(body, PostingRefused | RequestRefused) else type(body).__name__
