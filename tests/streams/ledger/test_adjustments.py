"""An entry by hand takes two operators; whatever else is tried changes no balance and is on record."""

from typing import Any

import pytest
from msgspec.structs import replace

from schemas import ids
from schemas.ledger import (
    AdjustmentApproved,
    AdjustmentView,
    ApproveAdjustment,
    ProposeAdjustment,
    RejectAdjustment,
    RequestRefused,
    TransactionPosted,
)
from schemas.outcomes import Outcome
from schemas.testing import MERCHANT, OTHER_MERCHANT
from streams.handled import HANDLED
from streams.ledger.adjustments import BY_HAND
from streams.ledger.entries import ENTRIES
from streams.ledger.testing import DAY, TREASURY, WALLET, Desk, entry
from tests.streams.ledger.sold import SOLD

FIRST, SECOND = "opr_1", "opr_2"


def adjustment_id(book: str = MERCHANT, name: str = "1") -> str:
    key = ids.key_of(book)
    assert key is not None
    return ids.operation_id("adj", key, name)


def proposal(template: str = "fee_credited", book: str = MERCHANT, **stated: Any) -> ProposeAdjustment:
    """A fee of 3.20 given back, or another entry."""
    named = adjustment_id(book)
    fields = {"amounts": {"amount": 320}, **stated}
    return ProposeAdjustment(
        adjustment_id=named,
        entry=entry(template, named, book=book, **fields),
        reason="fee_correction",
        reference="CASE-17",
    )


APPROVE = ApproveAdjustment(adjustment_id=adjustment_id())
REJECT = RejectAdjustment(adjustment_id=adjustment_id())


def sold() -> Desk:
    return Desk().open().capture().wait(2 * DAY)


def proposed() -> Desk:
    return sold().adjust(proposal())


def answered(desk: Desk) -> Outcome:
    (reply,) = desk.answers
    return Outcome.numbered(reply.outcome)


def shown(desk: Desk) -> AdjustmentView:
    (reply,) = desk.answers
    assert isinstance(reply.view, AdjustmentView)
    return reply.view


def test_what_one_operator_proposes_another_posts() -> None:
    """The legs that are shown are the legs that are posted, and the journal says who agreed."""
    desk = proposed()
    asked = shown(desk)
    assert Outcome.CREATED is answered(desk)
    assert ("proposed", FIRST, None) == (asked.status, asked.proposed_by, asked.decided_by)
    assert [(4010, 320), (2020, 320)] == [
        (int(leg.account_id.split(".")[1]), leg.amount_minor) for leg in asked.entry.expected_legs
    ]
    assert SOLD == desk.by_code()
    desk.adjust(APPROVE, operator=SECOND)
    assert Outcome.SUCCEEDED is answered(desk)
    assert ("posted", SECOND) == (shown(desk).status, shown(desk).decided_by)
    assert {1100: 10_000, 2020: -10_000} == desk.by_code()
    posted, approved = desk.journal[-2:]
    assert isinstance(posted.body, TransactionPosted) and isinstance(approved.body, AdjustmentApproved)
    assert asked.entry.expected_legs == posted.body.legs
    assert SECOND == posted.envelope.actor.principal
    assert asked.entry.transaction_id == posted.body.transaction_id


def test_nobody_approves_what_they_proposed() -> None:
    """Two persons, not one person twice."""
    desk = proposed().adjust(APPROVE, operator=FIRST)
    assert Outcome.SECOND_PERSON_REQUIRED is answered(desk)
    assert isinstance(desk.journal[-1].body, RequestRefused)
    assert SOLD == desk.by_code()
    assert Outcome.SUCCEEDED is answered(desk.adjust(APPROVE, operator=SECOND))


@pytest.mark.parametrize("operator", [FIRST, SECOND])
def test_anybody_rejects_and_then_nothing_is_posted(operator: str) -> None:
    """Also who proposed it: that takes it back."""
    desk = proposed().adjust(REJECT, operator=operator)
    assert (Outcome.SUCCEEDED, "rejected", operator) == (
        answered(desk),
        shown(desk).status,
        shown(desk).decided_by,
    )
    assert Outcome.UNEXPECTED_STATE is answered(desk.adjust(APPROVE, operator="opr_3"))
    assert SOLD == desk.by_code()


def test_it_is_posted_once() -> None:
    """A repeat gets the same answer; a second approval finds it posted."""
    desk = proposed().adjust(APPROVE, operator=SECOND)
    records = len(desk.journal)
    desk.adjust(APPROVE, operator=SECOND)
    (again,) = desk.answers
    assert (True, "posted", records) == (again.replayed, shown(desk).status, len(desk.journal))
    for operator, key in ((SECOND, "k2"), ("opr_3", "k1")):
        desk.adjust(APPROVE, operator=operator, key=key)
        assert Outcome.UNEXPECTED_STATE is answered(desk)
    assert {1100: 10_000, 2020: -10_000} == desk.by_code()


def test_a_repeated_proposal_is_shown_as_it_was() -> None:
    """The first answer again, also when it was approved meanwhile; other words under the key are refused."""
    desk = proposed()
    first = shown(desk)
    desk.adjust(APPROVE, operator=SECOND)
    assert first == shown(desk.adjust(proposal()))
    desk.adjust(replace(proposal(), reference="CASE-18"))
    (reply,) = desk.answers
    assert (Outcome.IDEMPOTENCY_MISMATCH, ("reference",)) == (answered(desk), reply.differing)


