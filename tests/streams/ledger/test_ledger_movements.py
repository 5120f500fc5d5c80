"""What moves between books: posted in one, told to the other, and sent back where that cannot take it."""

import pytest
from msgspec.structs import replace

from schemas import ids, topics
from schemas.codec import codec_of
from schemas.envelope import Message
from schemas.ledger import Price, PriceTier, Terms
from schemas.merchants import MerchantTermsSet
from schemas.testing import MERCHANT, OTHER_MERCHANT, PAYMENT_KEY, envelope
from streams.ledger.testing import DAY, TREASURY, WALLET, Desk, entry
from tests.streams.ledger.sold import SOLD, sold

PAYMENT = f"pay_{PAYMENT_KEY}"


SPENT = entry("wallet_spent", "op_1", book=WALLET, other_book=MERCHANT, payment_id=PAYMENT)


def _wallet(desk: Desk) -> Desk:
    return desk.open().enter(entry("wallet_topped_up", "top_1", book=WALLET), book=WALLET)


def test_a_payment_from_a_wallet_crosses_books_by_clearing() -> None:
    """On its way it stands in the clearing account, and at rest nothing does."""
    desk = _wallet(Desk()).enter(SPENT, book=WALLET)
    assert {1100: 10_000, 1700: -10_000} == desk.by_code()
    assert ["wallet_received"] == desk.deliver().said
    assert {1100: 10_000, 2010: -9_680, 4010: -320} == desk.by_code()


def test_a_wallet_never_spends_more_than_it_has() -> None:
    """Decided in the wallet's book, before the merchant's hears of it, and answered."""
    desk = _wallet(Desk()).enter(SPENT, book=WALLET)
    again = entry("wallet_spent", "op_2", book=WALLET, other_book=MERCHANT, payment_id=PAYMENT)
    desk.enter(again, book=WALLET)
    assert ["balance_insufficient"] == desk.said
    assert [("posted", None), ("refused", "balance_insufficient")] == [
        (result.outcome, result.code) for result in desk.results
    ]
    assert 1 == len(desk.on_their_way)


def test_what_the_other_book_refuses_comes_back() -> None:
    """Its account is closed, so the mirror is posted where it came from; clearing is zero again."""
    desk = _wallet(Desk()).close(2010).enter(SPENT, book=WALLET)
    journal = desk.deliver().journal
    assert ["wallet_returned"] == desk.said
    assert "account_closed" in [getattr(event.body, "outcome", "") for event in journal]
    assert {1100: 10_000, 2100: -10_000} == desk.by_code()


def test_a_movement_delivered_twice_is_posted_once() -> None:
    """Its id follows from the transaction it continues."""
    desk = _wallet(Desk()).enter(SPENT, book=WALLET)
    desk.on_their_way *= 3
    assert {1100: 10_000, 2010: -9_680, 4010: -320} == desk.deliver().by_code()


def test_a_split_reaches_the_seller_and_comes_back_when_refused() -> None:
    """A marketplace passes on what it has; a closed account sends it back even to a closed one."""
    sent = entry("split_sent", "spl_1", other_book=OTHER_MERCHANT, amounts={"amount": 4_000})
    desk = sold(Desk()).enter(sent).deliver()
    assert {**SOLD, 2020: -5_680, 1700: -4_000} == desk.by_code(), "on its way until the seller is known"
    desk.terms(Terms(), merchant=OTHER_MERCHANT)
    assert SOLD == desk.by_code()
    assert 4_000 == desk.counters()[f"test.2020.merchant.available.{OTHER_MERCHANT}.USD"][3]
    refused = sold(Desk()).terms(Terms(), merchant=OTHER_MERCHANT).close(2020, book=OTHER_MERCHANT)
    refused.enter(sent).close(2020).deliver()
    assert ["split_returned"] == refused.said
    assert SOLD == refused.by_code()


def test_a_wallet_is_refunded_from_what_is_not_available_yet() -> None:
    """As any refund, and nothing is lent for it."""
    desk = _wallet(Desk()).enter(SPENT, book=WALLET).deliver()
    back = entry("wallet_refunded", "ref_1", payment_id=PAYMENT, other_book=WALLET, amounts={"amount": 9_680})
    assert ["wallet_credited"] == desk.enter(back).deliver().said
    assert {2010, 1700}.isdisjoint(desk.by_code())
    assert -9_680 == desk.by_code()[2100]
    more = replace(back, transaction_id=f"{back.transaction_id}x", amounts={"amount": 1})
    assert ["balance_insufficient"] == desk.enter(more).said
    nothing_named = replace(back, transaction_id=f"{back.transaction_id}y", payment_id=None)
    assert ["parameter_missing"] == desk.enter(nothing_named).said


