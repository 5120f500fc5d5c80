"""Cases of the ledger: what is told leads to these postings or refusals, and the accounts then stand so."""

from collections.abc import Callable

import pytest

from schemas.envelope import CommandRefused, Message
from schemas.ledger import RecordCapture, RecordHold, ReserveRefund, Terms
from schemas.merchants import ApiKey, MerchantCreated, OperatorCreated, Profile, WebhookEndpointDeleted
from schemas.testing import OTHER_MERCHANT, envelope
from streams import deadlines
from streams.ledger.book import read_head
from streams.ledger.legs import MAX_AMOUNT_MINOR
from streams.ledger.testing import DAY, Desk, command

Tell = Callable[[Desk], Desk]
# A full capture of 100.00: fee 2.9 % + 0.30.
CAPTURED = {1100: 10_000, 2010: -9_680, 4010: -320}
AVAILABLE = {1100: 10_000, 2020: -9_680, 4010: -320}


def _captured(desk: Desk, policy: str = "owe") -> Desk:
    return desk.open(policy).hold().capture()  # type: ignore[arg-type]  # a policy of the table


def _available(desk: Desk, policy: str = "owe") -> Desk:
    return _captured(desk, policy).wait(2 * DAY)


def _two(desk: Desk, policy: str = "owe") -> Desk:
    return _captured(desk, policy).capture(payment="q").wait(2 * DAY)


