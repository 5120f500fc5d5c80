"""Each predicate on the journal is broken on purpose; a judge that cannot fail judges nothing."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from msgspec.structs import replace

from ops.verify.folds import Changelog, Folds
from ops.verify.ledger_fold import PaymentAmounts
from ops.verify.ledger_invariants import INVARIANTS
from ops.verify.ledger_model import AsOf, BalanceRows, ChangeRows, LedgerModel
from ops.verify.report import Finding
from ops.verify.versions import Versions
from schemas import topics
from schemas.codec import codec_of
from schemas.envelope import Message
from schemas.ledger import Leg, PostingRefused, RecordHold, Terms, TransactionPosted
from schemas.settings import Settings
from schemas.testing import MERCHANT, OTHER_MERCHANT
from streams.ledger.app import ledger
from streams.ledger.testing import DAY, Desk, command, entry
from tests.streams.ledger.test_adjustments import APPROVE, SECOND, proposed

Journal = list[Message[Any]]
PENDING = f"test.2010.merchant.pending.{MERCHANT}.USD"
AVAILABLE = f"test.2020.merchant.available.{MERCHANT}.USD"
DEBT = f"test.1300.merchant.receivable.{MERCHANT}.USD"
RECEIVABLE = "test.1100.psp.receivable.simulator.USD#3"


def _desk() -> Desk:
    desk = Desk().open().hold().capture().hold(payment="q").capture(4_000, payment="q").wait(2 * DAY)
    desk.reserve().succeed().reserve(1_000, payment="q").hold(500, payment="r").release(payment="r")
    return desk.capture(-1, payment="s")


@pytest.fixture(scope="module")
def desk() -> Desk:
    return _desk()


def _chained(journal: Journal) -> list[tuple[bytes, Message[Any]]]:
    """The records numbered and chained as a ledger would have, whatever they say."""
    encode, chained, link = codec_of(topics.LEDGER_JOURNAL).encode, [], bytes(32)
    for seq, event in enumerate(journal, 1):
        message = Message(envelope=event.envelope, body=replace(event.body, seq=seq, prev_hash=link))
        value = encode(message)
        link = sha256(link + len(value).to_bytes(4, "big") + value).digest()
        chained.append((value, message))
    return chained


def _broken(records: list[tuple[bytes, Message[Any]]]) -> dict[str, list[str]]:
    model = LedgerModel()
    for value, message in records:
        model.record(3, value, message)
    return {one.id: one.evidence for one in model.verdicts() if not one.passed}


def _at(journal: Journal, template: str) -> int:
    return next(at for at, event in enumerate(journal) if getattr(event.body, "template", "") == template)


def _with(
    journal: Journal, template: str, change: Callable[[TransactionPosted], TransactionPosted]
) -> Journal:
    """The journal with the first transaction of a template changed."""
    at = _at(journal, template)
    event = journal[at]
    changed = Message(envelope=event.envelope, body=change(event.body))
    return [*journal[:at], changed, *journal[at + 1 :]]


def _legs(change: Callable[[Leg], Leg]) -> Callable[[TransactionPosted], TransactionPosted]:
    return lambda body: replace(body, legs=tuple(change(leg) for leg in body.legs))


def _once_more(journal: Journal, template: str) -> Journal:
    return [*journal, journal[_at(journal, template)]]


def _under_another_id(journal: Journal, template: str) -> Journal:
    event = journal[_at(journal, template)]
    envelope = replace(event.envelope, causation_id="later")
    return [*journal, Message(envelope=envelope, body=replace(event.body, transaction_id="txn_other"))]


def _as_refused(journal: Journal) -> Journal:
    hold, refused = journal[_at(journal, "hold")], journal[-1].body.transaction_id
    envelope = replace(hold.envelope, causation_id="later")
    return [*journal, Message(envelope=envelope, body=replace(hold.body, transaction_id=refused))]


BREAKS: dict[str, tuple[Callable[[Journal], Journal], set[str]]] = {
    "nothing": (lambda journal: journal, set()),
    "a leg dropped": (
        lambda journal: _with(journal, "capture", lambda body: replace(body, legs=body.legs[:-1])),
        {"L1", "L4", "L6"},
    ),
    "one leg alone": (
        lambda journal: _with(journal, "hold", lambda body: replace(body, legs=body.legs[:1])),
        {"L1", "L2", "L4", "L5", "L6"},
    ),
    "amounts of zero": (
        lambda journal: _with(journal, "refund_succeeded", _legs(lambda leg: replace(leg, amount_minor=0))),
        {"L2"},
    ),
    "another shard": (
        lambda journal: _with(
            journal,
            "refund_succeeded",
            _legs(lambda leg: replace(leg, account_id=leg.account_id.replace("#3", "#2"))),
        ),
        {"L2"},
    ),
    "another mode": (
        lambda journal: _with(
            journal,
            "refund_succeeded",
            _legs(lambda leg: replace(leg, account_id="live" + leg.account_id[4:])),
        ),
        {"L2", "L7"},
    ),
    "an account nobody has": (
        lambda journal: _with(
            journal,
            "refund_succeeded",
            _legs(lambda leg: replace(leg, account_id=leg.account_id.replace("1100", "1101"))),
        ),
        {"L2", "L3"},
    ),
    "another currency": (
        lambda journal: _with(
            journal,
            "refund_succeeded",
            _legs(lambda leg: replace(leg, account_id=leg.account_id.replace("USD", "EUR"))),
        ),
        {"L2", "L7"},
    ),
    "a currency for another": (
        lambda journal: _with(
            journal,
            "refund_succeeded",
            _legs(
                lambda leg: replace(leg, account_id=leg.account_id.replace("simulator.USD", "simulator.EUR"))
            ),
        ),
        {"L1", "L2", "L4", "L6"},
    ),
    "more than there is": (lambda journal: _under_another_id(journal, "refund_reserved"), {"L7", "L22"}),
    "a debt below nothing": (
        lambda journal: _with(
            journal,
            "refund_succeeded",
            _legs(
                lambda leg: replace(
                    leg,
                    account_id=f"test.1300.merchant.receivable.{MERCHANT}.USD"
                    if leg.side == "credit"
                    else leg.account_id,
                )
            ),
        ),
        {"L3", "L7"},
    ),
    "a hold released twice": (lambda journal: _under_another_id(journal, "release"), {"L9"}),
    "all holds released twice": (
        lambda journal: _under_another_id(journal, "capture"),
        {"L5", "L9"},
    ),
    "a transaction twice": (lambda journal: _once_more(journal, "hold"), {"L11", "L17"}),
    "a refused one posted": (_as_refused, {"L13"}),
}


@pytest.mark.parametrize("case", BREAKS)
def test_whatever_is_broken_is_named(desk: Desk, case: str) -> None:
    """One line of the table."""
    change, expected = BREAKS[case]
    assert expected == _broken(_chained(change(desk.journal))).keys()


CHAINS: dict[str, Callable[[list[Any]], list[Any]]] = {
    "deleted": lambda records: [*records[:3], *records[4:]],
    "swapped": lambda records: [*records[:3], records[4], records[3], *records[5:]],
    "inserted": lambda records: [*records[:3], records[2], *records[3:]],
    "the first cut off": lambda records: records[1:],
    "a byte flipped": lambda records: [
        *records[:3],
        (records[3][0][:-1] + bytes((records[3][0][-1] ^ 1,)), records[3][1]),
        *records[4:],
    ],
}


@pytest.mark.parametrize("case", CHAINS)
def test_a_chain_that_is_not_whole_is_named(desk: Desk, case: str) -> None:
    """Nobody takes out, puts in or changes a record without a trace."""
    assert "L31" in _broken(CHAINS[case](_chained(desk.journal)))


def _model(desk: Desk) -> LedgerModel:
    model = LedgerModel()
    for value, message in zip(desk.values, desk.journal, strict=True):
        model.record(desk.partition, value, message)
    return model


def test_the_fold_is_what_the_ledger_told(desk: Desk) -> None:
    """Two ways to the same balances, and to the amounts of every payment."""
    model = _model(desk)
    assert desk.counters() == model.balances
    payments = {name: model.payments.get(_payment_id(name)) for name in "pqr"}
    assert {
        "p": PaymentAmounts(0, 10_000, 10_000, 0),
        "q": PaymentAmounts(6_000, 4_000, 0, 1_000),
        "r": PaymentAmounts(0, 0, 0, 0),
    } == payments


def _payment_id(name: str) -> str:
    return command(RecordHold, 1, payment=name).payment_id


def _elsewhere() -> Desk:
    """Another merchant in another partition."""
    other = Desk(partition=4).terms(Terms(), merchant=OTHER_MERCHANT)
    return other.tell(command(RecordHold, 100, merchant=OTHER_MERCHANT), merchant=OTHER_MERCHANT)


def test_partitions_are_judged_together(desk: Desk) -> None:
    """A transaction in two partitions is posted twice, whoever surveyed them."""
    first, second, other = _model(desk), _model(desk), _model(_elsewhere())
    first.join(other)
    assert all(one.passed for one in first.verdicts())
    assert {account.partition("#")[2] for account in first.balances} == {"", "3", "4"}
    first.join(second)
    assert ["L11"] == [one.id for one in first.verdicts() if not one.passed]


def _rows(desk: Desk) -> dict[str, dict[str, object]]:
    rows: dict[str, dict[str, object]] = {}
    for told in desk.balances:
        for one in told.balances:
            counters = {name: getattr(one, name) for name in one.__struct_fields__ if name.endswith("_minor")}
            rows[one.account_id] = {"account_id": one.account_id, "seq": one.seq, **counters, "is_sum": True}
    return rows


def _changed(
    rows: dict[str, dict[str, object]], account_id: str, **changes: object
) -> dict[str, dict[str, object]]:
    return {**rows, account_id: {**rows[account_id], **changes}}


ROWS: dict[str, tuple[Callable[[dict[str, dict[str, object]]], dict[str, dict[str, object]]], int, str]] = {
    "as told": (lambda rows: rows, 99, ""),
    "an amount changed": (lambda rows: _changed(rows, AVAILABLE, credits_posted_minor=1), 99, "the row says"),
    "a number no record has": (lambda rows: _changed(rows, AVAILABLE, seq=98), 99, "no record 98 changed it"),
    "an old row": (
        lambda rows: _changed(
            rows,
            PENDING,
            seq=2,
            debits_posted_minor=0,
            credits_pending_minor=10_000,
            credits_posted_minor=0,
        ),
        99,
        "its row is of record 2",
    ),
    "an old row that may be": (
        lambda rows: _changed(
            rows,
            PENDING,
            seq=2,
            debits_posted_minor=0,
            credits_pending_minor=10_000,
            credits_posted_minor=0,
        ),
        2,
        "",
    ),
    "a row missing": (
        lambda rows: {name: row for name, row in rows.items() if name != RECEIVABLE},
        99,
        "no row, record",
    ),
}


@pytest.mark.parametrize("case", ROWS)
def test_rows_of_balances_are_held_against_the_fold(desk: Desk, case: str) -> None:
    """What data teams read is what the journal says, up to the record it was written from."""
    change, cut_seq, said = ROWS[case]
    model, rows = LedgerModel(), BalanceRows(change(_rows(desk)).values(), cut_seq=cut_seq)
    for value, message in zip(desk.values, desk.journal, strict=True):
        model.record(desk.partition, value, message)
        rows.record(model, message.body)
    verdict = rows.finish()[0].invariant("compared")
    assert (not said, said in " ".join(verdict.evidence)) == (verdict.passed, True)


def test_a_row_that_a_refusal_wrote_is_named(desk: Desk) -> None:
    """A refusal changes nothing, so no row may be of one."""
    refused = next(event.body.seq for event in desk.journal if isinstance(event.body, PostingRefused))
    model, rows = (
        LedgerModel(),
        BalanceRows(_changed(_rows(desk), AVAILABLE, seq=refused).values(), cut_seq=99),
    )
    for value, message in zip(desk.values, desk.journal, strict=True):
        model.record(desk.partition, value, message)
        rows.record(model, message.body)
    (said,) = rows.finish()[1].invariant("compared").evidence
    assert AVAILABLE in said and "a refusal" in said


@pytest.mark.parametrize(("change_minor", "passed"), [(0, True), (1, False)])
def test_balances_as_of_a_record_are_held_against_the_fold_up_to_it(
    desk: Desk, change_minor: int, passed: bool
) -> None:
    """What was true in the middle of the journal still is what is read as of then."""
    middle = LedgerModel()
    for value, message in zip(desk.values[:4], desk.journal[:4], strict=True):
        middle.record(desk.partition, value, message)
    posted = {
        name: (one.debits_posted_minor + change_minor, one.credits_posted_minor)
        for name, one in middle.balances.items()
        if one.debits_posted_minor or one.credits_posted_minor
    }
    model, as_of = LedgerModel(), AsOf(posted, seq=4)
    for value, message in zip(desk.values, desk.journal, strict=True):
        model.record(desk.partition, value, message)
        as_of.record(model, message.body.seq)
    verdict = as_of.finish().invariant("compared")
    assert (passed, True) == (verdict.passed, verdict.checked > 0)


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any]], str]] = {
    "as told": (lambda rows: rows, ""),
    "a net changed": (
        lambda rows: {name: (gross, fee, net + 1) for name, (gross, fee, net) in rows.items()},
        "says",
    ),
    "a row missing": (lambda rows: dict(list(rows.items())[1:]), "the row says None"),
    "a row of nothing": (lambda rows: {**rows, "txn_x": (1, 0, 1)}, "no record posted it"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_balance_transactions_are_held_against_the_journal(desk: Desk, case: str) -> None:
    """What a merchant is shown of each change is what was posted of it."""
    change, said = CHANGES[case]
    told = {
        one.transaction_id: (one.amount_minor, one.fee_minor, one.net_minor)
        for message in desk.changes
        for one in message.transactions
    }
    assert 3 == len(told)
    rows = ChangeRows(change(told), cut_seq=99)
    for message in desk.journal:
        rows.record(message.body, message.envelope.merchant_id)
    verdict = rows.finish().invariant("compared")
    assert (not said, said in " ".join(verdict.evidence)) == (verdict.passed, True)


def test_every_invariant_has_a_number_a_name_and_a_judge() -> None:
    """L1 to L33 without gap, and four of our own; L34 holds the books against payments."""
    numbers = [int(one.id[1:]) for one in INVARIANTS]
    assert [*range(1, 34), 35, 36, 37, 38] == numbers
    assert len({one.name for one in INVARIANTS}) == len(INVARIANTS)
    assert all(bool(one.kinds) == (one.judge is not None) and one.judged_by for one in INVARIANTS)


def _all_available(body: TransactionPosted) -> TransactionPosted:
    debit, _, available = body.legs
    return replace(body, legs=(debit, replace(available, amount_minor=debit.amount_minor)))


def test_what_is_paid_out_to_a_debtor_or_lent_to_who_has_something_is_named() -> None:
    """A debt comes first, and is made last; what a reversal undoes stands as it did."""
    sold = Desk().open().capture().enter(entry("dispute_opened", "dsp_1", amounts={"amount": 5_000}))
    journal = sold.wait(2 * DAY).journal
    assert {} == _broken(_chained(journal))
    assert {"L38"} == _broken(_chained(_with(journal, "available", _all_available))).keys()
    charged = (
        Desk().open().capture().wait(2 * DAY).enter(entry("plan_charged", "sub_1", amounts={"amount": 5_000}))
    )
    assert {} == _broken(_chained(charged.journal))
    lent = _with(charged.journal, "plan_charged", _legs(lambda leg: _on(leg, AVAILABLE, DEBT)))
    assert {"L38"} == _broken(_chained(lent)).keys()


def _on(leg: Leg, account_id: str, other_id: str) -> Leg:
    return replace(leg, account_id=other_id) if leg.account_id == account_id else leg


def _folded(rows: dict[bytes, bytes], journal: Journal) -> list[str]:
    finding = Finding("P7", "tables")
    definition = ledger(Settings())
    changelog = Changelog("ledger.3", finding, definition.folded)
    for name, row in rows.items():
        changelog.record(name, row)
    folds = Folds(definition, changelog, finding, must_hold_below=len(journal))
    for offset, event in enumerate(journal):
        folds.event(event.envelope.aggregate_key, event, offset)
    folds.finish()
    return finding.invariant("compared").evidence if finding.fault_count else []


def test_every_row_of_a_book_is_the_fold_of_the_journal(desk: Desk) -> None:
    """A balance edited in the table shows, though the journal is whole."""
    rows = desk.store.items()
    assert [] == _folded(rows, desk.journal)
    account = next(name for name in rows if name.startswith(b"book/") and b".2020." in name)
    shard = next(name for name in rows if name.startswith(b"shard/"))
    for name in (account, shard):
        (told,) = _folded({**rows, name: b"[0,0,0,1]"}, desk.journal)
        assert name.decode() in told
        (told,) = _folded({other: row for other, row in rows.items() if other != name}, desk.journal)
        assert "the row is None" in told


BY_HAND: dict[str, Callable[[Any], Any]] = {
    "one person twice": lambda adjustment: replace(adjustment, decided_by=adjustment.proposed_by),
    "nobody": lambda adjustment: replace(adjustment, decided_by=None),
    "proposed by somebody else": lambda adjustment: replace(adjustment, proposed_by="opr_9"),
    "other legs than were shown": lambda adjustment: replace(
        adjustment, entry=replace(adjustment.entry, expected_legs=adjustment.entry.expected_legs[:1])
    ),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_whatever_one_person_did_alone_is_named(case: str) -> None:
    """Whoever writes to the journal past the ledger has to invent a second person."""
    *before, approved = proposed().adjust(APPROVE, operator=SECOND).journal
    changed = replace(
        approved, body=replace(approved.body, adjustment=BY_HAND[case](approved.body.adjustment))
    )
    assert {"L36"} == _broken(_chained([*before, changed])).keys()


def test_entries_by_hand_and_refused_requests_are_judged_too() -> None:
    """Records of another kind are part of the chain, of the books' versions and of the rows."""
    by_hand = proposed().adjust(APPROVE).adjust(APPROVE, operator=SECOND)
    assert all(one.passed for one in _model(by_hand).verdicts())
    versions = Versions()
    for offset, event in enumerate(by_hand.journal):
        key = event.envelope.aggregate_key or MERCHANT[4:]
        assert versions.event(key, event, str(offset))
    assert versions.verdict().passed
    assert [] == _folded(by_hand.store.items(), by_hand.journal)
