"""What does the reference workload cost in Faust as its documentation writes it: event by event."""

from pathlib import Path

import faust

from ops.bench.reference import PARTITIONS, REMEMBERED_IDS
from ops.bench.reference_log import Names

APP_ID = "reference.idiomatic_faust"


class Incoming(faust.Record, include_metadata=False):
    """One input record."""

    id: str
    kind: str
    payment_id: str
    merchant_id: str
    amount: int
    currency: str
    seq: int
    at: int
    note: str


class Kept(faust.Record, include_metadata=False):
    """The state of one payment."""

    version: int
    merchant_id: str
    status: str
    total: int
    recent_ids: list[str]


class Outgoing(faust.Record, include_metadata=False):
    """One output record."""

    id: str
    payment_id: str
    merchant_id: str
    version: int
    status: str
    total: int


def run(bootstrap_servers: str, names: Names, data_dir: Path) -> None:
    """Handle records until SIGTERM."""
    app = _app(bootstrap_servers, names, data_dir)
    faust.Worker(app, loglevel="WARNING").execute_from_commandline()


def _app(bootstrap_servers: str, names: Names, data_dir: Path) -> faust.App:
    app = faust.App(
        APP_ID,
        broker=f"kafka://{bootstrap_servers}",
        store="rocksdb://",
        datadir=str(data_dir),
        topic_partitions=PARTITIONS,
        topic_replication_factor=1,
        web_enabled=False,
    )
    records = app.topic(names.records, key_type=str, value_type=Incoming)
    outputs = app.topic(names.tallies, key_type=str, value_type=Outgoing)
    tallies = app.Table("tallies", key_type=str, value_type=Kept, partitions=PARTITIONS)

    @app.agent(records)
    async def tally(stream: faust.StreamT[Incoming]) -> None:
        """Fold every record into its payment."""
        async for one in stream:
            before: Kept | None = tallies.get(one.payment_id)
            if before is not None and one.id in before.recent_ids:
                continue
            after = _after(before, one)
            tallies[one.payment_id] = after
            changed = Outgoing(
                id=one.id,
                payment_id=one.payment_id,
                merchant_id=after.merchant_id,
                version=after.version,
                status=after.status,
                total=after.total,
            )
            await outputs.send(key=after.merchant_id, value=changed)

    return app


def _after(before: Kept | None, one: Incoming) -> Kept:
    seen = [] if before is None else before.recent_ids
    return Kept(
        version=1 if before is None else before.version + 1,
        merchant_id=one.merchant_id if before is None else before.merchant_id,
        status=one.kind,
        total=one.amount + (0 if before is None else before.total),
        recent_ids=[*seen, one.id][-REMEMBERED_IDS:],
    )
