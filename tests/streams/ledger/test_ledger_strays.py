"""What is about another book, in another mode or under no name is refused on record, and stops nothing."""

from typing import Any

import pytest
from msgspec.structs import replace

from schemas import ids, topics
from schemas.codec import CorruptMessage, codec_of
from schemas.envelope import PLATFORM, Message
from schemas.ledger import PostingRefused, ProposeAdjustment, RecordCapture, ReserveRefund, Terms
from schemas.merchants import MerchantTermsSet
from schemas.testing import OTHER_MERCHANT, START_MS, envelope
from streams.ledger.app import reader_of
from streams.ledger.testing import DAY, MERCHANT, WALLET, Desk, command, entry

PAYMENT = command(RecordCapture, 1).payment_id
OTHER_CELL = ids.treasury_id(cell="01", mode="test")


def _stray(desk: Desk, body: Any, *, merchant: str = MERCHANT, mode: Any = "test") -> list[str]:
    """What a command leads to that lies under the key of MERCHANT's book, whatever it says of itself."""
    cause = envelope("stray", at_ms=desk.now_ms, merchant_id=merchant, actor=PLATFORM)
    value = codec_of(topics.LEDGER_COMMANDS_PAYMENTS).encode(
        Message(envelope=replace(cause, mode=mode), body=body)
    )
    return desk.take(topics.LEDGER_COMMANDS_PAYMENTS, MERCHANT.partition("_")[2], value).said


@pytest.mark.parametrize("about", [{"merchant": OTHER_MERCHANT}, {"mode": "live"}])
def test_a_command_about_another_book_is_refused_on_record(about: dict[str, Any]) -> None:
    """It would post to accounts of one book in another, where no limit holds; the book goes on."""
    desk = Desk().open()
    assert ["account_unknown"] == _stray(desk, command(RecordCapture, 10_000), **about)
    assert isinstance(desk.journal[-1].body, PostingRefused)
    assert (MERCHANT, "test") == (desk.journal[-1].envelope.merchant_id, desk.journal[-1].envelope.mode)
    assert ["capture"] == desk.capture(payment="q").said


@pytest.mark.parametrize(
    ("other_book", "said", "moved"),
    [
        (OTHER_MERCHANT + "x", ["parameter_invalid"], {}),
        ("mer_" + WALLET[4:], ["split_returned"], {}),
        ("mer_" + "0" * 26, [], {2020: 100, 1700: -100}),
    ],
)
def test_money_goes_to_a_book_or_comes_back(other_book: str, said: list[str], moved: dict[int, int]) -> None:
    """What is no id is refused, what is another's book sends it back, and what is no book yet lets it wait."""
    desk = Desk().open().enter(entry("wallet_topped_up", "top_1", book=WALLET), book=WALLET)
    desk.capture().wait(2 * DAY)
    before = desk.by_code()
    desk.enter(entry("split_sent", "spl_1", amounts={"amount": 100}, other_book=other_book)).deliver()
    after = {code: minor - before.get(code, 0) for code, minor in desk.by_code().items()}
    assert (said, moved) == (desk.said, {code: minor for code, minor in after.items() if minor})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"payment_id": ""}, "parameter_invalid"),
        ({"payment_id": "order-1"}, "parameter_invalid"),
        ({"provider": "a#b"}, "parameter_invalid"),
        ({"currency": "XXX"}, "parameter_invalid"),
        ({"currency": "usd"}, "parameter_invalid"),
    ],
)
@pytest.mark.parametrize("kind", [RecordCapture, ReserveRefund])
def test_a_command_that_names_nothing_is_refused(kind: Any, changes: dict[str, str], said: str) -> None:
    """Accounts and payments are called after what it says."""
    desk = Desk().open()
    assert [said] == desk.tell(replace(command(kind, 10_000), **changes)).said
    assert [] == desk.wait(3 * DAY).said


def test_a_provider_is_not_called_like_a_shard() -> None:
    """An account's id could not be read again."""
    assert ["parameter_invalid"] == Desk().open().enter(entry("psp_cost", "o", provider="a#b")).said


def test_payments_are_of_merchants() -> None:
    """A wallet has no pending balance."""
    desk = Desk().enter(entry("wallet_topped_up", "top_1", book=WALLET), book=WALLET)
    assert ["account_unknown"] == desk.tell(command(RecordCapture, 10_000), merchant=WALLET).said


@pytest.mark.parametrize(
    "book", ["trs_" + OTHER_MERCHANT[4:], OTHER_CELL, ids.treasury_id(cell="00", mode="live")]
)
def test_only_the_treasury_is_opened_by_hand(book: str) -> None:
    """Another book of that kind would take the place of a merchant's, or be open in the wrong mode for ever."""
    asked = ProposeAdjustment(
        adjustment_id=ids.operation_id("adj", book[4:], "c1"),
        entry=entry("bank_charged", "o", book=book, amounts={"amount": 1}),
        reason="bank_error",
        reference="C1",
    )
    desk = Desk().adjust(asked, book=book)
    assert (["not_found"], 1) == (desk.said, len(desk.journal))


