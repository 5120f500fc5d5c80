"""What the windows hold: half-open in event time, distinct cards, the attempt's currency, saturation."""

from typing import Any

import pytest

from schemas.risk import Features
from schemas.testing import START_MS
from streams.windows.windows import DAY_MS, HOUR_MS, MINUTE_MS, Attempt, Memory, features_at, remember, short


def attempt(ago_ms: int = 0, card: str = "visa", amount: int = 100, currency: str = "USD") -> Attempt:
    return Attempt(START_MS - ago_ms, f"a{ago_ms}", card, amount, currency)


def memory(*attempts: Attempt) -> Memory:
    """What is remembered after these came, in this order."""
    known = Memory()
    for one in attempts:
        known = remember(known, one)
    return known


def check(given: list[Attempt], when: Attempt, **expected: Any) -> None:
    """The features that are named are as expected."""
    found = features_at(memory(*given), when)
    assert expected == {name: getattr(found, name) for name in expected}


def test_the_first_attempt_counts_itself() -> None:
    """A rule that asks for one attempt matches at the first."""
    expected = Features(
        attempts_1m=1,
        attempts_10m=1,
        attempts_1h=1,
        attempts_24h=1,
        cards_1h=1,
        cards_24h=1,
        amount_24h_minor=100,
    )
    assert expected == features_at(Memory(), attempt())


@pytest.mark.parametrize(
    ("window", "length_ms"),
    [
        ("attempts_1m", MINUTE_MS),
        ("attempts_10m", 10 * MINUTE_MS),
        ("attempts_1h", HOUR_MS),
        ("attempts_24h", DAY_MS),
    ],
)
def test_windows_are_half_open(window: str, length_ms: int) -> None:
    """(t - window, t]: an attempt is in as many successive windows as it should be, and in no more."""
    check([attempt(length_ms)], attempt(), **{window: 1})
    check([attempt(length_ms - 1)], attempt(), **{window: 2})
    check([attempt(0)], attempt(), **{window: 2})
    check([attempt(-1)], attempt(), **{window: 1})


def test_cards_are_counted_once() -> None:
    """A person who retries one card is no card tester."""
    others = [attempt(3 * HOUR_MS, "old"), attempt(3, "visa"), attempt(2, "amex"), attempt(1, "amex")]
    check(others, attempt(), cards_1h=2, cards_24h=3, attempts_24h=5)


def test_only_the_currency_of_the_attempt_is_added_up() -> None:
    """A sum over currencies means nothing."""
    others = [attempt(2, amount=5), attempt(1, amount=70, currency="JPY")]
    check(others, attempt(amount=100), amount_24h_minor=105)
    check(others, attempt(amount=100, currency="JPY"), amount_24h_minor=170)


def test_a_late_attempt_counts_what_it_would_have_counted_in_time() -> None:
    """Topics are not read in step, so an attempt may come after later ones."""
    others = [attempt(2 * HOUR_MS), attempt(5_000, "late"), attempt(0, "later")]
    check(others, attempt(4_000), attempts_1m=2, attempts_24h=3, cards_24h=2)


def test_the_latest_128_are_remembered_and_more_is_said() -> None:
    """A busy address must not make a row without bound, and a rule may know that counts are cut."""
    busy = [attempt(1_000 - number) for number in range(127)]
    check(busy, attempt(), attempts_24h=128, is_saturated=False)
    check([*busy, attempt(1)], attempt(), attempts_24h=128, is_saturated=True)
    check([*busy, attempt(1)], attempt(-DAY_MS), attempts_24h=1, is_saturated=False)
    assert 128 == len(memory(*busy, *busy, *busy).attempts)


def test_an_attempt_older_than_everything_remembered_counts_itself() -> None:
    """It is told that there may be more, because nothing of its time is remembered."""
    busy = [attempt(number) for number in range(128)]
    check(busy, attempt(1_000), attempts_1m=1, attempts_24h=1, is_saturated=True)
    assert 128 == len(memory(*busy, attempt(1_000)).attempts)


def test_what_is_a_day_older_is_forgotten() -> None:
    """A card that is used once a month has a small row."""
    assert 1 == len(memory(attempt(3 * DAY_MS), attempt(2 * DAY_MS), attempt(DAY_MS), attempt()).attempts)


def test_an_attempt_of_the_far_future_does_not_blind_an_entity() -> None:
    """One wrong clock must not hide a card tester for as long as it was wrong."""
    known = memory(attempt(1), attempt(-30 * DAY_MS), attempt(0), attempt(0))
    found = features_at(known, attempt(0))
    assert (3, True) == (found.attempts_1m, found.is_saturated)


def test_shortened_ids_keep_what_tells_them_apart() -> None:
    """Attempts of one payment differ at their end, payments in their hash."""
    first, second = (f"asm_00{'0' * 23}a{attempt:02d}" for attempt in (1, 2))
    assert short(first) != short(second)
    assert 12 == len(short(first))
