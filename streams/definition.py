"""What is a stage: a decider bound to its topics, and how its records are read and written?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from schemas import topics
from schemas.codec import codec_of
from schemas.envelope import Body, Message, Recorded
from schemas.platform import Tick
from schemas.topics import Topic
from streams.core import Decider
from streams.ports import Output, View
from streams.table import Aggregate, States

S = TypeVar("S", bound=Aggregate)

Reader = Callable[[bytes | None], Message[Any]]
"""The message in a record's value. Raises CorruptMessage or NewerVersion."""


class EventLog(Protocol):
    """How the events of a stage are put on record.

    stamped  the event's body with what only its place in the log gives it, its partition of the log
             included; before it is folded
    write    the record, on that partition, of an event of the aggregate under this key
    """

    def stamped(self, view: View, partition: int, body: Any) -> Any: ...
    def write(self, view: View, partition: int, key: str, event: Recorded[Any, Any]) -> Output: ...


def registered_reader(topic: Topic) -> Reader:
    """Read a topic as the registry says."""
    return codec_of(topic).decode


class RegisteredLog:
    """Writes events as the registry says, on the partition of their aggregate."""

    def __init__(self, topic: Topic) -> None:
        self._name, self._encode = topic.name, codec_of(topic).encode

    def stamped(self, view: View, partition: int, body: Any) -> Any:
        """The body as it is."""
        return body

    def write(self, view: View, partition: int, key: str, event: Recorded[Any, Any]) -> Output:
        """The event under its aggregate's key."""
        return Output(self._name, key.encode(), self._encode(event))


class Reference(NamedTuple):
    """What every task is told alike, such as rules: a broadcast topic whose last message decides with.

    bind: the decider that decides with the body of that message, or with `initial` before there is one.
    """

    topic: Topic
    initial: Body
    bind: Callable[[Any], Decider[Any, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageDefinition(Generic[S]):
    """A decider bound to its topics. All inputs share one key domain; `ticks` is the broadcast clock.

    reader_of, log_of: how the records of inputs are read and those of events written.
    reference: what the decider decides with besides state and message; `decider` is bound to its initial.
    on_tick: what the task says at a wall tick, whatever is due; None: nothing.
    key_of: the key a body says itself; a record under another one is corrupt. Raises CorruptMessage.
    None: bodies name no key.
    folded: prefixes of the rows folds write besides the states; they too follow from the events alone.
    """

    name: str
    version: int
    decider: Decider[S, Any]
    states: States[S]
    inputs: tuple[Topic, ...]
    events: Topic
    ticks: Topic = topics.CLOCK_TICKS
    reader_of: Callable[[Topic], Reader] = registered_reader
    log_of: Callable[[Topic], EventLog] = RegisteredLog
    reference: Reference | None = None
    on_tick: Callable[[View, Message[Tick]], Sequence[Output]] | None = None
    key_of: Callable[[Any], str] | None = None
    folded: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        domains = {topic.key_domain for topic in (*self.inputs, self.events)}
        assert len(domains) == 1, f"{self.name}: inputs and events span the key domains {sorted(domains)}"

    @property
    def all_inputs(self) -> tuple[Topic, ...]:
        """Every topic the stage reads, broadcast ones included."""
        told = () if self.reference is None else (self.reference.topic,)
        return (*self.inputs, *told, self.ticks)
