"""Seals follow one another without gap, whenever the sealer was started anew."""

import pytest
from prometheus_client import CollectorRegistry

from connectors.audit.sealer import Sealer
from connectors.runtime import Assigned, Partition, Record
from schemas import topics
from schemas.audit import seal_hash
from schemas.merkle import is_consistent, root_of
from tests.ops.audit.histories import KEY, Kept, journal

VALUES = journal()
PLACES = {number: Partition(topics.LEDGER_JOURNAL.name, number) for number in VALUES}
RECORDS = [
    Record(PLACES[number], 2 * at, 0, b"book", value, ())
    for number, values in VALUES.items()
    for at, value in enumerate(values)
]


def _sealer(kept: Kept, now: list[int]) -> tuple[Sealer, int]:
    """A new process, and how many records it has not seen: those from the offsets it starts at."""
    sealer = Sealer(kept, KEY, every_ms=60_000, now_ms=lambda: now[0], registry=CollectorRegistry())
    starts = sealer.on_assigned([Assigned(place, 0, 1_000) for place in PLACES.values()])
    return sealer, sum(record.offset < starts.get(record.partition, 0) for record in RECORDS)


@pytest.mark.parametrize("kept_alive", [True, False], ids=["one process", "a new one for every part"])
def test_seals_are_one_chain(kept_alive: bool) -> None:
    """Each names the one before it, proves that its trees go on those before, and has the roots of the records."""
    kept, now = Kept(), [1_000_000]
    sealer, _ = _sealer(kept, now)
    for start in range(0, len(RECORDS), 4):
        if not kept_alive:
            sealer, seen = _sealer(kept, now)
            assert seen == start
        sealer.on_records(RECORDS[start : start + 4])
        now[0] += 60_000
        sealer.on_idle()
    for before, seal in zip(kept.seals, kept.seals[1:], strict=False):
        assert (before.number + 1, seal_hash(before)) == (seal.number, seal.previous)
        for early, late in zip(before.partitions, seal.partitions, strict=True):
            proof = [bytes.fromhex(part) for part in late.consistency]
            roots = bytes.fromhex(early.root), bytes.fromhex(late.root)
            assert is_consistent(early.size, late.size, proof, *roots)
    for last in kept.seals[-1].partitions:
        assert root_of(VALUES[last.partition]).hex() == last.root
    trial = kept.seals[-1].trial_balance
    assert trial and all(one.debits_posted == one.credits_posted for one in trial)


def test_nothing_new_is_not_sealed_and_time_must_have_passed() -> None:
    """A seal that says what the last one says proves nothing more."""
    kept, now = Kept(), [1_000_000]
    sealer, _ = _sealer(kept, now)
    sealer.on_records(RECORDS[:3])
    assert 1 == len(kept.seals)
    sealer.on_records(RECORDS[3:5])
    assert 1 == len(kept.seals)
    now[0] += 60_000
    sealer.on_idle()
    now[0] += 60_000
    sealer.on_idle()
    assert 2 == len(kept.seals)


def test_what_stops_stops_sealed() -> None:
    """Whoever takes a backup of a stopped platform finds all of it under a seal."""
    kept, now = Kept(), [1_000_000]
    sealer, _ = _sealer(kept, now)
    sealer.on_records(RECORDS[:3])
    sealer.on_records(RECORDS[3:5])
    sealer.on_revoked(list(PLACES.values()))
    assert 5 == sum(one.size for one in kept.seals[-1].partitions)


def test_a_broken_chain_is_never_sealed() -> None:
    """A seal over it would make the break look approved."""
    sealer, _ = _sealer(Kept(), [0])
    with pytest.raises(AssertionError, match="number 3, 2 would follow"):
        sealer.on_records([RECORDS[0], RECORDS[2]])
