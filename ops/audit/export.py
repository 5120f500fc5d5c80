"""What does an auditor get: the journal as it is stored, the seals, the rows of Postgres, and how to read them?"""

import base64
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from ops.errors import TablesAway
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
_BALANCES: Final = (
    "SELECT account_id, seq, debits_pending_minor, debits_posted_minor, credits_pending_minor, "
    "credits_posted_minor, _partition FROM mart.balances"
)


def export(settings: Settings, directory: Path) -> dict[str, int]:
    """Write everything `standalone.py` reads into a directory; how many of each.

    What the journal says now is waited for in the tables, and so is the first seal; the tables are read as of one
    moment, and then the journal to its end: no row is of a record that is not there. Raises LogUnreadable,
    TablesAway, OSError.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with Log(settings) as log:
        ends = log.ends(topics.LEDGER_JOURNAL.name)
        # A seal is in its topic before it is in the file, so the file is read first.
        (directory / "outside.jsonl").write_text(_outside(settings, is_awaited=any(ends.values())))
        seals = sealed(log)
        # Balances are told with the records they follow, so those up to the journal's ends are told by now.
        told = log.ends(topics.LEDGER_BALANCES.name)
        _loaded(settings, {topics.LEDGER_JOURNAL.name: ends, topics.LEDGER_BALANCES.name: told})
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


def _outside(settings: Settings, *, is_awaited: bool) -> str:
    """The seals outside. The first is made within the time between seals once there is anything to seal."""
    path, give_up_s = seals_file(settings), time.monotonic() + settings.audit_seal_ms / 1_000 + _WAIT_S
    while is_awaited and not (path.exists() and path.stat().st_size) and time.monotonic() < give_up_s:
        time.sleep(_POLL_S)
    return path.read_text() if path.exists() else ""


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