# Told; what the last message led to; debits less credits by account code; what is held.
CASES: dict[str, tuple[Tell, list[str], dict[int, int], int]] = {
    "terms open a book": (lambda d: d.open(), ["BookOpened"], {}, 0),
    "terms change": (lambda d: d.open().terms(Terms(fee_bps=0), 2), ["TermsChanged"], {}, 0),
    "terms again": (lambda d: d.open().terms(Terms(), 1), [], {}, 0),
    "older terms": (lambda d: d.terms(Terms(), 2).terms(Terms(fee_bps=0), 1), [], {}, 0),
    "hold": (lambda d: d.open().hold(), ["hold"], {}, 10_000),
    "hold before the terms are read": (lambda d: d.hold(), [], {}, 0),
    "the terms after it": (lambda d: d.hold().open(), ["BookOpened", "hold"], {}, 10_000),
    "everything before the terms": (
        lambda d: d.hold().capture(4_000).capture(4_000).reserve(4_000).open("refuse"),
        ["BookOpened", "hold", "capture", "balance_insufficient"],
        {1100: 4_000, 2010: -3_854, 4010: -146},
        6_000,
    ),
    "hold again": (lambda d: d.open().hold().hold(), [], {}, 10_000),
    "hold more": (lambda d: d.open().hold().hold(name="2"), ["hold"], {}, 20_000),
    "hold in another currency": (
        lambda d: d.open().hold().hold(name="2", currency="EUR"),
        ["currency_differs"],
        {},
        10_000,
    ),
    "the id of another hold": (lambda d: d.open().hold().hold(9_999), ["posting_id_reused"], {}, 10_000),
    "that id again": (lambda d: d.open().hold().hold(9_999).hold(9_999), [], {}, 10_000),
    "the right hold after that": (lambda d: d.open().hold().hold(9_999).hold(), [], {}, 10_000),
    "release": (lambda d: d.open().hold().release(), ["release"], {}, 0),
    "release a part": (lambda d: d.open().hold().release(4_000), ["release"], {}, 6_000),
    "release too much": (lambda d: d.open().hold().release(10_001), ["release"], {}, 0),
    "release nothing": (lambda d: d.open().release(), ["unexpected_state"], {}, 0),
    "release nothing again": (lambda d: d.open().release().release(), [], {}, 0),
    "release at another provider": (
        lambda d: d.open().hold().release(provider="other"),
        ["unexpected_state"],
        {},
        10_000,
    ),
    "capture": (_captured, ["capture"], CAPTURED, 0),
    "capture a part": (
        lambda d: d.open().hold().capture(4_000),
        ["capture"],
        {1100: 4_000, 2010: -3_854, 4010: -146},
        6_000,
    ),
    "capture more than held": (lambda d: d.open().hold(4_000).capture(), ["capture"], CAPTURED, 0),
    "capture without a hold": (lambda d: d.open().capture(), ["capture"], CAPTURED, 0),
    "capture again": (lambda d: _captured(d).capture(), [], CAPTURED, 0),
    "capture once more of one operation": (
        lambda d: _captured(d).capture(turn=2),
        ["unexpected_state"],
        CAPTURED,
        0,
    ),
    "capture for nothing but the fee": (
        lambda d: d.open().capture(30),
        ["capture"],
        {1100: 30, 4010: -30},
        0,
    ),
    "nothing of it becomes available": (
        lambda d: d.open().capture(30).wait(2 * DAY),
        [],
        {1100: 30, 4010: -30},
        0,
    ),
    "not yet available": (lambda d: _captured(d).wait(2 * DAY - 1), [], CAPTURED, 0),
    "available": (_available, ["available"], AVAILABLE, 0),
    "available at once": (
        lambda d: d.open(settlement_days=0).capture().wait(0),
        ["available"],
        AVAILABLE,
        0,
    ),
    "refund from pending": (
        lambda d: _captured(d).reserve(5_000),
        ["refund_reserved"],
        {1100: 10_000, 2010: -4_680, 2060: -5_000, 4010: -320},
        0,
    ),
    "refund from available": (
        lambda d: _available(d).reserve(5_000),
        ["refund_reserved"],
        {1100: 10_000, 2020: -4_680, 2060: -5_000, 4010: -320},
        0,
    ),
    "refund the fee too, owed": (
        lambda d: _captured(d).reserve(),
        ["refund_reserved"],
        {1100: 10_000, 1300: 320, 2060: -10_000, 4010: -320},
        0,
    ),
    "refund the fee too, refused": (
        lambda d: _captured(d, "refuse").reserve(),
        ["balance_insufficient"],
        CAPTURED,
        0,
    ),
    "two full refunds, refused": (
        lambda d: _two(d, "refuse").reserve().reserve(payment="q"),
        ["balance_insufficient"],
        {1100: 20_000, 2020: -9_360, 2060: -10_000, 4010: -640},
        0,
    ),
    "two full refunds, owed": (
        lambda d: _two(d).reserve().reserve(payment="q"),
        ["refund_reserved"],
        {1100: 20_000, 1300: 640, 2060: -20_000, 4010: -640},
        0,
    ),
    "three full refunds, owed": (
        lambda d: (
            _two(d).capture(payment="r").wait(2 * DAY).reserve().reserve(payment="q").reserve(payment="r")
        ),
        ["refund_reserved"],
        {1100: 30_000, 1300: 960, 2060: -30_000, 4010: -960},
        0,
    ),
    "the refunds of a payment are together at most what was sold": (
        lambda d: _captured(d).reserve(9_900).reserve(300, name="2"),
        ["amount_exceeds_refundable"],
        {1100: 10_000, 1300: 220, 2060: -9_900, 4010: -320},
        0,
    ),
    "failed before the day, told after it": (
        lambda d: _captured(d).reserve(5_000).wait(2 * DAY).back(DAY).fail(5_000),
        ["refund_failed"],
        AVAILABLE,
        0,
    ),
    "more than the platform kept": (
        lambda d: _two(d).request(9_681, payment="r").reserve(payment="q"),
        ["balance_insufficient"],
        {1100: 20_000, 2020: -9_679, 2060: -9_681, 4010: -640},
        0,
    ),
    "refund of nothing captured": (lambda d: d.open().reserve(), ["amount_exceeds_refundable"], {}, 0),
    "refund in another currency": (
        lambda d: _captured(d).reserve(currency="EUR"),
        ["currency_differs"],
        CAPTURED,
        0,
    ),
    "refund again": (
        lambda d: _captured(d).reserve(5_000).reserve(5_000),
        [],
        {1100: 10_000, 2010: -4_680, 2060: -5_000, 4010: -320},
        0,
    ),
    "refund once more of one operation": (
        lambda d: _captured(d).reserve(5_000).reserve(5_000, turn=2),
        ["unexpected_state"],
        {1100: 10_000, 2010: -4_680, 2060: -5_000, 4010: -320},
        0,
    ),
    "a refusal stays": (
        lambda d: d.open().reserve().hold().capture().reserve(),
        [],
        CAPTURED,
        0,
    ),
    "the platform's refund owes all": (
        lambda d: d.open("refuse").request(),
        ["refund_requested"],
        {1300: 10_000, 2060: -10_000},
        0,
    ),
    "the platform's refund of one reserved": (
        lambda d: _captured(d).reserve(5_000).request(5_000),
        ["unexpected_state"],
        {1100: 10_000, 2010: -4_680, 2060: -5_000, 4010: -320},
        0,
    ),
    "refund succeeded": (
        lambda d: _captured(d).reserve(5_000).succeed(5_000),
        ["refund_succeeded"],
        {1100: 5_000, 2010: -4_680, 4010: -320},
        0,
    ),
    "succeeded once more": (
        lambda d: _captured(d).reserve(5_000).succeed(5_000).succeed(5_000, turn=2),
        ["unexpected_state"],
        {1100: 5_000, 2010: -4_680, 4010: -320},
        0,
    ),
    "succeeded with another amount": (
        lambda d: _captured(d).reserve(5_000).succeed(5_001),
        ["unexpected_state"],
        {1100: 10_000, 2010: -4_680, 2060: -5_000, 4010: -320},
        0,
    ),
    "succeeded without a request": (
        lambda d: _captured(d).succeed(5_000),
        ["refund_requested", "refund_succeeded"],
        {1100: 5_000, 2010: -4_680, 4010: -320},
        0,
    ),
    "succeeded after it failed": (
        lambda d: _captured(d).reserve(5_000).fail(5_000).succeed(5_000),
        ["refund_requested", "refund_succeeded"],
        {1100: 5_000, 2010: -4_680, 4010: -320},
        0,
    ),
    "refund failed": (lambda d: _captured(d).reserve().fail(), ["refund_failed"], CAPTURED, 0),
    "refund failed again": (lambda d: _captured(d).reserve().fail().fail(), [], CAPTURED, 0),
    "failed without a request": (lambda d: _captured(d).fail(), ["unexpected_state"], CAPTURED, 0),
    "failed after the day": (
        lambda d: _captured(d).reserve(5_000).wait(2 * DAY).fail(5_000),
        ["refund_failed"],
        AVAILABLE,
        0,
    ),
    "failed after the day of an empty lot": (
        lambda d: _captured(d).reserve().wait(2 * DAY).fail(),
        ["refund_failed"],
        AVAILABLE,
        0,
    ),
    "failed before the day of an empty lot": (
        lambda d: _captured(d).reserve().fail().wait(2 * DAY),
        ["available"],
        AVAILABLE,
        0,
    ),
    "refund failed after it succeeded": (
        lambda d: _captured(d).reserve().succeed().fail(),
        ["refund_reversed"],
        CAPTURED,
        0,
    ),
    "a failed refund's fee is no allowance": (
        lambda d: _two(d).reserve().fail().request(9_681, payment="r").reserve(payment="q"),
        ["balance_insufficient"],
        {1100: 20_000, 2020: -9_679, 2060: -9_681, 4010: -640},
        0,
    ),
    "nothing of nothing": (lambda d: d.open().capture(0), ["amount_not_positive"], {}, 0),
    "less than nothing": (lambda d: d.open().hold(-1), ["amount_not_positive"], {}, 0),
    "the largest amount": (
        lambda d: d.open().hold(MAX_AMOUNT_MINOR),
        ["hold"],
        {},
        MAX_AMOUNT_MINOR,
    ),
    "more than an account can count": (
        lambda d: d.open().hold(MAX_AMOUNT_MINOR).hold(1, name="2"),
        ["amount_overflow"],
        {},
        MAX_AMOUNT_MINOR,
    ),
    "a debt is repaid by the next sale": (
        lambda d: d.open().request().capture(payment="q"),
        ["capture"],
        {1100: 10_000, 1300: 320, 2060: -10_000, 4010: -320},
        0,
    ),
    "what was owed and repaid is available when the refund fails": (
        lambda d: d.open().request().capture(payment="q").fail(),
        ["refund_failed"],
        {1100: 10_000, 2020: -9_680, 4010: -320},
        0,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_case(case: str) -> None:
    """One line of the table."""
    tell, said, balances, held_minor = CASES[case]
    desk = tell(Desk())
    assert (said, balances, held_minor) == (desk.said, desk.by_code(), desk.held_minor())


ANSWERS: dict[str, tuple[Tell, list[tuple[str, str | None]]]] = {
    "reserved": (lambda d: _captured(d).reserve(), [("posted", None)]),
    "reserved, asked again": (lambda d: _captured(d).reserve().reserve(), [("posted", None)] * 2),
    "refused": (lambda d: d.open().reserve(), [("refused", "amount_exceeds_refundable")]),
    "refused, asked again": (
        lambda d: d.open().reserve().capture().reserve(),
        [("refused", "amount_exceeds_refundable")] * 2,
    ),
    "another currency": (
        lambda d: _captured(d).reserve(currency="EUR"),
        [("refused", "currency_differs")],
    ),
    "an id used before, twice": (
        lambda d: _captured(d).reserve().reserve(9).reserve(9),
        [("posted", None), ("refused", "posting_id_reused"), ("refused", "posting_id_reused")],
    ),
    "facts": (lambda d: d.open().release().request().succeed().fail(), []),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_reservations_alone_are_answered(case: str) -> None:
    """A payment waits for its reservation, and asks again when the answer was lost."""
    tell, answers = ANSWERS[case]
    assert answers == [(result.outcome, result.code) for result in tell(Desk()).results]


def test_other_events_of_accounts_open_no_book() -> None:
    """Operators have accounts too, and merchants are known before their terms are."""
    key = ApiKey(key_id="k", key_sha256="0" * 64, last4="1234")
    profile = Profile(display_name="x")
    bodies = (
        MerchantCreated(merchant_id="mer_1", profile=profile, api_key=key, fingerprint=b""),
        OperatorCreated(operator_id="opr_1", profile=profile, role="admin", api_key=key, fingerprint=b""),
        WebhookEndpointDeleted(endpoint_id="we_1"),
        CommandRefused(command_id="cmd_1", command="CreateMerchant", outcome="not_found"),
    )
    desk = Desk()
    for body in bodies:
        desk.happen(Message(envelope=envelope("e"), body=body))
    assert ([], {}) == (desk.journal, desk.store.items())


@pytest.mark.parametrize(("goes_on", "at_ticks"), [(deadlines.MAX_AGAIN, [450, 0, 0]), (1, [400, 50, 0])])
def test_many_lots_become_available_at_one_tick_or_with_the_next(
    goes_on: int, at_ticks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy book catches up, a unit of work stays small, and nothing is forgotten."""
    monkeypatch.setattr(deadlines, "MAX_AGAIN", goes_on)
    desk = Desk().open()
    for number in range(450):
        desk.capture(payment=str(number))
    assert at_ticks == [len(desk.wait(ms).said) for ms in (2 * DAY, 1_000, 1_000)]
    assert {1100, 2020, 4010} == desk.by_code().keys()


def test_a_merchant_s_refunds_never_touch_another_s_money() -> None:
    """Books share the platform's accounts and nothing else."""
    desk = _two(Desk(), "refuse").terms(Terms(), merchant=OTHER_MERCHANT)
    other = command(ReserveRefund, 10_000, merchant=OTHER_MERCHANT)
    for kind in (RecordHold, RecordCapture):
        desk.tell(command(kind, 10_000, merchant=OTHER_MERCHANT), merchant=OTHER_MERCHANT)
    before = desk.book().rows.counters(f"test.2020.merchant.available.{envelope('x').merchant_id}.USD")
    desk.tell(other, merchant=OTHER_MERCHANT)
    assert ["refund_reserved"] == desk.said
    after = desk.book().rows.counters(f"test.2020.merchant.available.{envelope('x').merchant_id}.USD")
    assert before == after


def test_a_head_of_a_newer_program_is_not_read() -> None:
    """Guessing what it means could lose what it says."""
    with pytest.raises(ValueError, match="deploy the newer program"):
        read_head(b"[2]")


def test_an_account_is_closed_once_and_reopened_once() -> None:
    """What is so already changes nothing."""
    assert [] == Desk().open().reopen(2020).said
    assert [] == Desk().open().close(2020).close(2020).said
