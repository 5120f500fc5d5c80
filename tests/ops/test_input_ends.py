"""A task's lag is counted from what is known, and never guessed."""

import pytest

from ops.input_ends import Ends, lag_records
from schemas import topics
from streams.engine.positions import PositionsRecord
from streams.engine.stage import TaskStatus

COMMANDS, RESULTS, TICKS = (
    topics.PAYMENTS_COMMANDS_API.name,
    topics.PSP_RESULTS.name,
    topics.CLOCK_TICKS.name,
)


def task(inputs: dict[str, int]) -> TaskStatus:
    positions = PositionsRecord(
        transaction=1, inputs=inputs, topic_ids={}, records=0, checksum=0, digest="", rows=0
    )
    return TaskStatus("payments", 1, positions, 0, 0, 0)


@pytest.mark.parametrize(
    ("inputs", "ends", "expected"),
    [
        ({COMMANDS: 5, RESULTS: 7}, {(COMMANDS, 1): 8, (RESULTS, 1): 7}, 3),
        ({COMMANDS: 5, TICKS: 0}, {(COMMANDS, 1): 5}, 0),
        ({COMMANDS: 5}, {(COMMANDS, 1): 4}, 0),
        ({COMMANDS: 5}, {(COMMANDS, 0): 9}, None),
        ({COMMANDS: 5, RESULTS: 7}, {(COMMANDS, 1): 8}, None),
    ],
)
def test_lag_is_what_is_not_committed(inputs: dict[str, int], ends: Ends, expected: int | None) -> None:
    """Ticks are waited for by nobody, and an end that is not known makes no zero."""
    assert expected == lag_records(task(inputs), ends)
