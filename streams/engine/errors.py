"""Why does a worker process end: the engine's errors, each with the exit code its supervisor sees.

EngineError
    GuardRefused        78  the log and the stored positions disagree; a person has to look
    InputsSplit         77  the inputs of one partition were assigned to different workers
    OrderBroken         76  records reached a task other than in the order of its positions
    Fenced              75  another owner has the task; restarting is right
    CommitUncertain     70  the outcome of a transaction is unknown; restarting is right
    KafkaFailed         69  Kafka refused or failed a call outside a transaction
    StepFailed          65  a defect at one record; a fix or a quarantine is needed
"""

import logging
import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NoReturn

_NO_IDS: Final[Mapping[str, str]] = MappingProxyType({})
_log = logging.getLogger(__name__)


class EngineError(Exception):
    """A reason to end the process; restart is the tested way to go on. ids: what its line in the log names."""

    exit_code = 1
    ids: Mapping[str, str] = _NO_IDS


class GuardRefused(EngineError):
    """Going on could lose or repeat records."""

    exit_code = 78


class InputsSplit(EngineError):
    """The topics of a task are not assigned together."""

    exit_code = 77


class OrderBroken(EngineError):
    """A record was repeated, skipped or reordered between the consumer and the task."""

    exit_code = 76


class Fenced(EngineError):
    """The broker refused this process as an owner that was replaced."""

    exit_code = 75


class CommitUncertain(EngineError):
    """A transaction may or may not have been committed, or its end may still be on the wire."""

    exit_code = 70


class KafkaFailed(EngineError):
    """A Kafka call that must succeed did not."""

    exit_code = 69


class StepFailed(EngineError):
    """The step raised at one record, which holds a message with these ids."""

    exit_code = 65

    def __init__(self, told: str, *, ids: Mapping[str, str] = _NO_IDS) -> None:
        super().__init__(told)
        self.ids = ids


def end_process(error: BaseException) -> NoReturn:
    """Log the reason and end the process at once: nothing may run after an error of the engine."""
    ids = error.ids if isinstance(error, EngineError) else _NO_IDS
    _log.critical("the worker ends: %s: %s", type(error).__name__, error, exc_info=error, extra=ids)
    logging.shutdown()
    os._exit(error.exit_code if isinstance(error, EngineError) else 1)
