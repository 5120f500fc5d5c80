"""A history of the ledger as an auditor gets it: written by the real step, sealed by the real sealer."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from prometheus_client import CollectorRegistry

from connectors.audit.sealer import Sealer
from connectors.runtime import Assigned, Partition, Record
from schemas import registry, topics
from schemas.audit import JournalSealed, plain
from schemas.codec import codec_of
from schemas.ledger import RecordCapture, Terms, TransactionPosted
from schemas.testing import OTHER_MERCHANT
from streams.ledger.testing import DAY, Desk, command

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
Lines = list[dict[str, Any]]


class Kept:
    """Seals in memory."""

    def __init__(self) -> None:
        self.seals: list[JournalSealed] = []

    def last(self) -> JournalSealed | None:
        return self.seals[-1] if self.seals else None

    def keep(self, seal: JournalSealed) -> None:
        self.seals.append(seal)


def journal() -> dict[int, list[bytes]]:
    """Two partitions: sales, refunds, a refusal, holds and what days bring."""
    first = Desk(0).open().hold().capture().capture(payment="q").wait(2 * DAY)
    first.reserve(4_000).succeed(4_000).reserve(99_999_99, name="2").release()
    return {0: first.values, 1: others(5_000)}


def others(amount_minor: int) -> list[bytes]:
    """The other partition: one sale of another merchant, available by now."""
    desk = Desk(1).terms(Terms(), merchant=OTHER_MERCHANT)
    desk.tell(command(RecordCapture, amount_minor, merchant=OTHER_MERCHANT), merchant=OTHER_MERCHANT)
    return desk.wait(2 * DAY).values


def sealed(values: dict[int, list[bytes]], *, key: Ed25519PrivateKey = KEY) -> list[JournalSealed]:
    """Seals of a journal: one in its middle and one at its end. An offset is twice the place of its record."""
    kept, now = Kept(), [0]
    sealer = Sealer(kept, key, every_ms=60_000, now_ms=lambda: now[0], registry=CollectorRegistry())
    places = {number: Partition(topics.LEDGER_JOURNAL.name, number) for number in values}
    sealer.on_assigned([Assigned(place, 0, 1_000) for place in places.values()])
    records = [
        Record(places[number], 2 * at, 0, b"book", value, ())
        for number, each in values.items()
        for at, value in enumerate(each)
    ]
    half = len(records) // 2
    for part in (records[:half], records[half:]):
        now[0] += 30_000
        sealer.on_records(part)
        now[0] += 30_000
        sealer.on_idle()
    return kept.seals


def export(directory: Path, values: dict[int, list[bytes]] | None = None) -> Path:
    """Everything in a directory, as `millrace audit export` writes it."""
    values = journal() if values is None else values
    seals = sealed(values)
    key = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    (directory / "seal.pub").write_text(key)
    known = {one.id: json.loads(one.text) for one in registry.of_topic(topics.LEDGER_JOURNAL.name)}
    (directory / "schemas.json").write_text(json.dumps(known))
    for name in ("seals", "outside"):
        write(directory / f"{name}.jsonl", [plain(seal) for seal in seals])
    for number, each in values.items():
        write(directory / f"journal-{number}.jsonl", records(each))
    write(directory / "entries.jsonl", _entries(values))
    write(directory / "balances.jsonl", _balances(values))
    return directory


def records(values: list[bytes]) -> Lines:
    """Records of a partition."""
    return [
        {"offset": 2 * at, "key": "book", "value": base64.b64encode(value).decode()}
        for at, value in enumerate(values)
    ]


def write(path: Path, lines: Lines) -> None:
    """Lines of JSON."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def read(path: Path) -> Lines:
    """Lines of JSON."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def changed(path: Path, change: Callable[[Lines], None]) -> None:
    """Change the lines of a file."""
    lines = read(path)
    change(lines)
    write(path, lines)


def _posted(values: dict[int, list[bytes]]) -> list[tuple[int, int, TransactionPosted]]:
    decode = codec_of(topics.LEDGER_JOURNAL).decode
    bodies = [
        (number, at, decode(value).body) for number, each in values.items() for at, value in enumerate(each)
    ]
    return [(number, at, body) for number, at, body in bodies if isinstance(body, TransactionPosted)]


def _entries(values: dict[int, list[bytes]]) -> Lines:
    return [
        {
            "entry_id": f"{body.transaction_id}:{number}",
            "account_id": leg.account_id,
            "direction": leg.side,
            "phase": leg.phase,
            "amount_minor": leg.amount_minor,
            "_partition": partition,
            "_offset": 2 * at,
        }
        for partition, at, body in _posted(values)
        for number, leg in enumerate(body.legs, 1)
    ]


def _balances(values: dict[int, list[bytes]]) -> Lines:
    rows: dict[str, dict[str, Any]] = {}
    for partition, _, body in _posted(values):
        for leg in body.legs:
            row = rows.setdefault(leg.account_id, {"account_id": leg.account_id, "_partition": partition})
            kind = f"{leg.side}s_{'posted' if leg.phase == 'posted' else 'pending'}_minor"
            row[kind] = row.get(kind, 0) + (
                -leg.amount_minor if leg.phase == "released" else leg.amount_minor
            )
            row["seq"] = body.seq
    counters = (
        "debits_pending_minor",
        "debits_posted_minor",
        "credits_pending_minor",
        "credits_posted_minor",
    )
    return [{**dict.fromkeys(counters, 0), **row} for row in rows.values()]
