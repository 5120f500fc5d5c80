"""The journal is one chain per partition, and shards and balances are told from it."""

from hashlib import sha256

import pytest

from schemas.balances import ShardReported
from schemas.testing import MERCHANT
from streams.ledger.accounts import Counters
from streams.ledger.due import Due, DueRows
from streams.ledger.testing import DAY, TREASURY, WALLET, Desk, entry
from streams.simulator import MemoryStore

ZEROS = bytes(32)


def test_records_are_numbered_and_chained() -> None:
    """Whoever takes out, puts in or changes a record breaks the chain at that place."""
    desk = Desk().open().hold().hold(9).capture().wait(2 * DAY)
    previous = ZEROS
    for seq, (event, value) in enumerate(zip(desk.journal, desk.values, strict=True), 1):
        assert (seq, previous) == (event.body.seq, event.body.prev_hash)
        previous = sha256(previous + len(value).to_bytes(4, "big") + value).digest()
    assert 5 == len(desk.journal)


def test_what_is_announced_to_be_taken_is_not_free() -> None:
    """And what is announced to come is not there yet."""
    counters = Counters(debits_pending=5, debits_posted=10, credits_pending=7, credits_posted=100)
    assert (85, -97) == (counters.free("credit"), counters.free("debit"))


def test_legs_of_platform_accounts_name_their_shard() -> None:
    """Two partitions never add to one row."""
    desk = Desk(partition=7).open().capture()
    accounts = {leg.account_id for leg in desk.journal[-1].body.legs}
    assert {
        "test.1100.psp.receivable.simulator.USD#7",
        f"test.2010.merchant.pending.{MERCHANT}.USD",
        "test.4010.fee.processing.USD#7",
    } == accounts


def test_balances_are_told_with_the_record_they_follow() -> None:
    """A reader knows up to which record a balance counts."""
    desk = Desk().open().hold().capture()
    (_, told) = desk.balances
    assert {3} == {one.seq for one in told.balances}
    assert {
        "test.1100.psp.receivable.simulator.USD#3": (0, 10_000, 0, 0),
        f"test.2010.merchant.pending.{MERCHANT}.USD": (0, 320, 0, 10_000),
        "test.4010.fee.processing.USD#3": (0, 0, 0, 320),
    } == desk.counters()
    assert [("simulator", 3), (MERCHANT, None), (None, 3)] == [
        (one.owner, one.shard) for one in told.balances
    ]


def test_what_changes_a_merchant_s_balance_is_told_gross_and_net() -> None:
    """A sale with its fee, a refund, a payout; what only becomes available or is announced changes nothing."""
    desk = Desk().open().hold().capture().wait(2 * DAY).reserve(4_000).succeed(4_000)
    desk.enter(entry("payout_reserved", "po_1", amounts={"amount": 5_000, "fee": 25}))
    desk.enter(entry("payout_paid", "po_1", amounts={"amount": 5_000}))
    told = [one for message in desk.changes for one in message.transactions]
    assert [
        ("capture", 10_000, 320, 9_680, None),
        ("refund_succeeded", -4_000, 0, -4_000, None),
        ("payout_reserved", 0, 25, -25, "po_1"),
        ("payout_paid", -5_000, 0, -5_000, "po_1"),
    ] == [(one.type, one.amount_minor, one.fee_minor, one.net_minor, one.payout_id) for one in told]
    sale, refund = told[:2]
    assert (sale.created_at_ms + 2 * DAY, refund.created_at_ms) == (
        sale.available_at_ms,
        refund.available_at_ms,
    )
    owned = sum(amount for code, amount in desk.by_code().items() if 2010 <= code <= 2060)
    assert -owned == sum(one.net_minor for one in told)


def test_books_of_wallets_and_the_treasury_have_no_balance_transactions() -> None:
    """They belong to no merchant."""
    desk = Desk().enter(entry("wallet_topped_up", "top_1", book=WALLET), book=WALLET)
    desk.enter(entry("bank_charged", "fee_1", book=TREASURY), book=TREASURY)
    assert ([], 2) == (desk.changes, len(desk.balances))


def _names(reports: list[ShardReported]) -> list[tuple[int, int, int]]:
    return [(one.code, one.debits_posted_minor, one.credits_posted_minor) for one in reports]


def test_shards_are_reported_when_they_changed_and_once_a_minute() -> None:
    """Sums are recent, and a quiet partition still moves the watermark."""
    desk = Desk().open().wait(1_000)
    assert [] == desk.shards
    desk.capture().capture(payment="q").wait(1_000)
    first = desk.shards
    assert [(1100, 20_000, 0), (4010, 0, 640)] == _names(first)
    assert ("test.1100.psp.receivable.simulator.USD", 3) == (first[0].account_id, first[0].shard)
    desk.shards = []
    desk.wait(1_000)
    assert [] == desk.shards
    desk.reserve(5_000).succeed(5_000).wait(1_000)
    assert [(1100, 20_000, 5_000)] == _names(desk.shards)
    desk.shards = []
    desk.wait(58_000)
    assert [(1100, 20_000, 5_000), (4010, 0, 640)] == _names(desk.shards)
    assert {desk.now_ms} == {one.as_of_ms for one in desk.shards}


@pytest.mark.parametrize("written", [0, 5, 300])
def test_what_waits_comes_in_order_whatever_is_kept_of_it(written: int) -> None:
    """What is added and removed after the first scan is where it belongs; ties go by creation."""
    store = MemoryStore()
    waiting = DueRows(store, b"book/x/due/")
    waiting.add(Due(10_000, 2, "lot", "early", "pay"))
    for number in range(written):
        waiting.add(Due(20_000 + number, number, "reserve", f"lot-{number}", "pay"))
    # The next unit of work finds rows and remembers nothing.
    waiting = DueRows(store, b"book/x/due/")
    assert ["early"] == [due.operation_id for due in waiting.earliest(1)]
    waiting.add(Due(10_000, 1, "lot", "zearlier", "pay"))
    waiting.add(Due(99_999, 3, "hold", "late", "pay"))
    # In the middle of what was scanned.
    waiting.add(Due(20_003, 9_999, "hold", "between", "pay"))
    assert ["zearlier", "early"] == [due.operation_id for due in waiting.earliest(2)]
    seen = []
    while waiting.earliest(1):
        (first,) = waiting.earliest(1)
        waiting.remove(first)
        seen.append(first.due_ms)
    assert (sorted(seen), written + 4) == (seen, len(seen))
    assert {} == store.items()


def test_a_sale_of_which_nothing_is_left_is_told() -> None:
    """Its refund would else be the only thing its merchant hears of it."""
    desk = Desk().open().capture(30)
    (told,) = [one for message in desk.changes for one in message.transactions]
    assert (30, 30, 0) == (told.amount_minor, told.fee_minor, told.net_minor)
