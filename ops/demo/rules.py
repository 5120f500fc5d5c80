"""Which rules does a demo add: its own for one of its merchants, before those that are in force."""

import asyncio
import time
from typing import Final

from ops import broadcast
from ops.demo.errors import SetupRefused
from ops.demo.scenario import BLOCKED_FROM_MINOR, REVIEWED_FROM_MINOR
from ops.lag import stage_lags
from ops.rules import in_force
from schemas import topics
from schemas.risk import Condition, Rule, RulesDeployed, Verdict
from schemas.settings import Settings
from streams.risk.rules import ruleset

_PREFIX: Final = "demo_"
_IN_FORCE_S: Final = 60.0
_LOOK_AGAIN_S: Final = 0.2


async def deployed(settings: Settings, merchant_id: str) -> None:
    """Hold large payments of the merchant and block larger ones; everybody else's are decided as before.

    Returns when every task of risk decides by them. Raises SetupRefused when that takes a minute.
    """
    await asyncio.to_thread(_deploy, settings, merchant_id)
    ends_at = time.monotonic() + _IN_FORCE_S
    while time.monotonic() < ends_at:
        (risk,) = (lag for lag in await asyncio.to_thread(stage_lags, settings) if lag.name == "risk")
        if risk.lag_messages == 0:
            return
        await asyncio.sleep(_LOOK_AGAIN_S)
    raise SetupRefused(f"the stage risk has not read its rules after {_IN_FORCE_S:.0f} s; is it running?")


def _deploy(settings: Settings, merchant_id: str) -> None:
    kept = tuple(rule for rule in in_force(settings).rules if not rule.name.startswith(_PREFIX))
    own = (
        _rule("demo_amount_blocked", "block", merchant_id, BLOCKED_FROM_MINOR),
        _rule("demo_amount_reviewed", "review", merchant_id, REVIEWED_FROM_MINOR),
    )
    rules = (*own, *kept)
    body = RulesDeployed(
        ruleset_id=ruleset(rules).ruleset_id,
        rules=rules,
        deployed_by=broadcast.user(),
        reason="A demo shows payments that are blocked or held for review.",
    )
    broadcast.write(settings, topics.RISK_RULES, body, key=body.ruleset_id, decided_by=body.deployed_by)


def _rule(name: str, verdict: Verdict, merchant_id: str, from_minor: int) -> Rule:
    return Rule(
        name=name,
        when=(
            Condition(field="merchant_id", operator="eq", value=merchant_id),
            Condition(field="amount_minor", operator="ge", value=from_minor),
        ),
        verdict=verdict,
        reason_code=name,
    )
