"""Entries in any order, repeated and changed: the ledger says what a model says that shares nothing with it."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.ledger import PostEntry
from schemas.testing import OTHER_MERCHANT
from streams.ledger.templates import TEMPLATES
from streams.ledger.testing import Desk, entry
from tests.laws.entries_oracle import STATED, TABLE, Oracle, Told

AMOUNTS = st.sampled_from([1_000, 1_000, 1_000, 400, 250, 0, -1, 5_000])


@st.composite
def _told(draw: st.DrawFn) -> Told:
    word = draw(st.sampled_from(sorted(TABLE)))
    names = STATED.get(word, ("amount",))
    amounts = ((names[0], draw(AMOUNTS)), *((name, draw(st.sampled_from([0, 30]))) for name in names[1:]))
    # Few things, so that what follows meets what was begun.
    thing = word.partition("_")[0].replace("inquiry", "dispute") + draw(st.sampled_from("12"))
    return Told(word, thing, draw(st.sampled_from([1, 1, 2])), amounts)


def _entry(told: Told) -> PostEntry:
    return entry(
        told.word,
        f"{told.thing}_x",
        turn=told.turn,
        amounts=dict(told.amounts),
        other_book=OTHER_MERCHANT if told.word.startswith("split") else None,
        payment_id=None,
    )


@given(st.lists(_told(), max_size=30))
@settings(max_examples=300)
def test_the_ledger_says_what_a_model_says(history: list[Told]) -> None:
    """Every outcome and every balance; what is refused changes no row of any account."""
    desk, oracle = Desk().open(), Oracle()
    for told in history:
        expected, before = oracle.tell(told), desk.account_rows()
        desk.enter(_entry(told))
        last = desk.said[-1] if desk.said else ""
        assert expected == ("posted" if last in TEMPLATES else last), told
        if expected != "posted":
            assert before == desk.account_rows()
    sums = Counter({code: amount for code, amount in oracle.sums.items() if amount})
    assert sums == Counter(desk.by_code())


@given(st.lists(_told(), max_size=20))
@settings(max_examples=50)
def test_a_history_told_again_changes_no_byte(history: list[Told]) -> None:
    """Whatever is delivered twice, however late, moves nothing."""
    desk = Desk().open()
    for told in history:
        desk.enter(_entry(told))
    before, records = desk.store.items(), len(desk.values)
    for told in history:
        desk.enter(_entry(told))
    assert (before, records) == (desk.store.items(), len(desk.values))
