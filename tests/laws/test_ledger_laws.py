"""Laws every history of a ledger obeys, whatever payments, merchants and time do to it."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import ids
from schemas.ledger import (
    LedgerCommand,
    RecordCapture,
    RecordHold,
    RecordRefundFailed,
    RecordRefundRequested,
    RecordRefundSucceeded,
    RecordRelease,
    ReserveRefund,
    Terms,
    TransactionPosted,
)
from schemas.testing import MERCHANT, OTHER_MERCHANT
from streams.ledger.accounts import SHARD
from streams.ledger.book import Books
from streams.ledger.fold import evolve
from streams.ledger.rows import BOOK
from streams.ledger.templates import TEMPLATES
from streams.ledger.testing import DAY, Desk, command
from streams.simulator import MemoryStore
from streams.table import STATE
from tests.laws.ledger_oracle import Oracle, Told

KINDS: dict[str, type[LedgerCommand]] = {
    "hold": RecordHold,
    "release": RecordRelease,
    "capture": RecordCapture,
    "reserve": ReserveRefund,
    "request": RecordRefundRequested,
    "succeed": RecordRefundSucceeded,
    "fail": RecordRefundFailed,
}
Word = tuple[str, Told] | int
"""A command about a merchant's payment, or milliseconds that pass."""

# Payments a, b are of one currency and c of another, so that sums of a book mix what must not mix.
PAYMENTS = {"a": "USD", "b": "USD", "c": "JPY"}
TOLD = st.builds(
    lambda word, payment, name, turn, amount, odd: Told(
        word, payment, name, turn, amount, "EUR" if odd else PAYMENTS[payment]
    ),
    st.sampled_from(["hold", "capture", "capture", *KINDS]),
    st.sampled_from(list(PAYMENTS)),
    st.sampled_from("12"),
    st.sampled_from([1, 1, 1, 2]),
    st.sampled_from([10_000, 10_000, 10_000, 5_000, 9_680, 320, 10_320, 31, 0, -1, 10**14]),
    st.sampled_from([False] * 12 + [True]),
)
COMMANDS = st.tuples(st.sampled_from([MERCHANT, OTHER_MERCHANT]), TOLD)
TIME = st.sampled_from([1_000, 61_000, DAY, 2 * DAY])
HISTORIES = st.lists(st.one_of(COMMANDS, COMMANDS, COMMANDS, TIME), max_size=40)
TERMS = st.builds(
    Terms,
    fee_bps=st.sampled_from([0, 290, 10_000]),
    fee_fixed_minor=st.sampled_from([0, 30]),
    settlement_days=st.sampled_from([0, 2]),
    refund_policy=st.sampled_from(["owe", "refuse"]),
)


def say(desk: Desk, merchant: str, told: Told) -> Desk:
    body = command(
        KINDS[told.word],
        told.amount,
        payment=told.payment,
        name=told.name,
        turn=told.turn,
        merchant=merchant,
        currency=told.currency,
    )
    return desk.tell(body, merchant=merchant)


def run(terms: Terms, history: list[Word]) -> Desk:
    """A desk after a history; both merchants have the same terms."""
    desk = Desk()
    for merchant in (MERCHANT, OTHER_MERCHANT):
        desk.terms(terms, merchant=merchant)
    for word in history:
        if isinstance(word, int):
            desk.wait(word)
        else:
            say(desk, *word)
    return desk


def modeled(terms: Terms, history: list[Word]) -> tuple[dict[str, Oracle], list[str]]:
    """What the model makes of it, and what it says of each command."""
    oracles = {
        merchant: Oracle(terms.refund_policy, terms.fee_bps, terms.fee_fixed_minor, terms.settlement_days)
        for merchant in (MERCHANT, OTHER_MERCHANT)
    }
    said = []
    for word in history:
        if isinstance(word, int):
            for oracle in oracles.values():
                oracle.wait(word)
        else:
            said.append(oracles[word[0]].tell(word[1]))
    return oracles, said


def rows(store: MemoryStore) -> dict[bytes, bytes]:
    """What follows from the journal alone."""
    return {name: row for name, row in store.items().items() if name.startswith((STATE, BOOK, SHARD))}


@given(TERMS, HISTORIES)
@settings(max_examples=50)
def test_the_rows_are_the_fold_of_the_journal(terms: Terms, history: list[Word]) -> None:
    """A table can be deleted and rebuilt equal, from the records as they lie in the journal."""
    desk, rebuilt = run(terms, history), MemoryStore()
    books = Books().within(rebuilt, desk.partition)
    for event in desk.journal:
        key = event.envelope.aggregate_key
        books.store(key, evolve(books.load(key), event))
    books.finish(())
    assert rows(desk.store) == rows(rebuilt)


@given(TERMS, HISTORIES)
@settings(max_examples=50)
def test_the_same_history_makes_the_same_journal(terms: Terms, history: list[Word]) -> None:
    """Byte for byte, on every machine and after every restart."""
    first, second = run(terms, history), run(terms, history)
    assert (first.values, first.store.items()) == (second.values, second.store.items())


@given(TERMS, HISTORIES)
@settings(max_examples=50)
def test_a_history_told_again_changes_no_byte(terms: Terms, history: list[Word]) -> None:
    """Whatever is delivered twice, however late, moves no money."""
    desk = run(terms, history)
    before, records = desk.store.items(), len(desk.values)
    answers = {(result.transaction_id, result.outcome, result.code) for result in desk.results}
    for word in history:
        if not isinstance(word, int):
            say(desk, *word)
    assert (before, records) == (desk.store.items(), len(desk.values))
    assert answers == {(result.transaction_id, result.outcome, result.code) for result in desk.results}


