"""What does an auditor get: the journal as it is stored, the seals, the rows of Postgres, and how to read them?"""

import base64
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from ops.errors import SealsAway, TablesAway
from ops.verify.log import Ends, Log
from ops.verify.postgres import Postgres
from schemas import registry, topics
from schemas.audit import JournalSealed, plain
from schemas.audit_files import public_key_file, seals_file
from schemas.codec import codec_of
from schemas.settings import Settings

_WAIT_S: Final = 60.0
_POLL_S: Final = 0.2
_ENTRIES: Final = "SELECT entry_id, account_id, direction, phase, amount_minor, _partition, _offset FROM mart.ledger_entries"
_LAST: Final = "SELECT _partition, max(_offset) FROM raw.ledger_journal GROUP BY _partition"
_BALANCES: Final = (
    "SELECT account_id, seq, debits_pending_minor, debits_posted_minor, credits_pending_minor, "
    "credits_posted_minor, _partition FROM mart.balances"
)


def export(settings: Settings, directory: Path) -> dict[str, int]:
    """Write everything `standalone.py` reads into a directory; how many of each.

    What the journal says now is waited for in the tables and under a seal outside; the tables are read as of one
    moment, and then the journal to its end, so that no row is of a record that is not there. Raises LogUnreadable,
    TablesAway, SealsAway, OSError.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with Log(settings) as log:
        ends = log.ends(topics.LEDGER_JOURNAL.name)
        # Balances are told with the records they follow, so those up to the journal's ends are told by now.
        told = log.ends(topics.LEDGER_BALANCES.name)
        _loaded(settings, {topics.LEDGER_JOURNAL.name: ends, topics.LEDGER_BALANCES.name: told})
        # A seal is in its topic before it is in the file, so the file is read first.
        outside = _outside(settings)
        (directory / "outside.jsonl").write_text(outside)
        seals = sealed(log)
        # What is sealed has its rows, and the newest seal may be newer than what was waited for.
        told = log.ends(topics.LEDGER_BALANCES.name)
        _loaded(
            settings, {topics.LEDGER_JOURNAL.name: _sealed_ends(outside), topics.LEDGER_BALANCES.name: told}
        )
        with psycopg.connect(settings.postgres_dsn, row_factory=dict_row) as database:
            database.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            entries, balances = list(database.execute(_ENTRIES)), list(database.execute(_BALANCES))
        sizes = _journal(log, log.ends(topics.LEDGER_JOURNAL.name), directory)
    _write(directory / "seals.jsonl", (plain(seal) for seal in seals))
    schemas = {one.id: json.loads(one.text) for one in registry.of_topic(topics.LEDGER_JOURNAL.name)}
    (directory / "schemas.json").write_text(json.dumps(schemas))
    (directory / "seal.pub").write_text(public_key_file(settings).read_text())
    _write(directory / "entries.jsonl", entries)
    _write(directory / "balances.jsonl", balances)
    return {
        "records": sum(sizes.values()),
        "seals": len(seals),
        "entries": len(entries),
        "balances": len(balances),
    }


def sealed(log: Log) -> list[JournalSealed]:
    """Every seal in its topic, in order of its number."""
    name = topics.LEDGER_SEALS.name
    decode = codec_of(topics.LEDGER_SEALS).decode
    found = [decode(record.value).body for record in log.records(name, log.ends(name))]
    return sorted(found, key=lambda seal: seal.number)


def _outside(settings: Settings) -> str:
    """The seals outside, once they cover what is in the tables now."""
    with psycopg.connect(settings.postgres_dsn) as database:
        last: dict[int, int] = dict(database.execute(_LAST).fetchall())
    path, wait_s = seals_file(settings), settings.audit_seal_ms / 1_000 + _WAIT_S
    give_up_s = time.monotonic() + wait_s
    while True:
        text = path.read_text() if path.exists() else ""
        covered = _sealed_ends(text)
        behind = [number for number, offset in last.items() if covered.get(number, 0) <= offset]
        if not behind:
            return text
        if time.monotonic() > give_up_s:
            raise SealsAway(
                f"no seal covers what partitions {behind} of the journal held {wait_s:.0f} s ago; "
                "is connectors.audit running?"
            )
        time.sleep(_POLL_S)


def _sealed_ends(outside: str) -> dict[int, int]:
    """Behind which offset of each partition the newest seal ends; the last line may be under way."""
    lines = outside.splitlines() if outside.endswith("\n") else []
    return {
        one["partition"]: one["next_offset"] for line in lines[-1:] for one in json.loads(line)["partitions"]
    }


def _journal(log: Log, ends: Ends, directory: Path) -> dict[int, int]:
    sizes = {}
    for partition, end in ends.items():
        sizes[partition] = 0
        with (directory / f"journal-{partition}.jsonl").open("w") as file:
            for record in log.read(topics.LEDGER_JOURNAL.name, partition, end):
                assert record.key is not None, "a record of the journal has a key"
                assert record.value is not None, "a record of the journal has a value"
                line = {
                    "offset": record.offset,
                    "key": record.key.decode(),
                    "value": base64.b64encode(record.value).decode(),
                }
                file.write(json.dumps(line) + "\n")
                sizes[partition] += 1
    return sizes


def _loaded(settings: Settings, ends: Mapping[str, Ends]) -> None:
    with Postgres(settings.postgres_dsn) as postgres:
        behind = postgres.wait_for(ends, _WAIT_S)
    if behind:
        raise TablesAway(f"the sink is behind after {_WAIT_S:.0f} s: {'; '.join(behind)}; is it running?")


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")
