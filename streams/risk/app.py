"""Which topics and rules is the risk decider bound to?"""

from functools import partial

from schemas import topics
from schemas.risk import AssessmentEvent, RulesDeployed
from schemas.settings import Settings
from streams.core import Decider
from streams.definition import Reference, StageDefinition
from streams.risk.decider import after, deadline_ms, decide, evolve, moment, react, view
from streams.risk.default_rules import DEFAULT_RULESET
from streams.risk.rules import ruleset
from streams.risk.state import Assessments
from streams.table import StateCodec


def risk(settings: Settings) -> StageDefinition[Assessments]:
    """The risk stage: requests and features in; decisions out, by the rules deployed last."""
    return StageDefinition(
        name="risk",
        version=topics.STAGES["risk"],
        decider=bound_to(DEFAULT_RULESET),
        states=StateCodec(Assessments),
        inputs=(topics.RISK_REQUESTS, topics.RISK_FEATURES),
        events=topics.RISK_ASSESSMENTS,
        reference=Reference(topic=topics.RISK_RULES, initial=DEFAULT_RULESET, bind=bound_to),
    )


def bound_to(deployed: RulesDeployed) -> Decider[Assessments, AssessmentEvent]:
    """The decider that decides by these rules."""
    return Decider(
        decide=partial(decide, ruleset=ruleset(deployed.rules)),
        evolve=evolve,
        react=react,
        deadline_ms=deadline_ms,
        moment=moment,
        view=view,
        after=after,
    )
