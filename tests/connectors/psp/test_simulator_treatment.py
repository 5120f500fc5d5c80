"""Are keys recognised, and do tokens and drawn faults disturb calls as they say?"""

import pytest
from msgspec.structs import replace

from connectors.psp.simulator.book import Book
from connectors.psp.simulator.entries import Attempt, Operation
from connectors.psp.simulator.faults import Conduct, Rates, callback_delays_s, conduct_of, shows
from connectors.psp.simulator.problems import Problem
from connectors.psp.simulator.requests import OperationRequest, PaymentMethod
from connectors.psp.simulator.rules import Terms
from connectors.psp.simulator.tokens import TEST_TOKENS, Behaviour, behaviour_of
from connectors.psp.simulator.treatment import Delivery, Treatment, treat

NOW_MS = 1_750_000_000_000
STEADY = Conduct()


def sale(token: str = "tok_visa", payment_reference: str = "pay_1") -> OperationRequest:
    return OperationRequest(
        operation="sale",
        payment_reference=payment_reference,
        amount_minor=1000,
        currency="EUR",
        payment_method=PaymentMethod(type="card", token=token),
    )


def call(
    book: Book, request: OperationRequest, *, key: str, conduct: Conduct = STEADY, now_ms: int = NOW_MS
) -> Treatment:
    """Treat a call and write what it enters, as the provider does."""
    treatment = treat(book, request, key=key, now_ms=now_ms, conduct=conduct, terms=Terms())
    if treatment.entry is not None:
        book.apply(treatment.entry)
    return treatment


def effects(book: Book) -> int:
    return sum(operation.status == "succeeded" for operation in book.operations(None))


def always(**rates: float) -> Conduct:
    return Conduct(rates=Rates(**rates))


def test_a_known_key_acts_once() -> None:
    """A repeated call is the ordinary answer to a lost one."""
    book = Book()
    first, second = call(book, sale(), key="k"), call(book, sale(), key="k")
    assert (first.answer, True, None) == (second.answer, second.is_replay, second.entry)
    assert effects(book) == 1


def test_a_known_key_with_another_body_is_refused_and_states_nothing() -> None:
    """The first body may have been executed, so the refusal must not say that nothing was."""
    book = Book()
    call(book, sale(), key="k")
    other = call(book, replace(sale(), amount_minor=999), key="k").answer
    assert isinstance(other, Problem)
    assert (other.http_status, other.code, other.executed) == (409, "idempotency_key_reused", None)


@pytest.mark.parametrize(
    ("memory_s", "waited_ms", "effect_count"),
    [(0, 0, 2), (10, 9_999, 1), (10, 10_000, 2), (86_400, 10_000, 1)],
)
def test_a_forgotten_key_acts_again(memory_s: float, waited_ms: int, effect_count: int) -> None:
    """A blind retry must show in the book even under its old key."""
    book, conduct = Book(), Conduct(key_memory_s=memory_s)
    call(book, sale(), key="k", conduct=conduct)
    call(book, sale(), key="k", conduct=conduct, now_ms=NOW_MS + waited_ms)
    assert effect_count == effects(book)
    assert book.latest_under("k") is not None


def test_timeout_then_success_acts_and_never_answers() -> None:
    """The outcome exists and the caller does not know: only a query tells."""
    book = Book()
    treatment = call(book, sale("tok_psp_timeout_then_success"), key="k")
    assert (treatment.delivery, effects(book)) == (Delivery.NEVER, 1)
    assert call(book, sale("tok_psp_timeout_then_success"), key="k").is_replay


def test_timeout_then_nothing_hangs_under_the_first_key_only() -> None:
    """A caller who proved that nothing happened and tries anew succeeds; one who repeats blindly does not."""
    book, request = Book(), sale("tok_psp_timeout_then_nothing")
    assert call(book, request, key="first").delivery is Delivery.NEVER
    assert call(book, request, key="first").delivery is Delivery.NEVER
    assert effects(book) == 0
    assert book.latest_under("first") is None
    assert call(book, request, key="second").delivery is Delivery.AT_ONCE
    assert effects(book) == 1
    other_payment = sale("tok_psp_timeout_then_nothing", payment_reference="pay_2")
    assert call(book, other_payment, key="third").delivery is Delivery.NEVER


@pytest.mark.parametrize("keys", [("a", "a", "a"), ("a", "b", "c")])
def test_5xx_twice_acts_on_the_third_call(keys: tuple[str, str, str]) -> None:
    """The error states that nothing was done, so repeating is right whatever the key."""
    book, request = Book(), sale("tok_psp_5xx_twice")
    answers = [call(book, request, key=key).answer for key in keys]
    for refusal in answers[:2]:
        assert isinstance(refusal, Problem)
        assert (refusal.http_status, refusal.executed) == (503, False)
    assert isinstance(answers[2], Operation)
    assert effects(book) == 1


