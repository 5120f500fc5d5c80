"""When is a message tried again, and on which delay topics does it wait until then?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.webhooks.schedule import RetrySchedule, schedule_of
from connectors.webhooks.tiers import LONGEST_MS, SHORTEST_MS, TIERS_MS, looked_at_ms, tier_for
from schemas.settings import Settings, SettingsError

STANDARD = schedule_of(Settings().webhooks_retry_delays_ms)
DELAYS = [int(part) for part in Settings().webhooks_retry_delays_ms.split(",")]
MINUTE = 60_000


def test_the_standard_schedule_is_that_of_the_standard() -> None:
    """Ten attempts over more than three days."""
    assert 9 == len(DELAYS)
    assert 75 * 60 * MINUTE + 35 * MINUTE + 5_000 == sum(DELAYS)


@given(st.integers(1, 9), st.text(max_size=30))
def test_a_tenth_is_added_at_most(attempt: int, message_id: str) -> None:
    """Never early, and the same for every repeat of the attempt."""
    delay = STANDARD.delay_ms(message_id, attempt)
    assert delay is not None and delay == STANDARD.delay_ms(message_id, attempt)
    base = DELAYS[attempt - 1]
    assert base <= delay <= base + base // 10


def test_what_fails_together_does_not_come_back_together() -> None:
    """The next attempts of a hundred messages are spread."""
    assert 50 < len({STANDARD.delay_ms(f"msg_{number}", 2) for number in range(100)})


def test_after_the_last_delay_there_is_no_more() -> None:
    """A message is exhausted, not tried for ever."""
    assert STANDARD.delay_ms("msg_1", 10) is None
    assert RetrySchedule(()).delay_ms("msg_1", 1) is None


@pytest.mark.parametrize(
    ("asked_ms", "least", "most"),
    [(None, 1000, 1100), (0, 1000, 1100), (1_500, 1500, 1500), (999_999, 2000, 2000)],
)
def test_retry_after_is_honoured_within_bounds(asked_ms: int | None, least: int, most: int) -> None:
    """A receiver may slow us down, neither hurry us nor stop us."""
    delay = RetrySchedule((1_000,)).delay_ms("msg_1", 1, retry_after_ms=asked_ms)
    assert delay is not None and least <= delay <= most


@pytest.mark.parametrize("text", ["5s", "1,,2", "-1", "1;2"])
def test_a_bad_schedule_is_refused_by_name(text: str) -> None:
    """A process that starts with half a schedule would lose messages later."""
    with pytest.raises(SettingsError, match="MILLRACE_WEBHOOKS_RETRY_DELAYS_MS"):
        schedule_of(text)


def waited(due_in_ms: int, *, late_ms: int = 250) -> tuple[int, int]:
    """How late a message that is due in so long is sent, and in how many turns; each turn ends late."""
    now_ms, turns = 0, 0
    while now_ms < due_in_ms:
        tier_ms = tier_for(due_in_ms - now_ms)
        at_ms = looked_at_ms(written_at_ms=now_ms, tier_ms=tier_ms, due_at_ms=due_in_ms)
        now_ms, turns = max(at_ms, now_ms) + late_ms, turns + 1
    return now_ms - due_in_ms, turns


@given(st.integers(1, 100 * 60 * MINUTE))
def test_a_message_is_never_early_and_hardly_late(due_in_ms: int) -> None:
    """However its time is put together from the few delays there are."""
    late_ms, _ = waited(due_in_ms)
    assert 0 <= late_ms <= 250 + LONGEST_MS // 10


@given(st.integers(1, 9), st.integers(0, 1000))
def test_the_schedule_takes_few_turns(attempt: int, number: int) -> None:
    """Every turn is a record read and written; sixty of them a message would be a storm."""
    delay = STANDARD.delay_ms(f"msg_{number}", attempt)
    assert delay is not None
    assert waited(delay)[1] <= 24


@given(st.sampled_from(TIERS_MS), st.integers(0, 10 * LONGEST_MS))
def test_the_head_is_looked_at_when_its_delay_is_over_or_soon_after(tier_ms: int, due_at_ms: int) -> None:
    """A head that waits longer would hold up everything behind it."""
    at_ms = looked_at_ms(written_at_ms=0, tier_ms=tier_ms, due_at_ms=due_at_ms)
    assert at_ms <= tier_ms + max(SHORTEST_MS, tier_ms // 10)
    assert at_ms >= min(due_at_ms, tier_ms)
