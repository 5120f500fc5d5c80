"""Laws of risk: windows equal their recomputation, decisions are folds, and no order changes a verdict."""

from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ops.verify.risk_features import LookedUp, expected_features
from schemas.envelope import Message
from schemas.risk import (
    AssessPayment,
    EntityFeatures,
    EntityObserved,
    Features,
    LookUpEntity,
    RiskDecided,
    RiskEntity,
    Rule,
    RulesDeployed,
)
from schemas.settings import Settings
from schemas.testing import PAYMENT_KEY, START_MS, envelope
from streams.core import Again, Send
from streams.risk.app import bound_to
from streams.risk.rules import FIELDS, TEXT_FIELDS, evaluate
from streams.risk.state import DECISIONS_KEPT, UNASKED_KEPT, Assessments
from streams.risk.testing import DUE_MS, ENTITIES, gathered, request, rule
from streams.table import StateCodec
from streams.testing import History
from streams.windows.app import windows
from streams.windows.decider import EntityWindows
from streams.windows.windows import DAY_MS, HOUR_MS, MINUTE_MS, REMEMBERED

CARD = ENTITIES[0]
EDGES = [0, 1, MINUTE_MS, 10 * MINUTE_MS, HOUR_MS, DAY_MS]
TIMES = st.one_of(
    st.builds(
        lambda edges, nudge: START_MS + sum(edges) + nudge,
        st.lists(st.sampled_from(EDGES), max_size=3),
        st.integers(-1, 1),
    ),
    st.integers(START_MS, START_MS + 3 * DAY_MS),
)
ATTEMPTS = st.builds(
    LookedUp,
    entity_key=st.just(CARD.key),
    at_ms=TIMES,
    assessment_id=st.integers(1, 40).map(lambda number: f"asm_{number}"),
    card_key=st.sampled_from(["card_a", "card_b", "card_c"]),
    amount_minor=st.integers(1, 10_000),
    currency=st.sampled_from(["USD", "JPY"]),
)


def drawn(chance: Random, at_ms: int, *, ids: int) -> LookedUp:
    """An attempt by chance; of few ids some come again."""
    return LookedUp(
        entity_key=CARD.key,
        at_ms=at_ms,
        assessment_id=f"asm_{chance.randrange(ids)}",
        card_key=chance.choice(["card_a", "card_b", "card_c"]),
        amount_minor=chance.randrange(1, 10_000),
        currency=chance.choice(["USD", "JPY"]),
    )


def lookup(attempt: LookedUp) -> Message[LookUpEntity]:
    body = LookUpEntity(
        assessment_id=attempt.assessment_id,
        payment_key=PAYMENT_KEY,
        entity=RiskEntity(kind="card", key=attempt.entity_key),
        card_key=attempt.card_key,
        amount_minor=attempt.amount_minor,
        currency=attempt.currency,
    )
    return Message(envelope=envelope(f"lookup-{attempt.assessment_id}", at_ms=attempt.at_ms), body=body)


def told(attempts: Sequence[LookedUp]) -> tuple[list[Features], History[EntityWindows]]:
    """The features each attempt is told by the stage's decider."""
    history = History(windows(Settings()).decider, CARD.key)
    found: list[Features] = []
    for attempt in attempts:
        decision = history.receive(lookup(attempt))
        if isinstance(decision, Again):
            (again,) = decision.effects
            assert isinstance(again.body, EntityFeatures)
            found.append(again.body.features)
        else:
            assert not isinstance(decision, tuple) or isinstance(decision[0], EntityObserved)
            found.append(history.events[-1].body.features)
    return found, history


@given(st.lists(ATTEMPTS, max_size=25))
def test_windows_equal_their_recomputation(attempts: list[LookedUp]) -> None:
    """Duplicates, late ones and all: other code that knows only the definition counts the same."""
    assert told(attempts)[0] == list(expected_features(attempts))


def test_thousands_of_windows_equal_their_recomputation() -> None:
    """Short histories on the edges of the windows, where a mistake of one millisecond shows."""
    for seed in range(3_000):
        chance = Random(seed)
        attempts = [
            drawn(chance, START_MS + sum(chance.choices(EDGES, k=3)) + chance.randint(-1, 1), ids=12)
            for _ in range(chance.randrange(16))
        ]
        assert told(attempts)[0] == list(expected_features(attempts)), seed


