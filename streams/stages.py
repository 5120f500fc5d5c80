"""Which stages are there, and how is each handed to the engine?"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from schemas import topics
from schemas.codec import codec_of
from schemas.settings import Settings
from streams.definition import StageDefinition
from streams.engine.spec import Input, Quarantine, Quarantined, StageSpec
from streams.ledger.app import ledger
from streams.merchants.app import merchants
from streams.payments.app import payments
from streams.reconciliation.app import reconciliation
from streams.risk.app import risk
from streams.step import StageStep
from streams.totals.app import totals
from streams.webhooks.app import webhooks
from streams.windows.app import windows

DEFINITIONS: Final[Mapping[str, Callable[[Settings], StageDefinition[Any]]]] = {
    "merchants": merchants,
    "payments": payments,
    "windows": windows,
    "risk": risk,
    "ledger": ledger,
    "totals": totals,
    "webhooks": webhooks,
    "reconciliation": reconciliation,
}
"""Every stage by name. Any set of them may run in one worker."""


def stage_specs(settings: Settings, names: tuple[str, ...] = tuple(DEFINITIONS)) -> list[StageSpec]:
    """What the engine runs for these stages. Raises KeyError for a stage that does not exist."""
    return [stage_spec(DEFINITIONS[name](settings)) for name in names]


def stage_spec(definition: StageDefinition[Any]) -> StageSpec:
    """One stage as the engine sees it: topic names, and a step for each task."""
    return StageSpec(
        name=definition.name,
        version=definition.version,
        inputs=tuple(
            Input(topic=topic.name, is_skippable=topic.is_skippable) for topic in definition.all_inputs
        ),
        changelog=topics.changelog(definition.name, definition.version),
        new_step=partial(StageStep, definition),
        quarantine=Quarantine(topic=topics.QUARANTINE.name, decode=partial(_set_aside_for, definition.name)),
    )


def _set_aside_for(stage: str, value: bytes) -> Quarantined | None:
    record = codec_of(topics.QUARANTINE).decode(value).body
    if record.stage not in (None, stage):
        return None
    return Quarantined(record.topic, record.partition, record.offset)
