"""May a task go on from these positions: every reason to refuse, decided from plain values."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from streams.engine.config import EngineConfig
from streams.engine.errors import GuardRefused, InputsSplit
from streams.engine.positions import PositionsRecord
from streams.engine.spec import StageSpec
from streams.engine.store import LocalCopy


class Bounds(NamedTuple):
    """First and next offset of a partition as the broker has them."""

    low: int
    high: int


class TopicFacts(NamedTuple):
    """What the broker says about a topic: its identity and its partition count."""

    topic_id: str
    partitions: int


def check_topics(spec: StageSpec, facts: Mapping[str, TopicFacts]) -> int:
    """The partition count all topics of a stage share. Raises GuardRefused when they do not."""
    names = [*spec.input_topics, spec.changelog]
    if spec.quarantine is not None:
        names.append(spec.quarantine.topic)
    missing = [name for name in names if name not in facts]
    if missing:
        raise GuardRefused(f"stage {spec.name}: no such topic: {', '.join(missing)}; provision the topics")
    counts = {name: facts[name].partitions for name in names}
    if len(set(counts.values())) != 1:
        raise GuardRefused(f"stage {spec.name}: the partition counts differ: {counts}")
    return next(iter(counts.values()))


def check_assignment(spec: StageSpec, assigned: Collection[tuple[str, int]]) -> list[int]:
    """The partitions whose every input is assigned. Raises InputsSplit when only some inputs are."""
    by_topic = {
        topic: {partition for name, partition in assigned if name == topic} for topic in spec.input_topics
    }
    partitions = by_topic[spec.input_topics[0]]
    for topic, found in by_topic.items():
        if found != partitions:
            raise InputsSplit(
                f"stage {spec.name}: {topic} came with partitions {sorted(found)}, "
                f"{spec.input_topics[0]} with {sorted(partitions)}; every worker must run the same inputs"
            )
    return sorted(partitions)


def check_provisioned(task: str, positions: PositionsRecord | None, changelog: Bounds) -> PositionsRecord:
    """The positions found in the changelog. Raises GuardRefused when there are none."""
    if positions is not None:
        return positions
    if changelog.high > 0:
        raise GuardRefused(
            f"{task}: the changelog reaches {changelog.high} and holds no positions record; it was cut or "
            "made again. Going on would handle every input from its start again"
        )
    raise GuardRefused(f"{task}: the changelog is empty; provision the stage before its first start")


def resume_at(
    spec: StageSpec,
    task: str,
    positions: PositionsRecord,
    inputs: Mapping[str, tuple[Bounds, str]],
) -> dict[str, int]:
    """The offset to read each input from. inputs: bounds and topic id by name.

    Raises GuardRefused for an input that was made again, or whose records were deleted or cut
    between the position and what is left; only a skippable input moves up.
    """
    if set(positions.inputs) != set(inputs):
        raise GuardRefused(
            f"{task}: positions are of {sorted(positions.inputs)}, the stage reads {sorted(inputs)}; "
            "another set of inputs needs another stage version"
        )
    return {
        topic: _resume_input(
            task, topic, positions, topic_id=topic_id, bounds=bounds, is_skippable=topic in spec.skippable
        )
        for topic, (bounds, topic_id) in inputs.items()
    }


def _resume_input(
    task: str, topic: str, positions: PositionsRecord, *, topic_id: str, bounds: Bounds, is_skippable: bool
) -> int:
    at = positions.inputs[topic]
    known = positions.topic_ids.get(topic)
    if known != topic_id:
        raise GuardRefused(f"{task}: {topic} was made again: its id was {known} and is {topic_id}")
    if at > bounds.high:
        raise GuardRefused(
            f"{task}: {topic} ends at {bounds.high}, before the position {at}; committed records were lost"
        )
    if at >= bounds.low:
        return at
    if is_skippable:
        return bounds.low
    raise GuardRefused(
        f"{task}: {topic} begins at {bounds.low}, behind the position {at}; retention deleted unread records"
    )


def local_copy_defect(
    local: LocalCopy, *, owner: str, changelog_id: str, changelog: Bounds, now_ms: int, config: EngineConfig
) -> str | None:
    """Why a local copy cannot be continued (the table is then restored in full); None: it can."""
    if local.owner != owner:
        return f"it belongs to {local.owner}"
    if local.changelog_id != changelog_id:
        return "the changelog was made again"
    if not 0 <= now_ms - local.written_at_ms <= config.local_copy_age_ms:
        return "it is too old to have seen every deletion"
    if not changelog.low <= local.positions_offset < changelog.high:
        return f"its offset {local.positions_offset} is outside the changelog"
    return None
