"""A changelog that lost, gained or changed a record is refused, unless compaction explains it."""

from collections.abc import Callable

import pytest

from streams.engine import positions
from streams.engine.digest import Digest, checksum
from streams.engine.errors import GuardRefused
from streams.engine.positions import POSITIONS_KEY, PositionsRecord
from streams.engine.replay import Replay, check_table

Log = list[tuple[bytes, bytes | None]]
RECENT_MS, OLD_MS, CHECKED_FROM_MS = 2_000, 500, 1_000


def log_of(*transactions: Log) -> Log:
    """A changelog whose every transaction advances input `a` by one."""
    log: Log = []
    at = positions.genesis({"a": 0}, {"a": "x"})
    log.append((POSITIONS_KEY, positions.encode(at)))
    for rows in transactions:
        seed = 0
        for key, value in rows:
            seed = checksum(seed, key, value)
        at = positions.following(
            at, {"a": at.inputs["a"] + 1}, records=len(rows), checksum=seed, table=Digest()
        )
        log += [*rows, (POSITIONS_KEY, positions.encode(at))]
    return log


def replay(log: Log, written_at_ms: int = RECENT_MS, at: PositionsRecord | None = None) -> Replay:
    replay = Replay("task", at, checked_from_ms=CHECKED_FROM_MS)
    for key, value in log:
        if key == POSITIONS_KEY:
            replay.end_transaction(value or b"", written_at_ms)
        else:
            replay.row(key, value)
    return replay


WHOLE = log_of([(b"k", b"1"), (b"l", b"2")], [(b"k", None)], [(b"m", b"3")])
DAMAGES: dict[str, Callable[[Log], Log]] = {
    "a row is lost": lambda log: log[:1] + log[2:],
    "a row is doubled": lambda log: [*log[:2], *log[1:]],
    "a row is changed": lambda log: [log[0], (b"k", b"9"), *log[2:]],
    "rows change places": lambda log: [log[0], log[2], log[1], *log[3:]],
    "a transaction is lost": lambda log: log[:4] + log[6:],
    "a transaction is repeated": lambda log: log[:4] + log[1:],
    "the first transaction comes last": lambda log: log + log[:1],
}


def test_a_whole_changelog_is_accepted() -> None:
    """A check that refuses healthy logs is switched off by the first operator."""
    found = replay(WHOLE)
    assert found.is_between_transactions
    assert found.positions is not None
    assert (3, {"a": 3}) == (found.positions.transaction, found.positions.inputs)


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damage_of_recent_transactions_is_refused(damage: str) -> None:
    """A table restored from it would be wrong without anyone noticing."""
    with pytest.raises(GuardRefused):
        replay(DAMAGES[damage](WHOLE))


def test_compaction_of_old_transactions_is_no_damage() -> None:
    """Old rows that were replaced later, and old positions, are gone by right."""
    compacted = [row for row in WHOLE[1:] if row != (b"k", b"1")][2:]
    assert replay(compacted, OLD_MS).positions == replay(WHOLE).positions


def test_old_transactions_still_have_to_be_in_order() -> None:
    """Compaction never reorders."""
    with pytest.raises(GuardRefused):
        replay(WHOLE + WHOLE[:1], OLD_MS)


def test_a_log_that_ends_inside_a_transaction_shows() -> None:
    """Its last rows belong to positions nobody wrote."""
    assert not replay(WHOLE[:-1]).is_between_transactions


def test_a_table_other_than_its_positions_say_is_refused() -> None:
    """The last line of defence of a restore."""
    at = positions.following(
        positions.genesis({}, {}), {}, records=0, checksum=0, table=Digest().replaced(b"a", None, b"1")
    )
    check_table("task", at, Digest().replaced(b"a", None, b"1"))
    with pytest.raises(GuardRefused, match="digest"):
        check_table("task", at, Digest().replaced(b"a", None, b"2"))
