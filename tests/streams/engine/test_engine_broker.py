"""How long is a broker asked that has just begun?"""

from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.engine.broker import Superseded, answered
from streams.engine.errors import KafkaFailed


def answering(*answers: int) -> Callable[[], int]:
    """Gives one answer after the other; a negative one is the code of an error."""
    left: Iterator[int] = iter(answers)

    def ask() -> int:
        answer = next(left)
        if answer < 0:
            raise KafkaException(KafkaError(-answer))
        return answer

    return ask


def test_a_broker_that_loads_its_groups_is_asked_again() -> None:
    ask = answering(-KafkaError.NOT_COORDINATOR, -KafkaError.COORDINATOR_LOAD_IN_PROGRESS, 7)
    assert answered(ask, "no offsets", seconds=60, is_wanted=lambda: True) == 7


def test_a_broker_without_an_answer_is_given_up() -> None:
    ask = answering(-KafkaError.NOT_COORDINATOR)
    with pytest.raises(KafkaFailed, match=r"stage x: no offsets: .*NOT_COORDINATOR"):
        answered(ask, "stage x: no offsets", seconds=-1, is_wanted=lambda: True)


def test_nobody_asks_for_an_assignment_that_has_ended() -> None:
    ask = answering(-KafkaError.NOT_COORDINATOR, 7)
    with pytest.raises(Superseded):
        answered(ask, "no offsets", seconds=60, is_wanted=lambda: False)
