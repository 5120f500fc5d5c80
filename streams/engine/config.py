"""Which limits does a worker run with, and why has each the value it has."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """Limits of one worker process. Times in milliseconds.

    worker names the process: it is the static member of every consumer group and owns data_dir.
    """

    bootstrap_servers: str
    worker: str
    data_dir: Path

    chunk_records: int = 500
    """Records of one unit of work. At 50 a record costs twice the CPU and the broker four times; at
    2,000 a tenth less, for longer waits behind a chunk."""

    pending_records: int = 1_000
    """Records whose work may wait for the running commit; beyond it a task takes no chunk. Two
    chunks keep the step busy during a commit and bound the overlay that scans have to merge."""

    buffered_records: int = 2_000
    """Records of one task read ahead in Python, before the consumer thread stops reading. Small, so
    that a partition with a backlog does not keep the others waiting behind it."""

    pace_ms: int = 10
    """Under load, the least time between two reads of the consumer. A unit of work costs 1.5 ms of
    CPU whatever its size, so small transactions are what fills a small machine; the first record
    after a pause is never delayed."""

    session_timeout_ms: int = 10_000
    """Silence after which the tasks of a worker move. A static member that restarts sooner keeps them."""

    transaction_timeout_ms: int = 15_000
    """How long the broker lets the transaction of a dead worker block its readers."""

    slow_commit_ms: int = 2_000
    """A commit that took longer may have been sent twice; the producer is never used again."""

    restore_timeout_ms: int = 30_000
    """Silence of the broker after which a restore gives up and the process ends."""

    revoke_timeout_ms: int = 5_000
    """How long a rebalance waits for running commits. What takes longer is refused by the broker."""

    idle_positions_ms: int = 60_000
    """An input ends with control records; without records for this long the position behind them is
    committed, so that retention never passes a position."""

    idle_records_ms: int = 2_000
    """So long when what was read is a record that led to nothing: lag would name it as not handled.
    Skippable inputs, such as ticks, may wait for idle_positions_ms."""

    lag_interval_ms: int = 2_000
    """Time between commits of group offsets, which serve as a lag metric only."""

    local_copy_age_ms: int = 12 * 60 * 60 * 1000
    """An older local copy is discarded: deletions it missed may be compacted away after 24 h."""

    checked_age_ms: int = 20 * 60 * 60 * 1000
    """Transactions younger than this cannot have been compacted (min.compaction.lag.ms is 24 h), so
    their record counts and checksums are verified at every restore."""

    drain_ms: int = 10_000
    """After SIGTERM, how long running commits may take before the process ends anyway."""

    restore_threads: int = 16
    """Tasks restored, or committing, at the same time."""

    write_ahead: bool = False
    """Whether RocksDB keeps a log of its own. Without it a killed worker restores the tail since its
    last memtable from the changelog (200,000 records a second); with it, each commit writes twice."""

    def __post_init__(self) -> None:
        assert 0 < self.chunk_records <= self.pending_records, "a chunk has to fit into the pending work"
        assert self.session_timeout_ms >= 6_000, "the broker's least session is 6 s"
        assert self.slow_commit_ms < self.transaction_timeout_ms, "a slow commit must show before its timeout"
        assert self.checked_age_ms > self.local_copy_age_ms, "a local copy's tail is always verified"