@pytest.mark.parametrize(
    "entered",
    [
        entry("transfer_received", "t", payment_id=PAYMENT, provider=None),
        entry(
            "fx_captured",
            "t",
            payment_id=PAYMENT,
            other_currency="EUR",
            amounts={"amount": 100, "presented": 90},
        ),
        entry(
            "fx_refunded",
            "t",
            payment_id=PAYMENT,
            other_currency="EUR",
            amounts={"amount": 100, "presented": 90},
        ),
    ],
)
@pytest.mark.parametrize("code", [1300, 2010, 2020])
def test_a_closed_account_takes_what_happened_outside(entered: Any, code: int) -> None:
    """The money is at the provider or the bank already."""
    desk = Desk().open().close(code).enter(entered)
    assert [entered.template] == desk.said


def test_who_may_owe_nothing_more_may_repay() -> None:
    """With or without a debt, what comes to the merchant is taken."""
    for owed in (False, True):
        desk = Desk().open()
        if owed:
            desk.enter(entry("dispute_opened", "dsp_1", amounts={"amount": 40}))
        credited = entry("fee_credited", "fee_1", amounts={"amount": 100})
        assert ["fee_credited"] == desk.close(1300).enter(credited).said


@pytest.mark.parametrize("presented", [{}, {"presented": 0}])
def test_an_exchange_has_two_sides(presented: dict[str, int]) -> None:
    """A sale without the customer's money would come out of nowhere."""
    sold = entry(
        "fx_captured", "o", payment_id=PAYMENT, other_currency="EUR", amounts={"amount": 100, **presented}
    )
    assert ["parameter_missing"] == Desk().open().enter(sold).said


def test_an_account_is_closed_once_its_book_is_open() -> None:
    """Told before the terms are read, it waits for them as everything else does."""
    desk = Desk().close(2020)
    assert [] == desk.said
    assert ["BookOpened", "AccountClosed"] == desk.open().said


@pytest.mark.parametrize(("code", "currency"), [(9_999, "USD"), (4_010, "USD"), (2020, "XXX")])
def test_what_is_no_account_of_a_book_is_never_closed(code: int, currency: str) -> None:
    """Those of the platform belong to all books, and those that do not exist to none; nothing waits for them."""
    desk = Desk().close(code, currency=currency)
    assert [] == desk.said
    assert ["BookOpened"] == desk.open().said
    assert [] == desk.close(code, currency=currency).said


def test_an_id_that_is_used_up_keeps_no_sale_from_its_day() -> None:
    """By hand an operator can post under the very id the ledger would give what time alone posts."""
    known = Desk().open().capture()
    derived = known.wait(2 * DAY).journal[-1].body.transaction_id
    desk = Desk().open().capture()
    by_hand = replace(entry("fee_credited", "fee_1", amounts={"amount": 100}), transaction_id=derived)
    assert ["fee_credited"] == desk.enter(by_hand).said
    assert ["available"] == desk.wait(2 * DAY).said
    assert -9_780 == desk.by_code()[2020]


def test_only_its_own_mode_closes_an_account() -> None:
    """What is for tests changes nothing of a live merchant."""
    desk = Desk()
    live = replace(envelope("terms", at_ms=desk.now_ms, merchant_id=MERCHANT), mode="live")
    terms = MerchantTermsSet(merchant_id=MERCHANT, number=1, terms=Terms())
    desk.happen(Message(envelope=live, body=terms))
    assert [] == desk.close(2020).said
    assert () == desk.book().head.closed


def test_terms_change_the_book_of_their_merchant_only() -> None:
    """A wallet's whose key is a merchant's stays a wallet's."""
    wallet = f"wal_{MERCHANT[4:]}"
    desk = Desk().enter(entry("wallet_topped_up", "top_1", book=wallet), book=wallet)
    assert [] == desk.open().said
    assert wallet == desk.book().merchant_id


@pytest.mark.parametrize("owner", ["wal_" + "0" * 250, "wal_", "opr_" + "0" * 26, "x", "wal_" + "-" * 26])
def test_whose_id_is_no_books_has_none(owner: str) -> None:
    """Accounts are called after their owner: a name too long could be written, and never read again."""
    cause = envelope("stray", at_ms=START_MS, merchant_id=owner, actor=PLATFORM)
    read, write = reader_of(topics.LEDGER_COMMANDS_OPS), codec_of(topics.LEDGER_COMMANDS_OPS).encode
    with pytest.raises(CorruptMessage, match="has no book"):
        read(write(Message(envelope=cause, body=entry("wallet_topped_up", "top_1"))))


@pytest.mark.parametrize("at_ms", [-1, 32_503_680_000_001])
def test_a_time_out_of_range_is_no_message(at_ms: int) -> None:
    """It goes where bytes go that are none, and the rest of the topic flows on."""
    cause = envelope("stray", at_ms=at_ms, merchant_id=MERCHANT, actor=PLATFORM)
    codec = codec_of(topics.LEDGER_COMMANDS_PAYMENTS)
    with pytest.raises(CorruptMessage, match="occurred_at_ms"):
        codec.decode(codec.encode(Message(envelope=cause, body=command(RecordCapture, 10_000))))


@pytest.mark.parametrize("at_ms", [0, 32_503_680_000_000])
def test_the_first_and_last_time_are_posted(at_ms: int) -> None:
    """With the longest terms there are: weekends, and a reserve of two years."""
    desk = Desk()
    desk.now_ms = at_ms
    desk.open(settlement_days=90, rest_days=(6, 7), reserve_bps=1_000, reserve_days=730)
    assert ["capture"] == desk.capture().said
