"""Which topics is the totals decider bound to?"""

from schemas import topics
from schemas.balances import TotalChanged
from schemas.settings import Settings
from streams.core import Decider
from streams.definition import StageDefinition
from streams.table import StateCodec
from streams.totals.decider import Total, after, deadline_ms, decide, evolve, moment, react, view


def totals(settings: Settings) -> StageDefinition[Total]:
    """The totals stage: reports of shards in, sums out."""
    decider: Decider[Total, TotalChanged] = Decider(
        decide=decide,
        evolve=evolve,
        react=react,
        deadline_ms=deadline_ms,
        moment=moment,
        view=view,
        after=after,
    )
    return StageDefinition(
        name="totals",
        version=topics.STAGES["totals"],
        decider=decider,
        states=StateCodec(Total),
        inputs=(topics.LEDGER_SHARDS,),
        events=topics.LEDGER_TOTALS,
    )