def test_busy_windows_equal_their_recomputation() -> None:
    """Beyond what is remembered too: what is forgotten, by number and by age, and what is said of it."""
    saturated = 0
    for seed in range(24):
        chance = Random(seed)
        span_ms = chance.choice([200, HOUR_MS, 2 * DAY_MS])
        pace_ms = chance.choice([0, 1_000, HOUR_MS // 4])
        attempts = [
            drawn(chance, START_MS + number * pace_ms + chance.randrange(span_ms), ids=number + 2)
            for number in range(260)
        ]
        found = told(attempts)[0]
        assert found == list(expected_features(attempts)), seed
        saturated += sum(one.is_saturated for one in found)
    assert saturated > 500


@given(st.lists(ATTEMPTS, max_size=25))
def test_windows_are_folds_of_what_was_observed(attempts: list[LookedUp]) -> None:
    """A table can be deleted and rebuilt equal, and read back as it was written."""
    _, history = told(attempts)
    assert history.state == history.fold()
    if history.state is not None:
        assert history.state == StateCodec(EntityWindows).decode(msgspec.json.encode(history.state))
        assert len(history.events) == history.state.version


@given(st.lists(ATTEMPTS, min_size=1, max_size=25))
def test_a_repeat_is_told_the_same_and_moves_nothing(attempts: list[LookedUp]) -> None:
    """As long as it is remembered; the last one is, unless 128 later ones are."""
    found, history = told(attempts)
    before = history.state
    decision = history.receive(lookup(attempts[-1]))
    assert isinstance(decision, Again)
    assert [found[-1]] == [effect.body.features for effect in decision.effects]  # type: ignore[attr-defined]  # a body of features
    assert before == history.state


@given(st.lists(ATTEMPTS, max_size=30), ATTEMPTS, ATTEMPTS)
def test_one_more_attempt_never_lowers_a_count(
    attempts: list[LookedUp], more: LookedUp, asked: LookedUp
) -> None:
    """Nobody gets below a limit by trying again."""
    assume(more.at_ms <= asked.at_ms)
    assume(all(one.at_ms > more.at_ms - DAY_MS for one in attempts))
    one, another = (f"asm_more_{n}" for n in range(2))
    _, before = told(attempts)
    _, after = told([*attempts, more._replace(assessment_id=one)])
    final = asked._replace(assessment_id=another)
    fewer, rest = (history.receive(lookup(final))[0].features for history in (before, after))  # type: ignore[index]  # both are counted
    for name in Features.__struct_fields__:
        assert getattr(fewer, name) <= getattr(rest, name), name


@given(st.lists(ATTEMPTS, max_size=25))
def test_windows_contain_each_other(attempts: list[LookedUp]) -> None:
    """The longer window holds what the shorter one does, and never more cards than attempts."""
    for one in told(attempts)[0]:
        assert 1 <= one.attempts_1m <= one.attempts_10m <= one.attempts_1h <= one.attempts_24h <= REMEMBERED
        assert 1 <= one.cards_1h <= one.cards_24h
        assert one.cards_1h <= one.attempts_1h
        assert one.cards_24h <= one.attempts_24h


NUMBERS = [name for name in FIELDS if name not in TEXT_FIELDS]
CONDITIONS = st.one_of(
    st.tuples(
        st.sampled_from(NUMBERS), st.sampled_from(["ge", "gt", "le", "lt", "eq", "ne"]), st.integers(0, 6)
    ),
    st.tuples(
        st.sampled_from(FIELDS),
        st.sampled_from(["ge", "eq", "ne"]),
        st.one_of(st.integers(0, 6), st.sampled_from(["USD", "JPY", ""])),
    ),
)
RULES = st.lists(
    st.builds(
        lambda name, when, verdict: rule(f"rule_{name}", *when, verdict=verdict),
        st.integers(0, 99),
        st.lists(CONDITIONS, min_size=1, max_size=3),
        st.sampled_from(["allow", "review", "block"]),
    ),
    max_size=6,
)
COUNTS = st.integers(0, 6)
FEATURES = st.builds(
    lambda *counts: dict(zip(Features.__struct_fields__[:7], counts, strict=True)), *[COUNTS] * 7
)
ATTEMPT_NUMBERS = st.integers(1, 4)
SAID = st.one_of(
    st.builds(
        lambda attempt, entities, due: request(attempt, entities=tuple(entities), due_at_ms=DUE_MS + due),
        ATTEMPT_NUMBERS,
        st.lists(st.sampled_from(ENTITIES), max_size=4, unique=True),
        st.integers(0, 3),
    ),
    st.builds(
        lambda entity, attempt, counts: gathered(entity, attempt, **counts),
        st.sampled_from(ENTITIES),
        ATTEMPT_NUMBERS,
        FEATURES,
    ),
    st.integers(0, 5).map(lambda later: DUE_MS + later),
)
HISTORIES = st.lists(SAID, max_size=20)


def deployed(rules: Sequence[Rule]) -> RulesDeployed:
    return RulesDeployed(ruleset_id="any", rules=tuple(rules), deployed_by="ada", reason="a law")


def play(rules: Sequence[Rule], said: Sequence[Message[Any] | int]) -> History[Assessments]:
    """A number is time that passes, if there is anything it passes for."""
    history = History(bound_to(deployed(rules)), PAYMENT_KEY)
    for one in said:
        if not isinstance(one, int):
            history.receive(one)
        elif history.state is not None:
            history.elapse(one)
    return history


def decisions(history: History[Assessments]) -> list[RiskDecided]:
    return [event.body for event in history.events if isinstance(event.body, RiskDecided)]


@given(RULES, HISTORIES)
def test_assessments_are_folds_and_deterministic(rules: list[Rule], said: list[Any]) -> None:
    """Whatever comes in whatever order: no error, equal folds, the same again."""
    history, again = play(rules, said), play(rules, said)
    assert history.state == history.fold() == again.state
    assert history.events == again.events
    if history.state is not None:
        assert history.state == StateCodec(Assessments).decode(msgspec.json.encode(history.state))
        assert len(history.events) == history.state.version


@given(RULES, HISTORIES)
def test_an_assessment_is_decided_once(rules: list[Rule], said: list[Any]) -> None:
    """And once its deadline has come none is open that was asked for."""
    history = play(rules, [*said, DUE_MS + 10])
    made = [decided.assessment_id for decided in decisions(history)]
    assert len(made) == len(set(made))
    asked = {one.body.assessment_id for one in said if isinstance(getattr(one, "body", None), AssessPayment)}
    assert asked == set(made)
    if history.state is not None:
        assert len(history.state.open) <= UNASKED_KEPT
        assert len(history.state.decided) <= DECISIONS_KEPT
        assert all(one.request is None for one in history.state.open)


@given(RULES, HISTORIES, SAID)
def test_a_repeat_moves_nothing(rules: list[Rule], said: list[Any], last: Any) -> None:
    """Whoever repeats a message of a decided or open assessment changes nothing; a request is told again."""
    history = play(rules, [*said, last])
    before = history.state
    if isinstance(last, int):
        assert before is None or () == history.elapse(last)
    else:
        decision = history.receive(last)
        decided = {one.assessment_id: one for one in decisions(history)}
        if isinstance(last.body, AssessPayment) and last.body.assessment_id in decided:
            assert isinstance(decision, Again)
            (told_again,) = decision.effects
            assert isinstance(told_again, Send)
            assert decided[last.body.assessment_id] == told_again.body
        else:
            assert () == decision
    assert before == history.state


@given(RULES, st.permutations(range(5)), st.lists(FEATURES, min_size=4, max_size=4))
@example([], [4, 3, 2, 1, 0], [{}] * 4)
def test_the_order_in_which_things_come_is_irrelevant(
    rules: list[Rule], order: list[int], counts: list[dict[str, int]]
) -> None:
    """Topics are not read in step; the verdict and its record are the same all the same."""
    said: list[Message[Any]] = [
        *(gathered(entity, **one) for entity, one in zip(ENTITIES, counts, strict=True)),
        request(),
    ]
    (expected,) = decisions(play(rules, said))
    (found,) = decisions(play(rules, [said[place] for place in order]))
    assert expected == found


@given(RULES, FEATURES, st.sampled_from(ENTITIES))
def test_less_is_known_less_matches(rules: list[Rule], counts: dict[str, int], entity: RiskEntity) -> None:
    """A single rule that matches without a feature matches with it: absence fulfils nothing."""
    known = {f"{entity.kind}.{name}": value for name, value in counts.items()}
    for one in rules:
        if evaluate([one], {"amount_minor": 3, "currency": "USD"}).rule is not None:
            assert evaluate([one], {"amount_minor": 3, "currency": "USD", **known}).rule == one.name
