"""Refunds that go another way than to a provider: to a wallet, in another currency, by bank transfer."""

import msgspec
import pytest

from schemas.ledger import PostEntry, RecordCapture, Terms
from streams.ledger.templates import REVERSAL
from streams.ledger.testing import DAY, WALLET, Desk, command, entry

PAYMENT = command(RecordCapture, 1).payment_id
# Of 100.00 the fee is 3.20.
PROPORTIONAL = {"fee_refund_policy": "proportional"}


def _exchange(template: str, operation_id: str, turn: int = 1, **amounts: int) -> PostEntry:
    stated = {"amount": 10_000, "presented": 9_000, **amounts}
    return entry(template, operation_id, turn=turn, payment_id=PAYMENT, other_currency="EUR", amounts=stated)


@pytest.mark.parametrize("days", [0, 2])
@pytest.mark.parametrize("policy", ["keep", "proportional"])
@pytest.mark.parametrize("amount_minor", [4_000, 10_000])
def test_a_refund_in_another_currency_that_failed_never_was(
    amount_minor: int, policy: str, days: int
) -> None:
    """Pending or available, with its part of the fee and whatever was lent for it."""
    desk = Desk().open(fee_refund_policy=policy).enter(_exchange("fx_captured", "cap_1")).wait(days * DAY)
    before = desk.by_code()
    back = {"amount": amount_minor, "presented": 3_600}
    assert ["fx_refunded"] == desk.enter(_exchange("fx_refunded", "ref_1", **back)).said
    fee_minor = 320 * amount_minor // 10_000 if policy == "proportional" else 0
    assert -320 + fee_minor == desk.by_code().get(4010, 0)
    assert 10_000 - amount_minor == desk.book().rows.payment(PAYMENT).refundable_minor  # type: ignore[union-attr]  # it was sold
    assert ["fx_refund_failed"] == desk.enter(_exchange("fx_refund_failed", "ref_1", **back)).said
    assert before == desk.by_code()
    assert ["unexpected_state"] == desk.enter(_exchange("fx_refund_failed", "ref_1", 2, **back)).said


@pytest.mark.parametrize("changes", [{"amount": 9_999}, {"presented": 8_999}])
def test_a_refund_in_another_currency_fails_as_it_was(changes: dict[str, int]) -> None:
    """In both of its amounts."""
    desk = Desk().open().enter(_exchange("fx_captured", "cap_1")).enter(_exchange("fx_refunded", "ref_1"))
    assert ["unexpected_state"] == desk.enter(_exchange("fx_refund_failed", "ref_1", **changes)).said


def test_an_entered_refund_has_no_way_back_through_a_provider() -> None:
    """What was never set aside at the provider's is not given back by it; nor under an id a refund has."""
    desk = Desk().open(settlement_days=0).capture().wait(1).reserve(1_000)
    refund_id = desk.journal[-1].body.operation_id
    assert ["unexpected_state"] == desk.enter(_exchange("fx_refunded", refund_id)).said
    desk.fail(1_000).enter(_exchange("fx_refunded", refund_id, 2, amount=1_000))
    assert ["fx_refunded"] == desk.said
    assert ["unexpected_state"] == desk.fail(1_000, turn=2).said
    assert ["unexpected_state"] == desk.succeed(1_000).said


@pytest.mark.parametrize("amount_minor", [4_000, 9_600])
def test_a_refund_to_a_wallet_gives_its_part_of_the_fee_back(amount_minor: int) -> None:
    """As any other, and it is within what there is before that."""
    desk = Desk().open(**PROPORTIONAL).enter(entry("wallet_topped_up", "top_1", book=WALLET), book=WALLET)
    spent = entry("wallet_spent", "op_1", book=WALLET, other_book=desk.book().merchant_id, payment_id=PAYMENT)
    desk.enter(spent, book=WALLET).deliver()
    back = entry(
        "wallet_refunded",
        "ref_1",
        payment_id=PAYMENT,
        other_book=WALLET,
        amounts={"amount": amount_minor},
    )
    sums = desk.enter(back).deliver().by_code()
    fee_minor = 320 * amount_minor // 10_000
    assert (-320 + fee_minor, -amount_minor) == (sums[4010], sums[2100])
    assert (-fee_minor, -(9_680 - amount_minor)) == (sums.get(2020, 0), sums.get(2010, 0))


