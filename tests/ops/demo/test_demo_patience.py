"""A client that repeats at the wrong time, or the wrong answer, makes an outage worse."""

import pytest

from ops.demo.patience import is_repeatable, pause_s


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (429, "overloaded", True),
        (503, "unavailable", True),
        (500, "internal_error", True),
        (502, None, True),
        (409, "idempotency_key_in_use", True),
        (409, "operation_in_progress", False),
        (409, "unexpected_state", False),
        (200, None, False),
        (201, None, False),
        (202, None, False),
        (400, "parameter_invalid", False),
        (402, "declined", False),
        (404, "not_found", False),
        (422, "idempotency_mismatch", False),
    ],
)
def test_only_answers_that_say_nothing_of_the_request_are_repeated(
    status: int, code: str | None, expected: bool
) -> None:
    """A decline that is repeated asks the customer's bank again; a 503 that is not loses a payment."""
    assert expected is is_repeatable(status, code)


def test_pauses_double_up_to_a_bound_and_are_spread() -> None:
    """Clients that come back together bring down what has just come up."""
    assert [0.2, 0.4, 0.8, 5.0] == [pause_s(failures, jitter=0) for failures in (1, 2, 3, 50)]
    assert [0.1, 2.5] == [pause_s(failures, jitter=1) for failures in (1, 50)]


def test_retry_after_is_the_least_pause() -> None:
    """Who is told when to come back must not come earlier."""
    assert pause_s(1, jitter=0, retry_after="3") == 3.0
    assert 3.0 < pause_s(1, jitter=1, retry_after="3") < 5.0
    assert pause_s(9, jitter=0, retry_after="1") == 5.0


@pytest.mark.parametrize("retry_after", ["", "-1", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "1e9"])
def test_a_retry_after_in_no_form_we_know_counts_as_nothing(retry_after: str) -> None:
    """A strange header must not stop a client for ever."""
    assert pause_s(1, jitter=0, retry_after=retry_after) == 0.2


def test_a_retry_after_of_hours_is_bounded() -> None:
    """A demo has a deadline; it would rather fail than sleep."""
    assert pause_s(1, jitter=0, retry_after="86400") == 30.0
