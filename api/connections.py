"""How does a query reach Postgres: a few connections, a bounded queue, and a new try when one broke."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import psycopg
import structlog
from psycopg.abc import QueryNoTemplate

from api.problems import Problem
from schemas.outcomes import Outcome

Row = tuple[Any, ...]  # columns are typed where they are read

CONNECTIONS: Final = 4
MAX_WAITING: Final = 200
_CONNECT_TIMEOUT_S: Final = 3
_OPTIONS: Final = "-c statement_timeout=5000 -c default_transaction_read_only=on -c TimeZone=UTC"
_log = structlog.get_logger(__name__)


class Connections:
    """Read-only connections, opened when needed."""

    def __init__(self, dsn: str, *, size: int = CONNECTIONS, max_waiting: int = MAX_WAITING) -> None:
        self._dsn = dsn
        self._idle: list[psycopg.AsyncConnection[Row]] = []
        self._places = asyncio.Semaphore(size)
        self._waiting = 0
        self._max_waiting = max_waiting

    async def rows(self, query: QueryNoTemplate, parameters: Mapping[str, object]) -> list[Row]:
        """All rows of a query. Raises Problem when the database is not there or too many wait."""
        if self._waiting >= self._max_waiting:
            raise Problem(Outcome.OVERLOADED)
        self._waiting += 1
        try:
            async with self._places:
                return await self._tried_twice(query, parameters)
        except psycopg.OperationalError as error:
            _log.warning("postgres_unavailable", error=str(error).partition("\n")[0])
            raise Problem(Outcome.UNAVAILABLE, "what is stored cannot be read now") from error
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """Close what is open."""
        while self._idle:
            await self._idle.pop().close()

    async def _tried_twice(self, query: QueryNoTemplate, parameters: Mapping[str, object]) -> list[Row]:
        """A connection that lay idle may have died unnoticed; a fresh one tells whether Postgres is there."""
        while self._idle:
            connection = self._idle.pop()
            try:
                return await self._on(connection, query, parameters)
            except psycopg.OperationalError:
                if not connection.closed and not connection.broken:
                    raise
        return await self._on(await self._connect(), query, parameters)

    async def _on(
        self,
        connection: psycopg.AsyncConnection[Row],
        query: QueryNoTemplate,
        parameters: Mapping[str, object],
    ) -> list[Row]:
        is_usable = False
        try:
            cursor = await connection.execute(query, parameters)
            rows = await cursor.fetchall()
            is_usable = True
        finally:
            if is_usable:
                self._idle.append(connection)
            else:
                await connection.close()
        return rows

    async def _connect(self) -> psycopg.AsyncConnection[Row]:
        return await psycopg.AsyncConnection.connect(
            self._dsn,
            autocommit=True,
            connect_timeout=_CONNECT_TIMEOUT_S,
            options=_OPTIONS,
            application_name="millrace-api",
        )
