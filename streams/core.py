"""What is a decider: a decision, a fold and its consequences, all pure; each context has a module of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from msgspec import Struct

from schemas import ids
from schemas.api import View
from schemas.envelope import Envelope, Message
from schemas.outcomes import Outcome
from schemas.topics import Topic

S = TypeVar("S")
E = TypeVar("E")


NO_SUBJECT = -1
"""The answer is about the aggregate as a whole."""


class Refused(NamedTuple):
    """A command that changes nothing, and why."""

    outcome: Outcome


class Repeated(NamedTuple):
    """What a command asks for happened before, by another command or too long ago to be remembered.

    subject: what in the state the answer is about.
    """

    outcome: Outcome
    subject: int = NO_SUBJECT


class Elapsed(Struct, frozen=True):
    """The deadline of an aggregate has come: what a decider sees of a tick."""

    now_ms: int


class Send(NamedTuple):
    """Ask or tell another context, in the same transaction as the event that caused it.

    key: of what it is about there; None where that has the aggregate's own key. merchant_id: whose it is
    there; None where it is the same one's.
    """

    topic: Topic
    body: object
    not_after_ms: int | None = None
    key: str | None = None
    merchant_id: str | None = None


class Resolve(NamedTuple):
    """A command has its result: `subject` names what in the state the answer is about."""

    command_id: str
    outcome: Outcome
    subject: int = NO_SUBJECT


class Delay(NamedTuple):
    """A command has no result yet and will not have one soon; its callers are told 202."""

    command_id: str
    subject: int = NO_SUBJECT


Effect = Send | Resolve | Delay


class Again(NamedTuple):
    """A message from another context that was decided before: it changes nothing, and is told so again."""

    effects: Sequence[Send]


class Deferred(NamedTuple):
    """A message from another context that came before its aggregate was there: it is decided once it is."""


Decision = Sequence[E] | Refused | Repeated | Again | Deferred
"""What a message leads to: events in order; for a command a refusal or the mark of a repeat, for a
message from another context what it is told again, or that it waits for its aggregate."""
Moment = tuple[int, ...]
"""The part of a state an answer shows that may change later; kept with the handled command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decider(Generic[S, E]):
    """The functions of one context's decider module. All are pure, total and deterministic.

    decide      which events follow from a message; a refusal or repeat only for commands
    evolve      the state after one recorded event; the only way a state ever changes
    react       what the rest of the platform is asked or told because of that event
    deadline_ms when time alone has to decide again; None: never. After deciding on `Elapsed`
                at its deadline the deadline must have moved on, or something must have happened
    moment      what an answer of now needs to be told again later
    view        the answer at a moment
    after       the aggregate as its events show it
    """

    decide: Callable[[S | None, Message[Any]], Decision[E]]
    evolve: Callable[[S | None, Message[E]], S]
    react: Callable[[S, Message[E]], Sequence[Effect]]
    deadline_ms: Callable[[S], int | None]
    moment: Callable[[S, int], Moment]
    view: Callable[[S, Moment], View]
    after: Callable[[S], Struct]


def record(aggregate: str, version: int, body: E, cause: Envelope) -> Message[E]:
    """`body` as the event that takes the aggregate to `version`, caused by the message of `cause`."""
    return Message(
        envelope=Envelope(
            message_id=ids.event_id(aggregate, version),
            causation_id=cause.message_id,
            correlation_id=cause.correlation_id,
            occurred_at_ms=cause.occurred_at_ms,
            mode=cause.mode,
            merchant_id=cause.merchant_id,
            cell=cause.cell,
            actor=cause.actor,
            clock_id=cause.clock_id,
            aggregate_key=aggregate,
            version=version,
        ),
        body=body,
    )
