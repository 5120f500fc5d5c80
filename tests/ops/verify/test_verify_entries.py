"""Each rule of entries fails when the journal breaks it, and alone."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from ops.verify.entry_model import EntryModel
from schemas.ledger import PostingRefused, TransactionPosted
from streams.ledger.legs import mirrored
from streams.ledger.testing import DAY, Desk, entry

Bodies = list[Any]
LINE = entry("settlement_in", "line-1", amounts={"net": 9_700, "fee": 100, "withheld": 200})
REVERSED = entry("reversal", "op-1", reverses=LINE.transaction_id)


def _journal() -> Bodies:
    """A sale, a refund, a settlement line and its reversal, a dispute, an inquiry and a refusal."""
    desk = Desk().open(fee_refund_policy="proportional").capture().wait(2 * DAY).reserve(4_000).succeed(4_000)
    desk.enter(LINE).enter(REVERSED)
    desk.enter(entry("dispute_opened", "dsp_1", amounts={"amount": 1_000}))
    desk.enter(entry("inquiry_opened", "dsp_2", amounts={"amount": 500}))
    desk.enter(replace(LINE, amounts={"net": 1}))
    return [event.body for event in desk.journal]


def _broken(bodies: Bodies) -> set[str]:
    model = EntryModel()
    for at, body in enumerate(bodies):
        if isinstance(body, TransactionPosted):
            model.posted(body, f"record {at}")
        elif isinstance(body, PostingRefused):
            model.refused(body, f"record {at}")
    return {verdict.id for verdict in model.verdicts("") if not verdict.passed}


def _at(bodies: Bodies, template: str) -> int:
    return next(at for at, body in enumerate(bodies) if getattr(body, "template", "") == template)


def _with(template: str, change: Callable[[Any], Any]) -> Callable[[Bodies], Bodies]:
    def changed(bodies: Bodies) -> Bodies:
        at = _at(bodies, template)
        return [*bodies[:at], change(bodies[at]), *bodies[at + 1 :]]

    return changed


def _half(body: TransactionPosted) -> TransactionPosted:
    return replace(
        body,
        legs=tuple(replace(leg, amount_minor=leg.amount_minor // 2) for leg in body.legs),
        amount_minor=500,
    )


def _times(factor: int) -> Callable[[TransactionPosted], TransactionPosted]:
    return lambda body: replace(
        body, legs=tuple(replace(leg, amount_minor=leg.amount_minor * factor) for leg in body.legs)
    )


BROKEN: dict[str, tuple[Callable[[Bodies], Bodies], set[str]]] = {
    "a leg on the other side": (
        _with("settlement_in", lambda body: replace(body, legs=mirrored(body.legs))),
        {"L3", "L20"},
    ),
    "a template that is none": (_with("available", lambda body: replace(body, template="magic")), {"L3"}),
    "a reused id that was never used": (
        lambda bodies: [*bodies, replace(bodies[-1], transaction_id="txn_never")],
        {"L12"},
    ),
    "more is refunded than set aside": (_with("refund_succeeded", _times(2)), {"L17"}),
    "a reversal of half": (_with("reversal", _half), {"L20"}),
    "a reversal of nothing": (_with("reversal", lambda body: replace(body, reverses="txn_never")), {"L20"}),
    "a second reversal": (
        lambda bodies: [*bodies, replace(bodies[_at(bodies, "reversal")], transaction_id="txn_again")],
        {"L20"},
    ),
    "more of the fee returned than charged": (_with("fee_returned", _times(9)), {"L24"}),
    "frozen and not pulled": (
        _with(
            "dispute_opened",
            lambda body: replace(
                body, legs=tuple(leg for leg in body.legs if ".1400." not in leg.account_id)
            ),
        ),
        {"L25"},
    ),
}


def test_a_journal_as_it_is_raises_no_alarm() -> None:
    """With every kind of entry in it."""
    assert set() == _broken(_journal())


@pytest.mark.parametrize("what", BROKEN)
def test_whatever_is_broken_is_named(what: str) -> None:
    """By the rule that says so."""
    change, expected = BROKEN[what]
    assert expected == _broken(change(_journal()))
