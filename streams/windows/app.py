"""Which topics is the windows decider bound to?"""

from schemas import topics
from schemas.risk import EntityObserved
from schemas.settings import Settings
from streams.core import Decider
from streams.definition import StageDefinition
from streams.table import StateCodec
from streams.windows.decider import (
    EntityWindows,
    after,
    deadline_ms,
    decide,
    evolve,
    moment,
    react,
    view,
)


def windows(settings: Settings) -> StageDefinition[EntityWindows]:
    """The windows stage: lookups in; observations and features out."""
    decider: Decider[EntityWindows, EntityObserved] = Decider(
        decide=decide,
        evolve=evolve,
        react=react,
        deadline_ms=deadline_ms,
        moment=moment,
        view=view,
        after=after,
    )
    return StageDefinition(
        name="windows",
        version=topics.STAGES["windows"],
        decider=decider,
        states=StateCodec(EntityWindows),
        inputs=(topics.RISK_LOOKUPS,),
        events=topics.RISK_OBSERVATIONS,
    )