def test_what_came_by_a_bank_transfer_goes_back_by_one() -> None:
    """From the bank account it lies on; no provider has ever had it."""
    desk = Desk().open(settlement_days=0)
    desk.enter(entry("transfer_received", "trf_1", payment_id=PAYMENT, provider=None)).wait(1)
    desk.reserve(4_000).succeed(4_000)
    assert ["refund_transferred"] == desk.said
    assert {1020: 6_000, 2020: -5_680, 4010: -320} == desk.by_code()
    assert ["refund_bounced"] == desk.fail(4_000).said
    assert {1020: 10_000, 2020: -9_680, 4010: -320} == desk.by_code()


def test_a_card_payment_goes_back_by_its_provider_though_a_transfer_came_too() -> None:
    """Where the money of a payment lies is not known of its parts."""
    desk = (
        Desk()
        .open(settlement_days=0)
        .capture()
        .enter(entry("transfer_received", "trf_1", payment_id=PAYMENT))
    )
    assert ["refund_succeeded"] == desk.wait(1).reserve(4_000).succeed(4_000).said


@pytest.mark.parametrize("template", ["fx_refunded", "wallet_refunded", "fx_refund_failed"])
def test_a_refund_is_of_a_payment(template: str) -> None:
    """Else nothing would bound it, and no fee go back with it."""
    amounts = {"amount": 100, **({"presented": 90} if template.startswith("fx") else {})}
    said = entry(template, "ref_1", other_currency="EUR", other_book=WALLET, amounts=amounts)
    assert ["parameter_missing"] == Desk().open().enter(said).said


def test_what_lent_for_an_exchange_and_was_written_off_is_made_up_for() -> None:
    """When it fails; and the write-off is not reversed after that."""
    desk = Desk().open(settlement_days=0).enter(_exchange("fx_captured", "cap_1")).wait(1)
    given_up = entry("written_off", "wof_1", amounts={"amount": 320})
    desk.enter(_exchange("fx_refunded", "ref_1")).enter(given_up)
    assert 320 == desk.by_code()[5030]
    desk.enter(_exchange("fx_refund_failed", "ref_1"))
    assert {5030, 1300}.isdisjoint(desk.by_code())
    assert ["not_reversible"] == desk.enter(entry(REVERSAL, "op_1", reverses=given_up.transaction_id)).said


def test_what_is_held_in_the_currency_of_the_customer_is_captured_in_the_merchants() -> None:
    """What was held of it is announced no longer, and what is left over may be held, released and run out."""
    desk = Desk().open(fee_bps=0, fee_fixed_minor=0)
    desk.hold(9_000, currency="EUR", expires_at_ms=desk.now_ms + DAY)
    desk.enter(_exchange("fx_captured", "cap_1", amount=6_000, presented=5_400))
    assert ["fx_captured"] == desk.said
    assert (3_600, -6_000) == (desk.held_minor(), desk.by_code()[2010])
    assert ["hold"] == desk.hold(500, currency="EUR", name="2").said
    assert ["release"] == desk.release(500, currency="EUR", name="2").said
    assert ["hold_expired"] == desk.wait(DAY).said
    assert 0 == desk.held_minor()
    assert ["refund_reserved"] == desk.reserve(6_000).said


@pytest.mark.parametrize("kind", ["hold", "capture", "release"])
def test_nothing_but_an_exchange_changes_the_currency_of_a_payment(kind: str) -> None:
    """A hold in dollars beside one in euros is of another payment."""
    desk = Desk().open().hold(9_000, currency="EUR")
    assert ["currency_differs"] == getattr(desk, kind)(1_000, name="9").said


