"""Where do benchmarks of the whole platform run: a real one of their own, thrown away afterwards."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from msgspec.structs import replace

from ops import accounts, lifecycle
from ops.bench.errors import BenchFailed
from ops.bench.meter import Meter
from schemas.settings import Settings

_PAUSE_S = 0.25
_SETTLE_DEADLINE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """A running platform with one merchant. meter: watches every process of it, by role."""

    api_url: str
    postgres_dsn: str
    secret_key: str = field(repr=False)
    operator_key: str = field(repr=False)
    meter: Meter

    def count(self, status: str) -> int:
        """Payments that Postgres shows in a status."""
        with psycopg.connect(self.postgres_dsn) as connection:
            row = connection.execute(
                "SELECT count(*) FROM mart.payments WHERE status = %s", (status,)
            ).fetchone()
        return 0 if row is None else int(row[0])

    def settle(self, status: str, count: int) -> None:
        """Wait until Postgres shows so many payments in a status. Raises BenchFailed when it never does."""
        deadline = time.monotonic() + _SETTLE_DEADLINE_S
        while (found := self.count(status)) < count:
            if time.monotonic() > deadline:
                raise BenchFailed(
                    f"Postgres shows {found} of {count} payments as {status} after {_SETTLE_DEADLINE_S:.0f} s"
                )
            time.sleep(_PAUSE_S)


@contextmanager
def platform(settings: Settings) -> Iterator[Live]:
    """A platform in a new directory for as long as the block lasts. Raises StackError, OpsError."""
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as scratch:
        own = replace(settings, data_dir=str(Path(scratch) / "platform"))
        try:
            running = lifecycle.up(own, api_port=None, is_detached=True)
            api_url, operator_key = lifecycle.api_access(own)
            merchant = accounts.create_merchant(api_url, operator_key, display_name="Bench")
            yield Live(
                api_url=running.api_url,
                postgres_dsn=running.postgres_dsn,
                secret_key=merchant["secret_key"],
                operator_key=operator_key,
                meter=Meter({one.role: one.pid for one in running.processes if one.pid is not None}),
            )
        finally:
            lifecycle.down(own)
