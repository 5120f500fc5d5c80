"""Networks ask, pull, give back, give back a part, and think again: all of it happened, so all of it is posted."""

from collections.abc import Sequence

import pytest

from schemas.ledger import PostEntry
from streams.ledger.testing import DAY, Desk, entry

NET_MINOR = 9_680


def _told(desk: Desk, *said: tuple[str, int, int] | tuple[str, int]) -> Desk:
    """What a network says of one dispute: template, amount and fee."""
    payment_id = desk.journal[1].body.payment_id
    for turn, (template, amount_minor, *fee_minor) in enumerate(said, 1):
        desk.enter(_entry(template, turn, amount_minor, fee_minor, payment_id))
        assert [template] == desk.said
    return desk


def _entry(template: str, turn: int, amount_minor: int, fee: Sequence[int], payment_id: str) -> PostEntry:
    amounts = {"amount": amount_minor, **dict(zip(("fee",), fee, strict=False))}
    return entry(template, "dsp_1", turn=turn, payment_id=payment_id, amounts=amounts)


def _sold() -> Desk:
    return Desk().open().capture().wait(2 * DAY)


@pytest.mark.parametrize("end", [("dispute_won", 4_000, 150), ("dispute_lost", 4_000)])
def test_an_inquiry_may_become_a_dispute(end: tuple[str, int, int] | tuple[str, int]) -> None:
    """The amount is frozen already; what is new is the fee, and that it is pulled."""
    desk = _told(_sold(), ("inquiry_opened", 4_000), ("inquiry_escalated", 4_000, 150))
    sums = desk.by_code()
    assert (NET_MINOR - 4_150, 4_000, 4_000) == (-sums[2020], -sums[2040], sums[1400])
    sums = _told(desk, end).by_code()
    assert {2040, 1400}.isdisjoint(sums)
    assert (NET_MINOR if end[0] == "dispute_won" else NET_MINOR - 4_150) == -sums[2020]


@pytest.mark.parametrize("ended", ["inquiry_closed", "dispute_won"])
def test_a_network_may_pull_it_after_all(ended: str) -> None:
    """After an inquiry that came to nothing, or once more after it was won."""
    begun = "inquiry_opened" if ended == "inquiry_closed" else "dispute_opened"
    desk = _told(_sold(), (begun, 4_000), (ended, 4_000))
    again = entry(
        "dispute_opened",
        "dsp_1",
        turn=9,
        payment_id=desk.journal[1].body.payment_id,
        amounts={"amount": 4_000},
    )
    assert ["dispute_opened"] == desk.enter(again).said
    sums = desk.by_code()
    assert (NET_MINOR - 4_000, 4_000, 4_000) == (-sums[2020], -sums[2040], sums[1400])
    assert ["amount_exceeds_refundable"] == desk.reserve(6_001).said
    assert ["refund_reserved"] == desk.reserve(6_000, turn=2).said


def test_a_part_may_be_won_and_the_rest_is_lost() -> None:
    """Both accounts of the dispute end at zero."""
    sums = _told(_sold(), ("dispute_opened", 4_000, 150), ("dispute_won", 2_500, 0)).by_code()
    assert {2040, 1400}.isdisjoint(sums)
    assert (NET_MINOR - 1_650, 10_000 - 1_500) == (-sums[2020], sums[1100])


@pytest.mark.parametrize(("amount_minor", "fee_minor", "lost_minor"), [(4_000, 150, 0), (2_500, 0, 1_650)])
def test_what_was_lost_may_be_won_later(amount_minor: int, fee_minor: int, lost_minor: int) -> None:
    """In arbitration, all of it or a part."""
    desk = _told(_sold(), ("dispute_opened", 4_000, 150), ("dispute_lost", 4_000))
    sums = _told(desk, ("dispute_won_late", amount_minor, fee_minor)).by_code()
    assert NET_MINOR - lost_minor == -sums[2020]
    assert ["amount_exceeds_refundable"] == desk.reserve(6_001 + amount_minor).said


@pytest.mark.parametrize(
    ("template", "amount_minor", "fee_minor"),
    [("dispute_won", 4_001, 0), ("dispute_won", 4_000, 151), ("dispute_won_late", 4_000, 0)],
)
def test_no_more_is_won_than_was_pulled(template: str, amount_minor: int, fee_minor: int) -> None:
    """Nor what was not lost."""
    desk = _told(_sold(), ("dispute_opened", 4_000, 150))
    payment_id = desk.journal[1].body.payment_id
    assert ["unexpected_state"] == desk.enter(_entry(template, 1, amount_minor, [fee_minor], payment_id)).said


@pytest.mark.parametrize("first", ["dispute_won", "dispute_won_late"])
def test_what_was_lost_may_be_won_part_by_part_and_the_fee_once(first: str) -> None:
    """However often the network thinks again, no more comes back than was taken."""
    begun: list[tuple[str, int, int] | tuple[str, int]] = [("dispute_opened", 4_000, 150)]
    if first == "dispute_won_late":
        begun.append(("dispute_lost", 4_000))
    desk = _told(_sold(), *begun, (first, 2_500, 150))
    payment_id = desk.journal[1].body.payment_id
    told = (
        (1_501, 0, "unexpected_state"),
        (1_500, 1, "unexpected_state"),
        (1_000, 0, "dispute_won_late"),
        (501, 0, "unexpected_state"),
        (500, 0, "dispute_won_late"),
        (1, 0, "unexpected_state"),
    )
    for turn, (amount_minor, fee_minor, said) in enumerate(told, 10):
        won = _entry("dispute_won_late", turn, amount_minor, [fee_minor], payment_id)
        assert [said] == desk.enter(won).said
    assert {1100: 10_000, 2020: -NET_MINOR, 4010: -320} == desk.by_code()


def test_a_network_may_ask_again() -> None:
    """After an inquiry that came to nothing."""
    desk = _told(_sold(), ("inquiry_opened", 4_000), ("inquiry_closed", 4_000))
    payment_id = desk.journal[1].body.payment_id
    assert ["inquiry_opened"] == desk.enter(_entry("inquiry_opened", 9, 3_000, [], payment_id)).said
