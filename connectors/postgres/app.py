"""How is the sink put together: settings, database, topics and loop of one process."""

import os
import time
from typing import Final

import psycopg

from connectors.dead_letters import DeadLetters
from connectors.metrics import new_registry, serving
from connectors.postgres.database import Database
from connectors.postgres.measures import Measures
from connectors.postgres.migrations import migrate, migrations
from connectors.postgres.sink import TOPICS, Sink
from connectors.postgres.writer import Writer
from connectors.runtime import ConnectorLoop, Subscription, run_process, stop_on_signals
from schemas.logs import configure_logs
from schemas.settings import Settings, parse_settings

ROLE: Final = "postgres"
GROUP: Final = "millrace.connectors.postgres.v1"
LINGER_MS: Final = 20


def main() -> int:
    """Run the sink until SIGTERM; the exit code of the process."""
    settings = parse_settings(os.environ)
    configure_logs(settings.log_level, role=ROLE)
    return run_process(ROLE, lambda: run(settings))


def run(settings: Settings) -> None:
    """Bring the database to the schema of this program, then load the topics until stopped."""
    stopping = stop_on_signals()
    member = f"postgres-{settings.worker_name}"
    database = Database(settings.postgres_dsn, stopping, prepare)
    subscription = Subscription(
        group=GROUP, member=member, topics=tuple(topic.name for topic in TOPICS), linger_ms=LINGER_MS
    )
    letters = DeadLetters(settings.kafka_bootstrap_servers, client_id=member)
    # The tables are there before the first record is.
    database.connection()
    loop = ConnectorLoop(subscription, settings, stopping)
    registry = new_registry()
    sink = Sink(
        loop,
        Writer(database),
        letters,
        measures=Measures(registry, lambda: time.time_ns() // 1_000_000),
        batch=settings.sink_batch,
    )
    with serving(registry, settings):
        loop.run(sink)
    database.discard()


def prepare(connection: psycopg.Connection) -> None:
    """Make a new connection ready: the tables of this program."""
    migrate(connection, migrations())