def test_a_refund_goes_and_comes_back_by_the_way_it_was_asked_for() -> None:
    """Whatever else the payment brings in between."""
    desk = Desk().open(settlement_days=0, fee_bps=0, fee_fixed_minor=0)
    desk.enter(entry("transfer_received", "trf_1", payment_id=PAYMENT, provider=None)).wait(1)
    desk.reserve(4_000).capture(1_000, name="7").wait(1)
    assert ["refund_transferred"] == desk.succeed(4_000).said
    assert ["refund_bounced"] == desk.fail(4_000).said
    assert (10_000, 1_000) == (desk.by_code()[1020], desk.by_code()[1100])


@pytest.mark.parametrize(("more_minor", "policy"), [(100, "proportional"), (10_000, "keep")])
def test_a_refund_that_failed_takes_exactly_the_fee_it_had_returned(more_minor: int, policy: str) -> None:
    """Though the payment has brought more since, under other terms."""
    desk = Desk().open(settlement_days=0, **PROPORTIONAL).capture().wait(1).succeed()
    desk.terms(Terms(settlement_days=0, fee_refund_policy=policy), 2).wait(1)
    desk.capture(more_minor, name="2").wait(1)
    before = desk.by_code()
    desk.succeed(more_minor // 2, name="2").fail(more_minor // 2, name="2")
    assert before == desk.by_code()


def test_a_late_success_abroad_follows_its_failure() -> None:
    """As a provider's does."""
    desk = Desk().open().enter(_exchange("fx_captured", "cap_1")).enter(_exchange("fx_refunded", "ref_1"))
    desk.enter(_exchange("fx_refund_failed", "ref_1")).enter(_exchange("fx_refunded", "ref_1", 2))
    assert (["fx_refunded"], None) == (desk.said, desk.by_code().get(2010))
    assert ["fx_refund_failed"] == desk.enter(_exchange("fx_refund_failed", "ref_1", 2)).said


def test_more_may_be_held_once_all_that_was_held_is_exchanged() -> None:
    """The payment knows what its customer pays in."""
    desk = Desk().open().hold(9_000, currency="EUR").enter(_exchange("fx_captured", "cap_1"))
    assert 0 == desk.held_minor()
    assert ["hold"] == desk.hold(500, currency="EUR", name="2").said
    assert ["release"] == desk.release(500, currency="EUR", name="2").said
    assert ["currency_differs"] == desk.hold(500, currency="JPY", name="3").said


def test_a_row_of_before_says_no_currency_of_its_holds() -> None:
    """They are held in that of their payment, also once the payment is exchanged."""
    desk = Desk().open().hold(9_000, currency="EUR")
    (name,) = [name for name in desk.store.items() if b"/payment/" in name]
    row = msgspec.json.decode(desk.store.items()[name])
    row[1] = [hold[:6] for hold in row[1]]
    desk.store.put(name, msgspec.json.encode(row[:6]))
    assert ["fx_captured"] == desk.enter(_exchange("fx_captured", "cap_1")).said
    assert 0 == desk.held_minor()


def test_a_late_success_goes_the_way_the_refund_was_asked_for() -> None:
    """By the bank, though the payment has a card sale by then; and by the bank, told before the transfer was."""
    received = entry("transfer_received", "trf_1", payment_id=PAYMENT, provider=None)
    desk = Desk().open(settlement_days=0, fee_bps=0, fee_fixed_minor=0).enter(received).wait(1)
    desk.reserve(4_000).capture(1_000, name="7").fail(4_000)
    assert ["refund_requested", "refund_transferred"] == desk.succeed(4_000).said
    early = Desk().open(settlement_days=0).request(4_000).enter(received)
    assert ["refund_transferred"] == early.succeed(4_000).said
    assert ["refund_bounced"] == early.fail(4_000).said
