"""What follows from an attempt that is looked up: it is counted once, and its features are told."""

from collections.abc import Sequence

from msgspec import Struct

from schemas import topics
from schemas.api import View
from schemas.envelope import WALL_CLOCK, Message, Mode
from schemas.risk import EntityFeatures, EntityObserved, LookUpEntity
from streams.core import Again, Decision, Moment, Send
from streams.features import kept, told
from streams.table import SHARED
from streams.windows.windows import Attempt, Memory, Observation, features_at, remember, short


class EntityWindows(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is remembered of one entity; all merchants of a mode share it. See `windows.Memory`."""

    state_version: int = 1
    mode: Mode
    version: int
    observations: tuple[Observation, ...]
    forgotten_to_ms: int | None = None
    merchant_id: str = SHARED
    clock_id: str = WALL_CLOCK


class Counted(Struct, frozen=True):
    """How many attempts an entity remembers: its windows as their events show them."""

    remembered: int


def decide(state: EntityWindows | None, message: Message[LookUpEntity]) -> Decision[EntityObserved]:
    """Count the attempt at the time it occurred; one that was counted is told the same features again."""
    lookup = message.body
    known = None if state is None else _observed(state, lookup.assessment_id)
    if known is not None:
        features = EntityFeatures(
            assessment_id=lookup.assessment_id, entity=lookup.entity, features=told(known.features)
        )
        return Again((Send(topics.RISK_FEATURES, features, key=lookup.payment_key),))
    attempt = Attempt(
        message.envelope.occurred_at_ms,
        short(lookup.assessment_id),
        short(lookup.card_key),
        lookup.amount_minor,
        lookup.currency,
    )
    observed = EntityObserved(
        assessment_id=lookup.assessment_id,
        payment_key=lookup.payment_key,
        entity=lookup.entity,
        card_key=lookup.card_key,
        amount_minor=lookup.amount_minor,
        currency=lookup.currency,
        features=features_at(_memory(state), attempt),
    )
    return (observed,)


def evolve(state: EntityWindows | None, event: Message[EntityObserved]) -> EntityWindows:
    """The windows with one more observation."""
    body = event.body
    observation = Observation(
        event.envelope.occurred_at_ms,
        short(body.assessment_id),
        short(body.card_key),
        body.amount_minor,
        body.currency,
        kept(body.features),
    )
    observations, forgotten_to_ms = remember(_memory(state), observation)
    return EntityWindows(
        mode=event.envelope.mode,
        version=event.envelope.version,
        observations=tuple(observations),  # type: ignore[arg-type]  # a memory of observations remembers observations
        forgotten_to_ms=forgotten_to_ms,
    )


def react(state: EntityWindows, event: Message[EntityObserved]) -> Sequence[Send]:
    """The assessment that asked is told."""
    body = event.body
    features = EntityFeatures(assessment_id=body.assessment_id, entity=body.entity, features=body.features)
    return (Send(topics.RISK_FEATURES, features, key=body.payment_key),)


def deadline_ms(state: EntityWindows) -> int | None:
    """Time alone never changes windows: they are read at the time of an attempt."""
    return None


def moment(state: EntityWindows, subject: int) -> Moment:
    """Lookups are no commands; nobody waits for an answer."""
    return (state.version,)


def view(state: EntityWindows, at: Moment) -> View:
    """There is none: entities are not answered about."""
    raise AssertionError("an entity is not shown to callers")


def after(state: EntityWindows) -> Counted:
    """The windows as their events show them."""
    return Counted(len(state.observations))


def _memory(state: EntityWindows | None) -> Memory:
    return Memory() if state is None else Memory(state.observations, state.forgotten_to_ms)


def _observed(state: EntityWindows, assessment_id: str) -> Observation | None:
    assessment = short(assessment_id)
    # A repeat comes soon after the first, so the search begins at the latest.
    for one in reversed(state.observations):
        if one.assessment == assessment:
            return one
    return None