def test_slow_acts_before_it_answers() -> None:
    """A slow answer is no reason to doubt the effect."""
    book = Book()
    assert call(book, sale("tok_psp_slow"), key="k").delivery is Delivery.SLOWLY
    assert effects(book) == 1


@pytest.mark.parametrize(
    ("fault", "delivery", "http_status", "executed", "effect_count"),
    [
        ("timeout_before", Delivery.NEVER, None, None, 0),
        ("timeout_after", Delivery.NEVER, None, None, 1),
        ("error_5xx_before", Delivery.AT_ONCE, 503, False, 0),
        ("error_5xx_after", Delivery.AT_ONCE, 500, None, 1),
        ("slow", Delivery.SLOWLY, None, None, 1),
    ],
)
def test_each_fault_does_what_its_name_says(
    fault: str, delivery: Delivery, http_status: int | None, executed: bool | None, effect_count: int
) -> None:
    """An error may claim that nothing was done only where nothing was."""
    book = Book()
    treatment = call(book, sale(), key="k", conduct=always(**{fault: 1.0}))
    assert delivery is treatment.delivery
    if http_status is not None:
        assert isinstance(treatment.answer, Problem)
        assert (http_status, executed) == (treatment.answer.http_status, treatment.answer.executed)
    assert effect_count == effects(book)
    assert (effect_count == 0) == isinstance(treatment.entry, Attempt)


def test_a_wrong_amount_is_really_done() -> None:
    """Answer, query and book agree with each other and differ from the request; a repeat is still known."""
    book, conduct = Book(), always(wrong_amount=1.0)
    answer = call(book, sale(), key="k", conduct=conduct).answer
    assert isinstance(answer, Operation)
    assert answer.amount_minor == 999
    assert book.summary("pay_1", NOW_MS).captured_minor == 999
    assert call(book, sale(), key="k", conduct=conduct).is_replay


def test_draws_are_reproducible_and_near_their_rate() -> None:
    """A run that found something must be repeatable from its seed."""
    conduct = always(timeout_after=0.3)
    drawn = [shows("timeout_after", conduct, key=f"k{number}", call=0) for number in range(2_000)]
    again = [shows("timeout_after", conduct, key=f"k{number}", call=0) for number in range(2_000)]
    other = replace(conduct, seed=1)
    assert drawn == again
    assert 500 < sum(drawn) < 700
    assert drawn != [shows("timeout_after", other, key=f"k{number}", call=0) for number in range(2_000)]


def test_a_repeat_draws_anew() -> None:
    """A caller told that nothing was done may repeat its key and must get through some time."""
    book, conduct = Book(), always(error_5xx_before=0.5)
    calls = 0
    while effects(book) == 0:
        call(book, sale(), key="k", conduct=conduct)
        calls += 1
        assert calls < 50
    assert calls == book.calls_under("k")


def test_callbacks_are_duplicated_and_late() -> None:
    """Receivers must bear both, also at once."""
    conduct = replace(always(duplicate_callback=1.0, late_callback=1.0), late_callback_s=7.0)
    assert callback_delays_s(conduct, key="k", call=1) == (7.0, 7.0)
    assert callback_delays_s(STEADY, key="k", call=1) == (0.0,)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b'{"rates": {"timeout_befor": 0.1}}', "rates.timeout_befor"),
        (b'{"rates": {"slow": 1.1}}', "rates.slow"),
        (b'{"rates": {"slow": "often"}}', "rates.slow"),
        (b'{"hang_ms": 1}', "hang_ms"),
        (b'{"hang_s": -1}', "hang_s"),
        (b'{"seed": 1.5}', "seed"),
        (b"[]", None),
        (b"{", None),
        (b"\xff", None),
    ],
)
def test_unknown_or_bad_conduct_is_refused_by_name(body: bytes, param: str | None) -> None:
    """A misspelt fault would otherwise test nothing, silently."""
    problem = conduct_of(body, STEADY)
    assert isinstance(problem, Problem)
    assert (400, param) == (problem.http_status, problem.param)


def test_conduct_left_out_is_as_at_the_start() -> None:
    """An empty document ends all faults; a partial one keeps what the provider was started with."""
    standard = Conduct(key_memory_s=0, hang_s=1)
    assert standard == conduct_of(b"{}", standard)
    asked = conduct_of(b'{"rates": {"slow": 0.5}, "seed": 3}', standard)
    assert replace(standard, rates=Rates(slow=0.5), seed=3) == asked


def test_every_behaviour_has_a_token() -> None:
    """What the provider can do must be reachable, and every listed token must be explained."""
    assert set(Behaviour) == {known.behaviour for known in TEST_TOKENS}
    assert all(known.meaning.endswith(".") and known.token.startswith("tok_") for known in TEST_TOKENS)
    assert len(TEST_TOKENS) == len({known.token for known in TEST_TOKENS})
    assert behaviour_of(None) is Behaviour.SUCCEED
