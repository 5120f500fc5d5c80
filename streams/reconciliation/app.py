"""Which topics and windows is the reconciliation decider bound to?"""

from functools import partial

from schemas import topics
from schemas.reconciliation import AggregateEvent
from schemas.settings import Settings
from streams.core import Decider
from streams.definition import StageDefinition
from streams.reconciliation.decider import Windows, deadline_ms, decide, key_of, moment, react, view
from streams.reconciliation.fold import evolve
from streams.reconciliation.state import Match, snapshot
from streams.table import StateCodec


def reconciliation(settings: Settings) -> StageDefinition[Match]:
    """The reconciliation stage: expected movements and settlement lines in; results out."""
    windows = Windows(expected_ms=settings.recon_expected_window_ms, line_ms=settings.recon_line_window_ms)
    decider: Decider[Match, AggregateEvent] = Decider(
        decide=partial(decide, windows=windows),
        evolve=evolve,
        react=react,
        deadline_ms=deadline_ms,
        moment=moment,
        view=view,
        after=snapshot,
    )
    return StageDefinition(
        name="reconciliation",
        version=topics.STAGES["reconciliation"],
        decider=decider,
        states=StateCodec(Match),
        inputs=(topics.RECON_EXPECTED_PAYMENTS, topics.RECON_LINES),
        events=topics.RECON_RESULTS,
        key_of=key_of,
    )
