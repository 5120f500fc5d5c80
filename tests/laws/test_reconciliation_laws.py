"""Laws of matching: whatever comes in whatever order, told however often."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from schemas import topics
from schemas.codec import codec_of
from schemas.envelope import Recorded
from schemas.reconciliation import MatchSnapshot
from streams.reconciliation.decider import deadline_ms
from streams.reconciliation.state import MAX_REMEMBERED, Match, snapshot
from streams.reconciliation.testing import EXPECTED_WINDOW_MS, LINE_WINDOW_MS, Story, line, movement
from streams.table import StateCodec

Word = Callable[[Story], Story]

KINDS, CURRENCIES = st.sampled_from(["capture", "refund"]), st.sampled_from(["USD", "EUR"])
AMOUNTS = st.integers(1, 3)
MOVEMENTS = st.builds(
    lambda amount, kind, currency, operation: movement(
        amount, kind=kind, currency=currency, operation_id=operation
    ),
    AMOUNTS,
    KINDS,
    CURRENCIES,
    st.sampled_from(["cap_1", "cap_1", "cap_2"]),
)
LINES = st.builds(
    lambda amount, fee, kind, number, file: line(
        -amount if kind == "refund" else amount, fee, kind=kind, line_id=number, file_id=file
    ),
    AMOUNTS,
    st.integers(0, 1),
    KINDS,
    st.sampled_from(["l1", "l1", "l2", "l3"]),
    st.sampled_from(["stl_1", "stl_1", "stl_2"]),
)
BODIES = st.one_of(MOVEMENTS, LINES)
TIMES = st.sampled_from([1, LINE_WINDOW_MS, EXPECTED_WINDOW_MS])
WORDS: st.SearchStrategy[list[Word]] = st.lists(
    st.one_of(
        BODIES.map(lambda body: lambda story: story.tell(body)),
        TIMES.map(lambda ms: lambda story: story.wait(ms)),
    ),
    max_size=20,
)


def told(words: Sequence[Word]) -> Story:
    story = Story()
    for word in words:
        word(story)
    return story


def shown(bodies: Sequence[Any]) -> MatchSnapshot:
    story = Story()
    for body in bodies:
        story.tell(body)
    return story.shown


@given(WORDS)
def test_the_state_is_the_fold_of_the_events(words: list[Word]) -> None:
    """A table can be deleted and rebuilt equal."""
    story = told(words)
    assert story.history.state == story.history.fold()
    state = story.history.state
    assert len(story.history.events) == (0 if state is None else state.version)


@given(WORDS, st.lists(BODIES, min_size=1, max_size=3))
def test_a_message_told_again_says_nothing(words: list[Word], bodies: list[Any]) -> None:
    """Files are told at least once, so a repeat must not count."""
    story = told(words)
    for body in bodies:
        story.tell(body)
        before = story.history.state
        assert [] == story.tell(body).names()
        assert before == story.history.state


@given(st.permutations([movement(), movement(), line(), line()]))
def test_the_order_of_movement_and_line_does_not_matter(bodies: list[Any]) -> None:
    """Which of two topics is read first is chance."""
    assert shown([movement(), line()]) == shown(bodies)


@given(
    MOVEMENTS,
    LINES,
    st.lists(TIMES, min_size=3, max_size=3),
    st.booleans(),
)
def test_lateness_does_not_change_the_match(
    expected: Any, settled: Any, waits: list[int], is_line_first: bool
) -> None:
    """A result by time is superseded by the counterpart; only the count of events tells."""
    prompt = shown([expected, settled])
    story = Story().wait(waits[0])
    bodies = [settled, expected] if is_line_first else [expected, settled]
    story.tell(bodies[0]).wait(waits[1]).tell(bodies[1]).wait(waits[2])
    assert msgspec.structs.replace(prompt, version=0) == msgspec.structs.replace(story.shown, version=0)


@given(MOVEMENTS, st.lists(LINES, min_size=2, max_size=4), st.data())
def test_only_the_place_of_the_movement_is_free(expected: Any, lines: list[Any], data: st.DataObject) -> None:
    """Lines of one provider come in the order of its files; the movement may come at any time."""
    at = data.draw(st.integers(0, len(lines)))
    first, mixed = shown([expected, *lines]), shown([*lines[:at], expected, *lines[at:]])
    assert msgspec.structs.replace(first, version=0) == msgspec.structs.replace(mixed, version=0)


@given(WORDS)
def test_deadlines_move_on(words: list[Word]) -> None:
    """Time never loops: a deadline comes once."""
    story = told(words)
    state = story.history.state
    if state is None or (due := deadline_ms(state)) is None:
        return
    story.wait(max(due - story.now_ms, 0))
    assert story.history.state is not None
    assert deadline_ms(story.history.state) is None
    assert len(story.names()) == 1


@given(WORDS)
def test_what_waits_has_a_deadline_and_what_is_judged_has_none(words: list[Word]) -> None:
    """Nothing waits for ever."""
    state = told(words).history.state
    if state is None:
        return
    if state.status in ("expected", "unexpected"):
        assert state.due_at_ms is not None
    elif not state.contenders:
        assert state.due_at_ms is None


@given(WORDS)
def test_a_status_says_what_is_there(words: list[Word]) -> None:
    """The judges of the platform trust the columns beside the status."""
    story = told(words)
    state = story.history.state
    if state is None or state.contenders:
        return
    sides = (state.movement is not None, state.line is not None)
    assert (
        sides
        == {
            "expected": (True, False),
            "missing_external": (True, False),
            "unexpected": (False, True),
            "missing_internal": (False, True),
            "matched": (True, True),
            "amount_mismatch": (True, True),
        }[state.status]
    )
    assert 0 <= story.shown.duplicates <= MAX_REMEMBERED


@given(WORDS)
def test_states_and_events_survive_their_encodings(words: list[Word]) -> None:
    """What is written is what is read, in the table and on the contract topic."""
    story = told(words)
    codec = codec_of(topics.RECON_RESULTS)
    state: Match | None = story.history.state
    if state is None:
        return
    assert state == StateCodec(Match).decode(msgspec.json.encode(state))
    for event in story.history.events:
        recorded = Recorded(envelope=event.envelope, body=event.body, after=snapshot(state))
        assert recorded == codec.decode(codec.encode(recorded))


@given(WORDS)
def test_decisions_are_deterministic(words: list[Word]) -> None:
    """The same history decides the same, on every machine and after every restart."""
    assert told(words).history.state == told(words).history.state
