"""Which topics is the webhooks decider bound to?"""

from schemas import topics
from schemas.settings import Settings
from schemas.webhooks import AggregateEvent
from streams.core import Decider
from streams.definition import StageDefinition
from streams.table import StateCodec
from streams.webhooks.decider import deadline_ms, decide, evolve, react
from streams.webhooks.state import Webhooks, after, moment, view


def webhooks(settings: Settings) -> StageDefinition[Webhooks]:
    """The webhooks stage: endpoints, announcements and resends in; messages and deliveries out."""
    decider: Decider[Webhooks, AggregateEvent] = Decider(
        decide=decide,
        evolve=evolve,
        react=react,
        deadline_ms=deadline_ms,
        moment=moment,
        view=view,
        after=after,
    )
    return StageDefinition(
        name="webhooks",
        version=topics.STAGES["webhooks"],
        decider=decider,
        states=StateCodec(Webhooks),
        inputs=(topics.MERCHANTS_EVENTS, topics.WEBHOOKS_EVENTS_PAYMENTS, topics.WEBHOOKS_COMMANDS),
        events=topics.WEBHOOKS_MESSAGES,
    )
