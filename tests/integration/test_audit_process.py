"""The sealer's process on a real broker: killed at any time it goes on where its last seal stands."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ops.audit.export import sealed
from ops.stack import kafka as kafka_stack
from ops.verify.log import Log
from schemas import topics
from schemas.audit import JournalSealed, line_of, seal_hash
from schemas.settings import Settings
from tests.integration.sink_bench import Process, create_topics, until
from tests.ops.audit.histories import KEY, journal

pytestmark = pytest.mark.integration


class Audit:
    """A sealer's process, the topic it writes and the file outside."""

    def __init__(self, broker: kafka_stack.Broker, root: Path) -> None:
        self._settings = Settings(kafka_bootstrap_servers=broker.bootstrap_servers)
        self._root, self.file = root, root / "seals.jsonl"
        root.mkdir()
        pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (root / "seal.key").write_bytes(pem)
        self._process: Process | None = None

    def start(self) -> Process:
        settings: dict[str, object] = {
            "kafka_bootstrap_servers": self._settings.kafka_bootstrap_servers,
            "audit_key_file": self._root / "seal.key",
            "audit_file": self.file,
            "audit_seal_ms": 100,
        }
        self._process = Process("connectors.audit", self._root / "log", **settings)
        return self._process

    def stop(self) -> None:
        if self._process is not None and self._process.is_running:
            self._process.kill()

    def write(self, partition: int, values: list[bytes]) -> None:
        """Records of the journal."""
        producer = Producer({"bootstrap.servers": self._settings.kafka_bootstrap_servers})
        for value in values:
            producer.produce(topics.LEDGER_JOURNAL.name, value, b"book", partition)
        assert 0 == producer.flush(10)

    def abort(self, count: int) -> None:
        """Begin so many transactions in the topic of seals, and end none of them well."""
        producer = Producer(
            {"bootstrap.servers": self._settings.kafka_bootstrap_servers, "transactional.id": "aborting"}
        )
        producer.init_transactions(30)
        for _ in range(count):
            producer.begin_transaction()
            producer.produce(topics.LEDGER_SEALS.name, b"", b"seal")
            producer.flush(10)
            producer.abort_transaction(30)

    def seals(self) -> list[JournalSealed]:
        with Log(self._settings) as log:
            return sealed(log)

    def sealed_records(self) -> int:
        seals = self.seals()
        return sum(one.size for one in seals[-1].partitions) if seals else 0


@pytest.fixture
def audit(tmp_path: Path) -> Iterator[Audit]:
    with kafka_stack.running(tmp_path / "kafka") as broker:
        create_topics(broker.bootstrap_servers, [topics.LEDGER_JOURNAL, topics.LEDGER_SEALS])
        audit = Audit(broker, tmp_path / "audit")
        yield audit
        audit.stop()


def test_a_killed_sealer_goes_on_without_gap_or_contradiction(audit: Audit) -> None:
    """kill -9 between and in seals, a file cut off in its last line: one chain of seals, in the topic and outside."""
    values, told = journal(), 0
    for partition, each in values.items():
        for value in each:
            audit.write(partition, [value])
            told += 1
            process = audit.start()
            until(lambda told=told: audit.sealed_records() >= told, "what was written is sealed")  # type: ignore[misc]  # bound at once
            process.kill()
            with audit.file.open("ab") as file:
                file.write(b'{"number":9')
    audit.start().ask_to_stop()
    seals = audit.seals()
    assert list(range(1, len(seals) + 1)) == [seal.number for seal in seals]
    assert [seal_hash(seal) for seal in seals[:-1]] == [seal.previous for seal in seals[1:]]
    outside = audit.file.read_bytes().rpartition(b"\n")[0].decode().splitlines()
    assert [line_of(seal) for seal in seals][: len(outside)] == outside
    assert len(seals) - len(outside) <= 1


@pytest.mark.parametrize("kept_lines", [0, 1, 3])
def test_the_last_seal_is_found_however_many_attempts_were_aborted(audit: Audit, kept_lines: int) -> None:
    """They take offsets behind it; the file gets the seals it lacks."""
    values = journal()[0]
    for told, value in enumerate(values[:3], 1):
        audit.write(0, [value])
        process = audit.start()
        until(lambda told=told: audit.sealed_records() >= told, "it is sealed")  # type: ignore[misc]  # bound at once
        process.kill()
    seals = audit.seals()
    lines = "".join(f"{line_of(seal)}\n" for seal in seals)
    audit.file.write_text("".join(lines.splitlines(keepends=True)[:kept_lines]))
    audit.abort(20)
    audit.write(0, [values[3]])
    process = audit.start()
    until(lambda: audit.sealed_records() > 3, "it goes on")
    assert 0 == process.ask_to_stop()
    assert audit.file.read_text().startswith(lines)


def test_a_file_that_says_something_else_stops_the_sealer(audit: Audit) -> None:
    """Nothing is sealed over a contradiction; somebody has to look."""
    audit.write(0, journal()[0])
    process = audit.start()
    until(lambda: audit.sealed_records() > 0, "a seal")
    assert 0 == process.ask_to_stop()
    before = audit.file.read_text()
    audit.file.write_text(before.replace('"sealed_at_ms":1', '"sealed_at_ms":2'))
    process = audit.start()
    until(lambda: not process.is_running, "the sealer ends")
    assert "Contradiction" in (audit.file.parent / "log").read_text()
    assert 1 == len(audit.seals())
