"""Every reason not to go on from given positions, and none more."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from streams.engine import guards, positions
from streams.engine.config import EngineConfig
from streams.engine.errors import GuardRefused, InputsSplit
from streams.engine.guards import Bounds, TopicFacts
from streams.engine.spec import Input, Quarantine, StageSpec
from streams.engine.store import LocalCopy
from streams.ports import Outbox

CONFIG = EngineConfig(bootstrap_servers="kafka:9092", worker="w", data_dir=Path("never-made"))
SPEC = StageSpec(
    name="ledger",
    version=2,
    inputs=(Input(topic="commands"), Input(topic="ticks", is_skippable=True)),
    changelog="ledger.state.v2.changelog",
    new_step=lambda: lambda view, records: Outbox([], []),
    quarantine=Quarantine(topic="quarantine", decode=lambda value: None),
)
FACTS = {
    "commands": TopicFacts("c", 4),
    "ticks": TopicFacts("t", 4),
    "ledger.state.v2.changelog": TopicFacts("l", 4),
    "quarantine": TopicFacts("q", 4),
}
AT = positions.genesis({"commands": 10, "ticks": 10}, {"commands": "c", "ticks": "t"})
HEALTHY = {"commands": (Bounds(0, 20), "c"), "ticks": (Bounds(0, 20), "t")}
LOCAL = LocalCopy(
    owner="millrace.ledger.v2.0", changelog_id="l", positions_offset=7, written_at_ms=1_000_000_000
)


def test_names_derive_from_the_stage_and_its_version() -> None:
    """A new version must share nothing with the old one."""
    assert "millrace.ledger.v2" == SPEC.group
    assert "millrace.ledger.v2.3" == SPEC.transactional_id(3)


@pytest.mark.parametrize("topic", FACTS)
def test_topics_that_do_not_fit_are_refused(topic: str) -> None:
    """A key would be on one partition here and on another there."""
    assert 4 == guards.check_topics(SPEC, FACTS)
    with pytest.raises(GuardRefused, match="partition counts differ"):
        guards.check_topics(SPEC, {**FACTS, topic: TopicFacts("c", 5)})
    with pytest.raises(GuardRefused, match=f"no such topic: {topic}"):
        guards.check_topics(SPEC, {name: fact for name, fact in FACTS.items() if name != topic})


def test_the_inputs_of_a_partition_stay_together() -> None:
    """A task with half of its inputs would commit positions of records it never saw."""
    together = {("commands", 1), ("ticks", 1), ("commands", 3), ("ticks", 3)}
    assert [1, 3] == guards.check_assignment(SPEC, together)
    assert [] == guards.check_assignment(SPEC, set())
    with pytest.raises(InputsSplit):
        guards.check_assignment(SPEC, together - {("ticks", 3)})


@pytest.mark.parametrize(("high", "why"), [(0, "provision"), (5, "cut or made again")])
def test_a_task_without_positions_never_starts(high: int, why: str) -> None:
    """It would handle every input from its start again."""
    assert AT == guards.check_provisioned("task", AT, Bounds(0, high))
    with pytest.raises(GuardRefused, match=why):
        guards.check_provisioned("task", None, Bounds(0, high))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"commands": (Bounds(0, 20), "other")}, "made again"),
        ({"commands": (Bounds(0, 9), "c")}, "committed records were lost"),
        ({"commands": (Bounds(11, 20), "c")}, "retention deleted unread records"),
        ({"ticks": (Bounds(0, 9), "t")}, "committed records were lost"),
        ({"more": (Bounds(0, 0), "m")}, "another stage version"),
    ],
)
def test_inputs_that_do_not_match_the_positions_are_refused(
    changed: Mapping[str, tuple[Bounds, str]], why: str
) -> None:
    """Each of these would lose or repeat records without a sound."""
    with pytest.raises(GuardRefused, match=why):
        guards.resume_at(SPEC, "task", AT, {**HEALTHY, **changed})


def test_a_task_goes_on_where_it_stopped() -> None:
    """Only a skippable input moves up to what is left of it."""
    assert {"commands": 10, "ticks": 10} == guards.resume_at(SPEC, "task", AT, HEALTHY)
    bounds = {"commands": (Bounds(10, 10), "c"), "ticks": (Bounds(15, 20), "t")}
    assert {"commands": 10, "ticks": 15} == guards.resume_at(SPEC, "task", AT, bounds)


@pytest.mark.parametrize(
    ("owner", "changelog_id", "bounds", "age_ms", "why"),
    [
        ("millrace.ledger.v2.0", "l", Bounds(0, 8), 1_000, None),
        ("millrace.ledger.v2.1", "l", Bounds(0, 8), 1_000, "belongs to"),
        ("millrace.ledger.v2.0", "other", Bounds(0, 8), 1_000, "made again"),
        ("millrace.ledger.v2.0", "l", Bounds(0, 7), 1_000, "outside"),
        ("millrace.ledger.v2.0", "l", Bounds(8, 9), 1_000, "outside"),
        ("millrace.ledger.v2.0", "l", Bounds(0, 8), CONFIG.local_copy_age_ms + 1, "too old"),
        ("millrace.ledger.v2.0", "l", Bounds(0, 8), -1, "too old"),
    ],
)
def test_a_doubtful_local_copy_is_not_continued(
    owner: str, changelog_id: str, bounds: Bounds, age_ms: int, why: str | None
) -> None:
    """The changelog is the truth; a copy of something else must be forgotten."""
    defect = guards.local_copy_defect(
        LOCAL,
        owner=owner,
        changelog_id=changelog_id,
        changelog=bounds,
        now_ms=LOCAL.written_at_ms + age_ms,
        config=CONFIG,
    )
    assert (why is None) == (defect is None)
    assert why is None or (defect is not None and why in defect)
