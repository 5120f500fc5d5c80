"""What a chain must have done, worked out from its commands alone, and whether it did.

It finds a lost, a doubled, an aborted and a stale record: every item once per topic, versions of a
key without gap or repeat, every table equal to the fold of all commands, no positions that go back.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from streams.engine.digest import digest_of
from tests.integration.engine_chain import Fold, Item, chain, decode
from tests.integration.engine_cluster import Changelog, Cluster

TOLD_BY_STAGE = (("requests", "events"), ("decisions",), ("entries",))


def defects_of_topic(items: Sequence[Item], values: Sequence[bytes]) -> list[str]:
    """What is wrong with one output topic that should carry every item once."""
    expected, found = Counter(items), Counter(decode(value)[0] for value in values)
    return [f"lost {item}" for item in expected - found] + [f"too many {item}" for item in found - expected]


def defects_of_versions(values: Sequence[bytes]) -> list[str]:
    """What is wrong with the versions one stage told, over all its output topics."""
    versions = Counter(decode(value)[1] for value in values)
    defects = [f"version told twice: {version}" for version, count in versions.items() if count > 1]
    told = Counter(key for key, _ in versions)
    return defects + [
        f"version missing: {key} {number}"
        for key, count in told.items()
        for number in range(1, count + 1)
        if (key, number) not in versions
    ]


def defects_of_table(expected: dict[bytes, Fold], changelogs: Sequence[Changelog]) -> list[str]:
    """What is wrong with one table, given the fold of every key of its stage."""
    rows = {key: value for changelog in changelogs for key, value in changelog.rows.items()}
    found = {
        key.removeprefix(b"state/"): Fold(*_numbers(value))
        for key, value in rows.items()
        if key.startswith(b"state/")
    }
    defects = [
        f"state of {key!r}: {found.get(key)}, not {fold}"
        for key, fold in expected.items()
        if found.get(key) != fold
    ]
    for changelog in changelogs:
        if digest_of(changelog.rows.items()) != changelog.positions[-1].table:
            defects.append("the digest is not that of the rows")
        for earlier, later in pairwise(changelog.positions):
            if later.transaction != earlier.transaction + 1:
                defects.append(f"transaction {later.transaction} follows {earlier.transaction}")
            defects += [
                f"{topic} goes back from {offset} to {later.inputs[topic]}"
                for topic, offset in earlier.inputs.items()
                if later.inputs[topic] < offset
            ]
    return defects


def defects_of_chain(cluster: Cluster, name: str, items: Sequence[Item], partitions: int) -> list[str]:
    """Everything that is wrong with a chain that has come to rest."""
    defects = []
    for topics in TOLD_BY_STAGE:
        told: list[bytes] = []
        for topic in topics:
            values = [
                message.value() or b"" for message in cluster.read(f"{name}.{topic}", range(partitions))
            ]
            defects += [f"{topic}: {defect}" for defect in defects_of_topic(items, values)]
            told += values
        defects += [f"{topics}: {defect}" for defect in defects_of_versions(told)]
    passes = {"payments": ("payment", 2), "risk": ("merchant", 1), "ledger": ("merchant", 1)}
    for spec in chain(name):
        field, times = passes[spec.name.rsplit(".", 1)[1]]
        expected: dict[bytes, Fold] = {}
        for item in items:
            key = str(getattr(item, field)).encode()
            for _ in range(times):
                expected[key] = expected.get(key, Fold()).with_item(item)
        changelogs = [cluster.changelog(spec, partition) for partition in range(partitions)]
        defects += [f"{spec.name}: {defect}" for defect in defects_of_table(expected, changelogs)]
    return defects


def _numbers(value: bytes) -> list[int]:
    return [int(number) for number in value.strip(b"[]").split(b",")]