@given(TERMS, HISTORIES)
@settings(max_examples=300)
def test_the_ledger_says_what_a_model_says(terms: Terms, history: list[Word]) -> None:
    """Every outcome and every balance, by a model that knows neither legs nor accounts."""
    oracles, expected = modeled(terms, history)
    desk = run(terms, [])
    said = []
    for word in history:
        if isinstance(word, int):
            desk.wait(word)
            continue
        last = say(desk, *word).said
        said.append("posted" if last and last[-1] in TEMPLATES else "".join(last[-1:]))
    assert expected == said
    for merchant, oracle in oracles.items():
        assert modeled_balances(oracle) == balances(desk, merchant)


def modeled_balances(oracle: Oracle) -> dict[tuple[int, str], int]:
    """By code and currency: what merchants are owed and owe, and what is announced (as -2010)."""
    sums: Counter[tuple[int, str]] = Counter()
    for payment in oracle.payments.values():
        currency = payment.currency
        sums[2010, currency] += sum(lot.pending for lot in payment.lots.values())
        sums[-2010, currency] += payment.held
        reserved = [one.amount for one in payment.refunds.values() if one.state == "reserved"]
        sums[2060, currency] += sum(reserved)
    for currency in ("USD", "JPY", "EUR"):
        sums[2020, currency] += oracle.available[currency]
        sums[1300, currency] -= oracle.debt[currency]
    return {key: amount for key, amount in sums.items() if amount}


def balances(desk: Desk, merchant: str) -> dict[tuple[int, str], int]:
    """The same from what was told of the merchant's accounts."""
    sums: Counter[tuple[int, str]] = Counter()
    for account_id, (_, debits, pending, credits) in desk.counters().items():
        if merchant in account_id:
            _, code, *_, currency = account_id.split(".")
            sums[int(code), currency] += credits - debits
            sums[-int(code), currency] += pending
    return {key: amount for key, amount in sums.items() if amount}


@given(TERMS, HISTORIES)
@settings(max_examples=50)
def test_what_providers_owe_us_is_captured_less_refunded(terms: Terms, history: list[Word]) -> None:
    """And what merchants are owed is that less our fees: the trial balance, per currency."""
    oracles, _ = modeled(terms, history)
    expected: Counter[str] = Counter()
    for oracle in oracles.values():
        for payment in oracle.payments.values():
            given_back = sum(one.amount for one in payment.refunds.values() if one.state == "succeeded")
            expected[payment.currency] += payment.captured - given_back
    receivable: Counter[str] = Counter()
    trial: Counter[str] = Counter()
    for account_id, (pending_debits, debits, pending_credits, credits) in (
        run(terms, history).counters().items()
    ):
        currency = account_id.partition("#")[0].rpartition(".")[2]
        trial[currency] += debits - credits
        trial[currency + " pending"] += pending_debits - pending_credits
        if ".1100." in account_id:
            receivable[currency] += debits - credits
    assert {0} >= set(trial.values())
    assert +expected == +receivable and -expected == -receivable


@given(TERMS, HISTORIES)
@settings(max_examples=50)
def test_in_the_end_nothing_is_pending_but_holds(terms: Terms, history: list[Word]) -> None:
    """Every lot's day comes, and no due row is left behind."""
    desk = run(terms, history)
    desk.wait(3 * DAY).wait(1_000)
    assert not desk.said
    pending = {
        account_id: credits - debits
        for account_id, (_, debits, _, credits) in desk.counters().items()
        if ".2010." in account_id
    }
    assert {0} >= set(pending.values())
    assert not [name for name in desk.store.items() if name.startswith(b"due/") or b"/due/" in name]
    for merchant in (MERCHANT, OTHER_MERCHANT):
        assert desk.book(merchant).head.next_due_ms is None


@given(TERMS, HISTORIES)
@settings(max_examples=50)
def test_limited_accounts_never_have_the_wrong_sign(terms: Terms, history: list[Word]) -> None:
    """After every record: merchants never have less than nothing, nor owe less than nothing."""
    desk = run(terms, history)
    for told in desk.balances:
        for one in told.balances:
            if one.code in (2010, 2020, 2060):
                assert one.debits_pending_minor + one.debits_posted_minor <= one.credits_posted_minor
            if one.code == 1300:
                assert one.credits_pending_minor + one.credits_posted_minor <= one.debits_posted_minor


@given(TERMS, HISTORIES)
@settings(max_examples=50)
def test_what_is_told_of_accounts_is_what_is_stored(terms: Terms, history: list[Word]) -> None:
    """A reader of balances needs no journal."""
    desk = run(terms, history)
    books = {merchant: desk.book(merchant).rows for merchant in (MERCHANT, OTHER_MERCHANT)}
    for account_id, counters in desk.counters().items():
        owner = OTHER_MERCHANT if OTHER_MERCHANT in account_id else MERCHANT
        assert counters == books[owner].counters(account_id)


@given(TERMS, HISTORIES)
@settings(max_examples=50)
def test_a_transaction_id_is_posted_once(terms: Terms, history: list[Word]) -> None:
    """For ever, whatever comes under it later."""
    posted = [
        event.body.transaction_id
        for event in run(terms, history).journal
        if isinstance(event.body, TransactionPosted)
    ]
    assert len(set(posted)) == len(posted)
    assert all(one.startswith("txn_") and len(one) == 4 + ids.KEY_LENGTH for one in posted)
