"""What does a waiting caller get when the write, the reply and the clock come in any order?"""

import asyncio

import pytest
from confluent_kafka import KafkaError

from api.problems import Problem
from api.replies import Waiting
from schemas.api import Reply
from schemas.outcomes import Outcome

REPLY = Reply(request_id="req_1", command_id="cmd_1", outcome=Outcome.CREATED.value.number)


async def test_a_written_command_without_result_is_pending() -> None:
    """The caller may poll, because the command cannot be lost any more."""
    waiting = Waiting(asyncio.get_running_loop())
    waiting.on_delivered(None)
    waiting.on_expired()
    assert await waiting.result is None


async def test_a_command_that_may_not_be_written_is_unavailable() -> None:
    """A 202 would promise what may have been lost."""
    for happens in (Waiting.on_expired, lambda one: one.on_delivered(KafkaError(KafkaError._MSG_TIMED_OUT))):
        waiting = Waiting(asyncio.get_running_loop())
        happens(waiting)
        with pytest.raises(Problem) as caught:
            await waiting.result
        assert Outcome.UNAVAILABLE is caught.value.outcome


async def test_the_first_word_counts() -> None:
    """A reply that comes before its delivery report, or twice, answers once."""
    waiting = Waiting(asyncio.get_running_loop())
    waiting.on_reply(REPLY)
    waiting.on_reply(REPLY)
    waiting.on_delivered(None)
    waiting.on_expired()
    assert REPLY == await waiting.result