def test_what_no_wallet_takes_comes_back_to_the_merchant() -> None:
    """The id names a book that is a merchant's; the payment may be given back once more."""
    desk = _wallet(Desk()).terms(Terms(), merchant=OTHER_MERCHANT).enter(SPENT, book=WALLET).deliver()
    desk.wait(2 * DAY)
    before = desk.by_code()
    for number, wallet in enumerate((f"wal_{OTHER_MERCHANT[4:]}", f"wal_{MERCHANT[4:]}"), 1):
        back = entry(
            "wallet_refunded",
            f"ref_{number}",
            payment_id=PAYMENT,
            other_book=wallet,
            amounts={"amount": 9_000},
        )
        assert ["wallet_refund_returned"] == desk.enter(back).deliver().said
        assert before == desk.by_code()


def test_what_comes_back_from_the_other_mode_is_posted_in_ones_own() -> None:
    """A seller of live mode takes nothing that is for tests, and nothing stays on its way."""
    desk = sold(Desk())
    terms = MerchantTermsSet(merchant_id=OTHER_MERCHANT, number=1, terms=Terms())
    live = replace(envelope("terms", at_ms=desk.now_ms, merchant_id=OTHER_MERCHANT), mode="live")
    desk.happen(Message(envelope=live, body=terms), merchant=OTHER_MERCHANT)
    desk.enter(entry("split_sent", "spl_1", other_book=OTHER_MERCHANT, amounts={"amount": 4_000}))
    desk.on_their_way *= 2
    assert SOLD == desk.deliver().by_code()
    returned = [one for one in desk.journal if getattr(one.body, "template", "") == "split_returned"]
    assert [(MERCHANT, "test")] == [(one.envelope.merchant_id, one.envelope.mode) for one in returned]


@pytest.mark.parametrize(
    ("template", "book", "other", "said"),
    [
        ("split_received", MERCHANT, None, "parameter_missing"),
        ("split_received", MERCHANT, "garbage", "parameter_invalid"),
        ("split_sent", MERCHANT, "garbage", "parameter_invalid"),
        ("split_sent", MERCHANT, WALLET, "parameter_invalid"),
        ("wallet_refunded", MERCHANT, OTHER_MERCHANT, "parameter_invalid"),
        ("wallet_spent", WALLET, WALLET, "parameter_invalid"),
    ],
)
def test_a_movement_names_a_book_that_can_take_it(
    template: str, book: str, other: str | None, said: str
) -> None:
    """Else it would leave one book and reach none."""
    desk = sold(Desk())
    moved = entry(template, "mov_1", book=book, other_book=other, payment_id=PAYMENT)
    assert [said] == desk.enter(moved, book=book).said[-1:]
    assert [] == desk.on_their_way


def test_what_is_sent_back_is_the_amount_of_the_whole() -> None:
    """Whatever else a refused entry says."""
    stated = {"amount": 100, "bogus": 5_000}
    desk = sold(Desk()).enter(entry("split_received", "spl_1", other_book=OTHER_MERCHANT, amounts=stated))
    (back,) = desk.on_their_way
    assert {"amount": 100} == codec_of(topics.LEDGER_COMMANDS_INTERBOOK).decode(back.value).body.amounts


def test_a_payment_from_a_wallet_has_the_price_of_wallets() -> None:
    """The other book is told by which method it is paid."""
    free = Price(method="wallet", tiers=(PriceTier(),))
    desk = Desk().open(prices=(free,)).enter(entry("wallet_topped_up", "top_1", book=WALLET), book=WALLET)
    desk.enter(SPENT, book=WALLET).deliver()
    assert 0 == desk.by_code().get(4010, 0)


def test_ids_of_books_name_their_kind() -> None:
    """A book's kind is the prefix of its owner's id, and its key the rest."""
    assert ("mer", "wal", "trs") == (MERCHANT[:3], WALLET[:3], TREASURY[:3])
    assert all(ids.key_of(book) for book in (MERCHANT, WALLET, TREASURY))
