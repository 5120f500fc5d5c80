"""Each rule of entries fails when the journal breaks it, and alone."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from ops.verify.ledger_model import LedgerModel
from schemas.envelope import Message
from schemas.ledger import Leg, TransactionPosted
from schemas.testing import MERCHANT, START_MS
from streams.ledger.legs import mirrored
from streams.ledger.testing import DAY, Desk, entry

Journal = list[Message[Any]]
Change = Callable[[Journal], Journal]
LINE = entry("settlement_in", "line-1", amounts={"net": 9_700, "fee": 100, "withheld": 200})
REVERSED = entry("reversal", "op-1", reverses=LINE.transaction_id)
OF_ENTRIES = {"L3", "L8", "L10", "L12", "L17", "L20", "L22", "L24", "L25", "L35"}
AVAILABLE = f"test.2020.merchant.available.{MERCHANT}.USD"
RECEIVABLE = "test.1100.psp.receivable.simulator.USD#3"


def _journal() -> Journal:
    """A sale, a refund, a settlement line and its reversal, a dispute, an inquiry, holds that end, and a refusal."""
    desk = Desk().open(fee_refund_policy="proportional").capture().wait(2 * DAY).reserve(4_000).succeed(4_000)
    desk.enter(LINE).enter(REVERSED)
    desk.enter(entry("dispute_opened", "dsp_1", amounts={"amount": 1_000}))
    desk.enter(entry("inquiry_opened", "dsp_2", amounts={"amount": 500}))
    for name, days in (("late", 2), ("soon", 1)):
        desk.hold(100, payment=name, expires_at_ms=desk.now_ms + days * DAY)
    desk.wait(3 * DAY)
    desk.enter(replace(LINE, amounts={"net": 1}))
    return desk.journal


def _broken(journal: Journal) -> set[str]:
    """Which of the rules about entries; whoever changes a record breaks the chain as well."""
    model = LedgerModel()
    for event in journal:
        model.record(3, b"", event)
    return OF_ENTRIES & {verdict.id for verdict in model.verdicts() if not verdict.passed}


def _at(journal: Journal, template: str) -> int:
    return next(at for at, event in enumerate(journal) if getattr(event.body, "template", "") == template)


def _changed(event: Message[Any], change: Callable[[Any], Any]) -> Message[Any]:
    return replace(event, body=change(event.body))


def _with(template: str, change: Callable[[Any], Any]) -> Change:
    def changed(journal: Journal) -> Journal:
        at = _at(journal, template)
        return [*journal[:at], _changed(journal[at], change), *journal[at + 1 :]]

    return changed


def _again(template: str, **changes: Any) -> Change:
    """The same once more and later, as another transaction."""
    changes = {"transaction_id": "txn_x", **changes}

    def changed(journal: Journal) -> Journal:
        event = journal[_at(journal, template)]
        later = replace(event, envelope=replace(event.envelope, causation_id="later"))
        return [*journal, _changed(later, lambda body: replace(body, **changes))]

    return changed


def _expired(journal: Journal) -> tuple[int, int]:
    first = _at(journal, "hold_expired")
    return first, first + 1


def _in_other_order(journal: Journal) -> Journal:
    first, second = _expired(journal)
    return [*journal[:first], journal[second], journal[first], *journal[second + 1 :]]


def _too_early(journal: Journal) -> Journal:
    first, _ = _expired(journal)
    event = journal[first]
    early = replace(event, envelope=replace(event.envelope, occurred_at_ms=START_MS))
    return [*journal[:first], early, *journal[first + 1 :]]


def _interleaved(journal: Journal) -> Journal:
    """Something of another cause between what one tick did."""
    first, second = _expired(journal)
    other = _changed(
        journal[_at(journal, "settlement_in")], lambda body: replace(body, transaction_id="txn_x")
    )
    return [*journal[: first + 1], other, *journal[second:]]


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


BROKEN: dict[str, tuple[Change, set[str]]] = {
    "a leg on the other side": (
        _with("settlement_in", lambda body: replace(body, legs=mirrored(body.legs))),
        {"L3", "L20"},
    ),
    "a template that is none": (_with("available", lambda body: replace(body, template="magic")), {"L3"}),
    "a reused id that was never used": (
        lambda journal: [*journal, _changed(journal[-1], lambda body: replace(body, transaction_id="txn_x"))],
        {"L12"},
    ),
    "more is refunded than set aside": (_with("refund_succeeded", _times(2)), {"L35"}),
    "more is set aside than was sold": (_again("refund_reserved", amount_minor=6_001), {"L22"}),
    "a hold expires again": (_again("hold_expired"), {"L10"}),
    "holds expire in another order": (_in_other_order, {"L10"}),
    "a hold expires too early": (_too_early, {"L10"}),
    "something between what one tick did": (_interleaved, {"L17"}),
    "a hold's end that leaves a balance below zero": (
        _with(
            "hold_expired",
            lambda body: replace(
                body,
                legs=(
                    *body.legs,
                    Leg(account_id=AVAILABLE, side="debit", phase="posted", amount_minor=10**6),
                    Leg(account_id=RECEIVABLE, side="credit", phase="posted", amount_minor=10**6),
                ),
            ),
        ),
        {"L3", "L8"},
    ),
    "a reversal of half": (_with("reversal", _half), {"L20"}),
    "a reversal of nothing": (_with("reversal", lambda body: replace(body, reverses="txn_never")), {"L20"}),
    "a second reversal": (_again("reversal"), {"L20"}),
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
