"""Which topics is the merchants decider bound to?"""

from schemas import topics
from schemas.merchants import AggregateEvent
from schemas.settings import Settings
from streams.core import Decider
from streams.definition import StageDefinition
from streams.merchants.decider import deadline_ms, decide, evolve, react
from streams.merchants.state import Account, after, moment, view
from streams.table import StateCodec


def merchants(settings: Settings) -> StageDefinition[Account]:
    """The merchants stage: commands in, events out."""
    decider: Decider[Account, AggregateEvent] = Decider(
        decide=decide,
        evolve=evolve,
        react=react,
        deadline_ms=deadline_ms,
        moment=moment,
        view=view,
        after=after,
    )
    return StageDefinition(
        name="merchants",
        version=topics.STAGES["merchants"],
        decider=decider,
        states=StateCodec(Account),
        inputs=(topics.MERCHANTS_COMMANDS,),
        events=topics.MERCHANTS_EVENTS,
    )
