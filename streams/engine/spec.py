"""What is a stage to the engine: a step bound to topic names, and the names derived from it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from streams.ports import Step


class Quarantined(NamedTuple):
    """One input record that must never reach the step."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One input topic. Skippable: a position below the low end moves up instead of stopping the task."""

    topic: str
    is_skippable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """The broadcast topic of records set aside. `decode` returns None for what concerns other stages."""

    topic: str
    decode: Callable[[bytes], Quarantined | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSpec:
    """One stage: its inputs (broadcast ones included, all of one partition count), its table, its step.

    new_step makes the step of one task; a step may remember what it can find again in its table.
    """

    name: str
    version: int
    inputs: tuple[Input, ...]
    changelog: str
    new_step: Callable[[], Step]
    quarantine: Quarantine | None = None

    def __post_init__(self) -> None:
        assert self.inputs, f"{self.name}: a stage without inputs never runs"
        names = self.input_topics
        assert len(set(names)) == len(names), f"{self.name}: an input is named twice"
        assert self.changelog not in names, f"{self.name}: the changelog is no input"

    @property
    def group(self) -> str:
        """The consumer group that distributes the partitions."""
        return f"millrace.{self.name}.v{self.version}"

    @property
    def input_topics(self) -> tuple[str, ...]:
        """Names of all inputs, in the order given."""
        return tuple(one.topic for one in self.inputs)

    @property
    def skippable(self) -> frozenset[str]:
        """The inputs whose deleted records nobody misses."""
        return frozenset(one.topic for one in self.inputs if one.is_skippable)

    def transactional_id(self, partition: int) -> str:
        """What the broker fences the owner of a task by; also the name of the task."""
        return f"{self.group}.{partition}"
