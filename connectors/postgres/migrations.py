"""Which schema does the database have: the numbered SQL files, each applied once and never changed."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Final, NamedTuple

import psycopg
import structlog

from connectors.runtime import ConnectorError
from schemas.money import EXPONENTS

# Any number that nothing else locks: one migration at a time in a database.
LOCK: Final = 7_246_083

_FILE_NAME: Final = re.compile(r"(\d{4})_[a-z0-9_]+\.sql\Z")

_log = structlog.get_logger(__name__)


class MigrationRefused(ConnectorError):
    """The database was made by other files than these; nothing has been changed."""


class Migration(NamedTuple):
    """One SQL file."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Hash of the file, hexadecimal."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> tuple[Migration, ...]:
    """The files of schemas/sql in order."""
    found = []
    for path in (files("schemas") / "sql").iterdir():
        match = _FILE_NAME.match(path.name)
        if match is not None:
            found.append(Migration(int(match[1]), path.name, path.read_text()))
    return tuple(sorted(found))


def migrate(connection: psycopg.Connection, wanted: Iterable[Migration]) -> None:
    """Apply what is missing, all or nothing. Raises MigrationRefused when an applied file has changed."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        applied = _applied(connection)
        missing = pending(wanted, applied)
        for migration in missing:
            connection.execute(migration.sql)
            connection.execute(
                "INSERT INTO meta.migrations (number, name, sha256) VALUES (%s, %s, %s)",
                [migration.number, migration.name, migration.sha256],
            )
            _log.info("migration applied", name=migration.name)
        connection.execute(
            "INSERT INTO meta.currencies (code, exponent) SELECT * FROM unnest(%s::text[], %s::smallint[])"
            " ON CONFLICT (code) DO NOTHING",
            [list(EXPONENTS), list(EXPONENTS.values())],
        )


def pending(wanted: Iterable[Migration], applied: Mapping[int, str]) -> tuple[Migration, ...]:
    """What of `wanted` is not applied yet. `applied`: hash by number. Raises MigrationRefused."""
    by_number = {migration.number: migration for migration in wanted}
    unknown = sorted(applied.keys() - by_number.keys())
    if unknown:
        raise MigrationRefused(f"the database has migration {unknown[-1]}, which this program is too old for")
    for number, sha256 in applied.items():
        if by_number[number].sha256 != sha256:
            raise MigrationRefused(
                f"{by_number[number].name} has changed since it was applied; put the change into a new file"
            )
    missing = tuple(migration for number, migration in by_number.items() if number not in applied)
    if missing and applied and missing[0].number < max(applied):
        raise MigrationRefused(
            f"{missing[0].name} comes before {max(applied):04d}, which is applied; renumber it"
        )
    return missing


def _applied(connection: psycopg.Connection) -> dict[int, str]:
    found = connection.execute("SELECT to_regclass('meta.migrations')").fetchone()
    if found is None or found[0] is None:
        return {}
    return dict(connection.execute("SELECT number, sha256 FROM meta.migrations").fetchall())
