"""Three stages with feedback in two workers, under faults: every item once, every table exact."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from streams.engine import positions
from streams.engine.digest import digest_of
from tests.integration.engine_chain import Fold, Item, encode
from tests.integration.engine_chain_run import Chain
from tests.integration.engine_cluster import Changelog, Cluster
from tests.integration.engine_oracle import (
    defects_of_table,
    defects_of_topic,
    defects_of_versions,
)


class Broker:
    """What the fixture `kafka` gives, as far as it is used here."""

    bootstrap_servers: str


@pytest.fixture
def running(kafka: Broker, tmp_path: Path) -> Iterator[Chain]:
    name = f"chain{abs(hash(str(tmp_path))) % 10**9}"
    started = Chain(Cluster(kafka.bootstrap_servers, tmp_path), name)
    started.prepare()
    yield started
    for worker in started.workers:
        worker.kill()


@pytest.mark.integration
def test_feedback(running: Chain) -> None:
    """Two workers carry a chain whose stages read each other's transactions."""
    running.send(5_000)
    running.worker("one")
    running.worker("two")
    running.send(2_000)
    assert [] == running.defects()


ITEMS = [Item(number, f"pay{number % 3}", f"mer{number % 2}") for number in range(12)]


def told(items: Sequence[Item]) -> list[bytes]:
    counts: dict[str, int] = {}
    values = []
    for item in items:
        counts[item.payment] = counts.get(item.payment, 0) + 1
        values.append(encode(item, item.payment.encode(), counts[item.payment]))
    return values


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (lambda values: values[:-1], "lost"),
        (lambda values: [*values, values[0]], "too many"),
        (lambda values: [*values[:-1], encode(ITEMS[-1], b"pay2", 3)], "version told twice"),
        (lambda values: [*values, encode(Item(-5, "pay0", "mer0"), b"pay0", 9)], "too many"),
    ],
    ids=["a lost record", "a doubled record", "a stale state", "an aborted record"],
)
def test_the_oracle_sees(damage: Callable[[list[bytes]], list[bytes]], what: str) -> None:
    """An oracle that finds nothing proves nothing."""
    whole = told(ITEMS)
    assert [] == defects_of_topic(ITEMS, whole) + defects_of_versions(whole)
    found = defects_of_topic(ITEMS, damage(whole)) + defects_of_versions(damage(whole))
    assert any(what in defect for defect in found)


def test_the_oracle_sees_a_stale_table() -> None:
    """The last item of a key folded into what the key was before another."""
    fold = Fold().with_item(ITEMS[0]).with_item(ITEMS[3])
    stale = Fold().with_item(ITEMS[3])

    def changelog(row: Fold) -> Changelog:
        rows = {b"state/pay0": str(list(row)).encode()}
        at = positions.following(
            positions.genesis({}, {}), {}, records=1, checksum=0, table=digest_of(rows.items())
        )
        return Changelog(rows, [at])

    assert [] == defects_of_table({b"pay0": fold}, [changelog(fold)])
    assert [] != defects_of_table({b"pay0": fold}, [changelog(stale)])
