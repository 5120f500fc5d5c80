"""Laws every history of a payment obeys, whatever merchants, providers and time do to it."""

from collections.abc import Callable

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import payment_commands as c
from schemas import topics
from schemas.codec import codec_of
from schemas.envelope import Recorded
from schemas.payments import PaymentStatus
from schemas.testing import operator_command
from streams.core import NO_SUBJECT, Refused, Repeated
from streams.payments.elapsed import deadline_ms
from streams.payments.state import (
    Payment,
    authorized_minor,
    captured_minor,
    held_minor,
    payment_status,
    refunded_minor,
)
from streams.payments.testing import DAY, Story
from streams.payments.views import after, moment, view
from streams.table import StateCodec

Word = Callable[[Story], Story]

AMOUNTS = st.one_of(st.none(), st.integers(1, 12_000))
COMMANDS: st.SearchStrategy[Word] = st.one_of(
    st.just(Story.confirm),
    st.just(Story.void),
    st.just(lambda s: s.ask(c.CancelPaymentIntent())),
    AMOUNTS.map(lambda amount: lambda s: s.capture(amount)),
    AMOUNTS.map(lambda amount: lambda s: s.refund(amount)),
    AMOUNTS.map(lambda amount: lambda s: s.refund_asked(amount)),
    st.just(lambda s: s.attempt()),
    st.sampled_from(["approve", "decline"]).map(
        lambda decision: lambda s: s.receive(operator_command(c.ReviewPayment(decision=decision)))
    ),
)
OUTCOMES = st.sampled_from(
    ["succeeded", "succeeded", "declined", "refused", "requires_action", "not_executed", "unknown"]
)


def _answer(outcome: str, position: float, stale: bool) -> Word:
    def said(story: Story) -> Story:
        operations = story.state.operations
        if not operations:
            return story
        about = operations[int(position * (len(operations) - 1))]
        attempt = max(0, about.call_attempt - 1) if stale else about.call_attempt
        return story.provider(outcome, about, call_attempt=attempt)

    return said


def _judged(verdict: str, posting: str) -> Word:
    def said(story: Story) -> Story:
        reserving = [one for one in story.state.operations if one.status == "reserving"]
        if reserving:
            return story.ledger(posting, reserving[0])
        return story.verdict(verdict) if story.state.assessment else story  # type: ignore[arg-type]  # a test's word

    return said


ANSWERS = st.one_of(
    st.builds(_answer, OUTCOMES, st.floats(0, 1), st.booleans()),
    st.builds(_judged, st.sampled_from(["allow", "review", "block"]), st.sampled_from(["posted", "refused"])),
)
TIME = st.sampled_from([500, 60_000, 90_000, 3_600_000, DAY, 7 * DAY]).map(lambda ms: lambda s: s.wait(ms))
WORDS = st.lists(st.one_of(COMMANDS, ANSWERS, ANSWERS, TIME), max_size=25)
METHODS = st.sampled_from(["manual", "automatic"])


def tell(method: str, words: list[Word]) -> Story:
    story = Story().create(10_000, method)
    for word in words:
        word(story)
    return story


def is_undisputed(state: Payment) -> bool:
    return not any(operation.contradiction for operation in state.operations)


@given(METHODS, WORDS)
def test_the_state_is_the_fold_of_the_events(method: str, words: list[Word]) -> None:
    """A table can be deleted and rebuilt equal."""
    story = tell(method, words)
    assert story.state == story.history.fold()
    assert len(story.history.events) == story.state.version


@given(METHODS, WORDS)
def test_money_is_bounded(method: str, words: list[Word]) -> None:
    """Refunded never exceeds captured, captured never authorized, unless a provider did so to us."""
    state = tell(method, words).state
    if is_undisputed(state):
        assert 0 <= refunded_minor(state) <= captured_minor(state) <= authorized_minor(state)
        assert held_minor(state) >= 0


@given(METHODS, WORDS, OUTCOMES)
def test_a_result_told_twice_says_nothing_new(method: str, words: list[Word], outcome: str) -> None:
    """Duplicates of callbacks and results move no money again."""
    story = tell(method, words)
    if not story.state.operations or outcome == "not_executed":
        return
    about = story.last
    story.provider(outcome, about)
    before = story.state
    story.provider(outcome, about)
    assert before == story.state


@given(METHODS, WORDS)
def test_deadlines_move_on(method: str, words: list[Word]) -> None:
    """Time never loops: once a deadline was decided, the next one lies ahead."""
    story = tell(method, words)
    for _ in range(5):
        deadline = deadline_ms(story.state)
        if deadline is None:
            return
        now_ms = max(deadline, story.now_ms)
        story.wait(now_ms - story.now_ms)
        following = deadline_ms(story.state)
        assert following is None or following > now_ms


@given(METHODS, WORDS)
def test_whatever_is_open_is_asked_about(method: str, words: list[Word]) -> None:
    """Nothing waits for ever: every open operation has a deadline or an operator's attention."""
    for operation in tell(method, words).state.operations:
        if operation.is_open:
            assert operation.due_at_ms is not None or operation.status == "review"


@given(METHODS, WORDS, WORDS)
def test_an_answer_told_again_is_the_same(method: str, words: list[Word], later: list[Word]) -> None:
    """A repeat gets the original answer, however much happened since."""
    story = tell(method, words)
    subjects = [NO_SUBJECT, *range(len(story.state.operations))]
    first = [(at, view(story.state, at)) for at in (moment(story.state, subject) for subject in subjects)]
    for word in later:
        word(story)
    assert [answer for _, answer in first] == [view(story.state, at) for at, _ in first]


@given(METHODS, WORDS)
def test_states_and_events_survive_their_encodings(method: str, words: list[Word]) -> None:
    """What is written is what is read, in the table and on the contract topic."""
    story = tell(method, words)
    assert story.state == StateCodec(Payment).decode(msgspec.json.encode(story.state))
    codec = codec_of(topics.PAYMENTS_EVENTS)
    for event in story.history.events:
        shown = Recorded(envelope=event.envelope, body=event.body, after=after(story.state))
        assert shown == codec.decode(codec.encode(shown))


@given(METHODS, WORDS)
def test_final_statuses_hold_no_money(method: str, words: list[Word]) -> None:
    """A payment that reads voided, expired, failed or canceled must leave nothing on the customer's card."""
    state = tell(method, words).state
    gone = (PaymentStatus.VOIDED, PaymentStatus.EXPIRED, PaymentStatus.CANCELED, PaymentStatus.FAILED)
    if payment_status(state) in gone:
        assert (held_minor(state), captured_minor(state)) == (0, 0)


@given(METHODS, WORDS, COMMANDS)
@settings(max_examples=50)
def test_decisions_are_deterministic(method: str, words: list[Word], last: Word) -> None:
    """The same history decides the same, on every machine and after every restart."""
    first, second = tell(method, words), tell(method, words)
    last(first)
    last(second)
    assert first.said == second.said or isinstance(first.said, Refused | Repeated)
    assert first.state == second.state
