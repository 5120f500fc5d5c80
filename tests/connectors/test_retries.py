"""A provider that is down must be left alone, and found again soon after it is back."""

import pytest

from connectors.retries import BreakerLimits, CircuitBreaker, backoff_ms

LIMITS = BreakerLimits(window=6, failures=3, first_cooldown_ms=100, most_cooldown_ms=350)


@pytest.mark.parametrize(("failures", "expected_ms"), [(1, 100), (2, 200), (3, 400), (4, 500), (10_000, 500)])
def test_back_off_doubles_up_to_its_bound(failures: int, expected_ms: int) -> None:
    """However long something is down, the wait stays bounded and the arithmetic cheap."""
    assert expected_ms == backoff_ms(failures, first_ms=100, most_ms=500)


def breaker_after(ends: str) -> CircuitBreaker:
    """A breaker after calls at time 0 that ended well (+) or not (-)."""
    breaker = CircuitBreaker(limits=LIMITS)
    for end in ends:
        admission = breaker.admit(0)
        assert admission == "call"
        if end == "+":
            breaker.succeeded(admission)
        else:
            breaker.failed(admission, 0)
    return breaker


@pytest.mark.parametrize(
    ("ends", "state"),
    [
        ("", "closed"),
        ("--", "closed"),
        ("---", "open"),
        ("-+-+-", "open"),
        ("--++++-", "closed"),
        ("-+++++--", "closed"),
        ("++++++---", "open"),
    ],
)
def test_it_opens_when_too_many_of_the_last_calls_failed(ends: str, state: str) -> None:
    """Failures in a row and a bad ratio both open it; old failures are forgotten."""
    assert state == breaker_after(ends).state


def test_open_it_admits_one_probe_after_the_cool_down() -> None:
    """A provider that is coming back must not be met by everything that waits."""
    breaker = breaker_after("---")
    assert [None, None, "probe", None] == [breaker.admit(at_ms) for at_ms in (0, 99, 100, 100)]
    assert breaker.state == "probing"


def test_a_probe_that_succeeds_closes_it_with_a_clean_record() -> None:
    """The failures that opened it must not open it again."""
    breaker = breaker_after("---")
    probe = breaker.admit(100)
    assert probe == "probe"
    breaker.succeeded(probe)
    for _ in range(2):
        breaker.failed("call", 100)
    assert breaker.state == "closed"


def test_every_failed_probe_doubles_the_cool_down_up_to_its_bound() -> None:
    """A long outage is probed seldom, but never given up."""
    breaker, now_ms, waits_ms = breaker_after("---"), 0, []
    for _ in range(4):
        begun_ms = now_ms
        while (probe := breaker.admit(now_ms)) is None:
            now_ms += 1
        waits_ms.append(now_ms - begun_ms)
        breaker.failed(probe, now_ms)
    assert [100, 200, 350, 350] == waits_ms


def test_calls_admitted_before_it_opened_do_not_move_it() -> None:
    """An answer to an old call says nothing about the provider now, and is no probe."""
    breaker = breaker_after("---")
    breaker.succeeded("call")
    assert breaker.state == "open"
    probe = breaker.admit(100)
    assert probe == "probe"
    breaker.failed("call", 100)
    assert breaker.state == "probing"
    breaker.succeeded(probe)
    assert breaker.state == "closed"