def test_a_key_means_the_same_long_after_its_command_was_forgotten() -> None:
    """Handled commands are swept after five weeks; an adjustment is for life."""
    desk = proposed()
    first = shown(desk)
    for name in [name for name in desk.store.items() if name.startswith(HANDLED)]:
        desk.store.delete(name)
    assert first == shown(desk.adjust(proposal()))
    (again,) = desk.answers
    assert again.replayed
    for name in [name for name in desk.store.items() if name.startswith(HANDLED)]:
        desk.store.delete(name)
    assert Outcome.IDEMPOTENCY_MISMATCH is answered(desk.adjust(replace(proposal(), reference="CASE-18")))


def test_legs_that_changed_meanwhile_are_not_posted() -> None:
    """What was approved is what was shown: 5.00 from the balance, not a debt."""
    desk = sold().adjust(proposal("fee_debited", amounts={"amount": 9_000}))
    desk.reserve(5_000).adjust(APPROVE, operator=SECOND)
    assert Outcome.LEGS_DIFFER is answered(desk)
    assert "proposed" == desk.book().rows.proposed(shown_version(desk)).status


def shown_version(desk: Desk) -> int:
    found = desk.book().rows.adjustment(adjustment_id())
    assert found is not None
    return found.version


@pytest.mark.parametrize(
    ("asked", "book", "outcome"),
    [
        (proposal("payout_reserved"), MERCHANT, Outcome.TEMPLATE_NOT_BY_HAND),
        (proposal("capture"), MERCHANT, Outcome.TEMPLATE_NOT_BY_HAND),
        (proposal("wallet_credited", WALLET), WALLET, Outcome.NOT_FOUND),
        (proposal("no_such"), MERCHANT, Outcome.TEMPLATE_UNKNOWN),
        (proposal("bank_charged"), MERCHANT, Outcome.ACCOUNT_UNKNOWN),
        (proposal(amounts={"amount": 0}), MERCHANT, Outcome.AMOUNT_NOT_POSITIVE),
        (proposal(amounts={"amount": 2**63 - 1}), MERCHANT, Outcome.AMOUNT_OVERFLOW),
        (proposal("written_off"), MERCHANT, Outcome.BALANCE_INSUFFICIENT),
        (proposal("reversal", amounts={}, reverses="txn_1"), MERCHANT, Outcome.TRANSACTION_UNKNOWN),
        (proposal(book=OTHER_MERCHANT), OTHER_MERCHANT, Outcome.NOT_FOUND),
        (proposal(), f"wal_{MERCHANT[4:]}", Outcome.NOT_FOUND),
        (APPROVE, "platform", Outcome.NOT_FOUND),
        (REJECT, "platform", Outcome.NOT_FOUND),
    ],
)
def test_what_cannot_be_posted_is_not_proposed(asked: Any, book: str, outcome: Outcome) -> None:
    """Each its own outcome, on record in the chain, and every row of the books as it was."""
    desk = sold()
    version, before = desk.book().version, desk.counters()
    desk.adjust(asked, book=book)
    assert (outcome, [outcome.code]) == (answered(desk), desk.said)
    assert (version, before) == (desk.book().version, desk.counters())
    assert not desk.book(OTHER_MERCHANT).version
    numbers = [event.body.seq for event in desk.journal]
    assert list(range(1, len(numbers) + 1)) == numbers


def test_the_treasury_may_be_adjusted_before_it_has_a_book() -> None:
    """Its first entry opens it, as nobody else does."""
    asked = proposal("bank_charged", TREASURY)
    desk = Desk().adjust(asked, book=TREASURY)
    approve = ApproveAdjustment(adjustment_id=asked.adjustment_id)
    desk.adjust(approve, operator=SECOND, book="platform")
    assert {1020: -320, 5040: 320} == desk.by_code()
    assert TREASURY == desk.journal[-1].envelope.merchant_id


def test_what_waits_for_the_treasury_is_decided_when_a_proposal_opens_its_book() -> None:
    """Nobody else opens it."""
    desk = Desk().close(2020, book=TREASURY)
    assert [] == desk.said
    desk.adjust(proposal("bank_charged", TREASURY), book=TREASURY)
    assert ["BookOpened", "AdjustmentProposed", "AccountClosed"] == desk.said


def test_a_posted_adjustment_can_be_reversed_by_two_others() -> None:
    """What was done by hand is undone by hand."""
    desk = proposed().adjust(APPROVE, operator=SECOND)
    undo = replace(
        proposal("reversal", amounts={}, reverses=proposal().entry.transaction_id),
        adjustment_id=adjustment_id(name="2"),
        reason="duplicate",
    )
    desk.adjust(undo, key="k2").adjust(
        ApproveAdjustment(adjustment_id=undo.adjustment_id), operator=SECOND, key="k2"
    )
    assert SOLD == desk.by_code()


def test_what_has_a_course_of_its_own_is_not_for_hands() -> None:
    """Payouts, disputes and movements between books have their stages; half of one would hang for ever."""
    for name in BY_HAND - {"reversal"}:
        use = ENTRIES[name]
        assert not (use.begins or use.follows or use.sends or use.comes_back or use.is_answered), name
