"""How is the database reached: one connection, opened again with back-off when it breaks."""

import time
from collections.abc import Callable
from threading import Event
from typing import Final

import psycopg
import structlog

from connectors.retries import backoff_ms
from connectors.runtime import ConnectorError

GIVE_UP_AFTER_S: Final = 60.0
FIRST_DELAY_MS: Final = 100
MOST_DELAY_MS: Final = 5_000
CONNECT_TIMEOUT_S: Final = 5

# Tables that were empty when a statement was first planned grow before anyone analyses them, and the
# plan stays; joins from a batch into a table by index are right at every size.
SESSION: Final = (
    "-c statement_timeout=60s -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
)

_log = structlog.get_logger(__name__)


class DatabaseUnavailable(ConnectorError):
    """The database did not come back in time, or the process was stopped while waiting for it."""


class Database:
    """A connection that is there when asked for. `prepare` runs on every new one."""

    def __init__(self, dsn: str, stopping: Event, prepare: Callable[[psycopg.Connection], None]) -> None:
        self._dsn = dsn
        self._stopping = stopping
        self._prepare = prepare
        self._connection: psycopg.Connection | None = None

    def connection(self) -> psycopg.Connection:
        """The open connection, a new one if need be; waits at most a minute. Raises DatabaseUnavailable."""
        if self._connection is None:
            self._connection = self._opened()
        return self._connection

    def discard(self) -> None:
        """Give up a connection that broke."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def pause(self, failures: int) -> None:
        """Wait before the next try after `failures` in a row. Raises DatabaseUnavailable when stopped."""
        delay_ms = backoff_ms(failures, first_ms=FIRST_DELAY_MS, most_ms=MOST_DELAY_MS)
        if self._stopping.wait(delay_ms / 1000):
            raise DatabaseUnavailable("stopped while waiting for the database; nothing is half written")

    def _opened(self) -> psycopg.Connection:
        failures, since_s = 0, time.monotonic()
        while True:
            try:
                return self._connected()
            except psycopg.OperationalError as error:
                failures += 1
                if time.monotonic() - since_s > GIVE_UP_AFTER_S:
                    raise DatabaseUnavailable(f"no database after {failures} tries: {error}") from error
                _log.warning("database not reached", tries=failures, error=str(error).strip())
                self.pause(failures)

    def _connected(self) -> psycopg.Connection:
        connection = psycopg.connect(
            self._dsn,
            autocommit=True,
            application_name="millrace.postgres",
            connect_timeout=CONNECT_TIMEOUT_S,
            options=SESSION,
            tcp_user_timeout=30_000,
        )
        try:
            self._prepare(connection)
        except psycopg.Error:
            connection.close()
            raise
        return connection
