"""Which topics and policy is the payments decider bound to?"""

from functools import partial

from schemas import topics
from schemas.payments import AggregateEvent
from schemas.settings import Settings
from streams.core import Decider
from streams.definition import StageDefinition
from streams.payments.decider import decide
from streams.payments.elapsed import deadline_ms
from streams.payments.fold import evolve
from streams.payments.policy import policy_of
from streams.payments.reactions import react
from streams.payments.state import Payment
from streams.payments.views import after, moment, view
from streams.table import StateCodec


def payments(settings: Settings) -> StageDefinition[Payment]:
    """The payments stage: commands, provider results and callbacks in; events and requests out."""
    decider: Decider[Payment, AggregateEvent] = Decider(
        decide=partial(decide, policy=policy_of(settings)),
        evolve=evolve,
        react=react,
        deadline_ms=deadline_ms,
        moment=moment,
        view=view,
        after=after,
    )
    return StageDefinition(
        name="payments",
        version=topics.STAGES["payments"],
        decider=decider,
        states=StateCodec(Payment),
        inputs=(
            topics.PAYMENTS_COMMANDS_API,
            topics.RISK_DECISIONS,
            topics.LEDGER_RESULTS_PAYMENTS,
            topics.PSP_RESULTS,
            topics.PSP_NOTIFICATIONS,
        ),
        events=topics.PAYMENTS_EVENTS,
    )
