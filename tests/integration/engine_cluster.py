"""What the tests of the engine do with a real broker: topics, records, and workers as processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from schemas.kafka import PARTITIONER
from schemas.topics import CHANGELOG_SETTINGS
from streams.engine import positions
from streams.engine.config import EngineConfig
from streams.engine.positions import POSITIONS_KEY, PositionsRecord
from streams.engine.provisioning import provision_stage
from streams.engine.spec import StageSpec

ROOT = Path(__file__).parents[2]


def eventually(condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """The first true value of `condition`; fails with `what` when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


class Changelog(NamedTuple):
    """A changelog partition as a reader of committed records sees it."""

    rows: dict[bytes, bytes]
    positions: list[PositionsRecord]


class Cluster:
    """One broker, used under names that no other test uses."""

    def __init__(self, bootstrap_servers: str, directory: Path) -> None:
        self.bootstrap_servers = bootstrap_servers
        self.directory = directory
        self.admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 5})

    def config(self, worker: str, **changed: Any) -> EngineConfig:
        """The configuration of one worker."""
        return EngineConfig(
            bootstrap_servers=self.bootstrap_servers,
            worker=worker,
            data_dir=self.directory / worker,
            **changed,
        )

    def make_topics(
        self, names: Iterable[str], partitions: int, settings: Mapping[str, str] | None = None
    ) -> None:
        """Create topics; they are known to the broker on return."""
        wanted = [NewTopic(name, partitions, 1, config=dict(settings or {})) for name in names]
        for future in self.admin.create_topics(wanted).values():
            future.result(30)

    def provision(self, specs: Sequence[StageSpec], partitions: int) -> None:
        """Create the changelogs of stages and write the first positions of their tasks."""
        self.make_topics([spec.changelog for spec in specs], partitions, CHANGELOG_SETTINGS)
        for spec in specs:
            provision_stage(spec, self.config("provisioning"))

    def send(self, topic: str, records: Iterable[tuple[bytes, bytes]]) -> None:
        """Write records and wait for their acknowledgement."""
        producer = Producer(
            {"bootstrap.servers": self.bootstrap_servers, "partitioner": PARTITIONER, "linger.ms": 5}
        )
        for key, value in records:
            producer.produce(topic, value, key)
        assert 0 == producer.flush(30)

    def ends(self, topic: str, partitions: int) -> list[int]:
        """The end offset of every partition."""
        reader = self._reader()
        found = [
            reader.get_watermark_offsets(TopicPartition(topic, number), 10)[1] for number in range(partitions)
        ]
        reader.close()
        return found

    def read(self, topic: str, partitions: Iterable[int]) -> list[Message]:
        """Every committed record up to the end, partition by partition in order."""
        reader = self._reader()
        assigned = [TopicPartition(topic, partition, 0) for partition in partitions]
        reader.assign(assigned)
        found, ended = [], 0
        while ended < len(assigned):
            for message in reader.consume(10_000, 0.1):
                problem = message.error()
                if problem is None:
                    found.append(message)
                else:
                    assert KafkaError._PARTITION_EOF == problem.code(), problem
                    ended += 1
        reader.close()
        return sorted(found, key=lambda message: (message.partition() or 0, message.offset() or 0))

    def changelog(self, spec: StageSpec, partition: int) -> Changelog:
        """The table of a task and all its positions, folded from what is committed."""
        rows: dict[bytes, bytes] = {}
        found = []
        for message in self.read(spec.changelog, [partition]):
            key, value = message.key() or b"", message.value()
            if key == POSITIONS_KEY:
                found.append(positions.decode(value or b""))
            elif value is None:
                rows.pop(key, None)
            else:
                rows[key] = value
        return Changelog(rows, found)

    def has_group_offsets(self, spec: StageSpec, partitions: int) -> bool:
        """Whether the stage has published how far it came."""
        reader = self._reader(spec.group)
        found = reader.committed([TopicPartition(spec.input_topics[0], n) for n in range(partitions)], 10)
        reader.close()
        return any(one.offset > 0 for one in found)

    def _reader(self, group: str = "engine-tests") -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self.bootstrap_servers,
                "group.id": group,
                "isolation.level": "read_committed",
                "auto.offset.reset": "error",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 10,
            }
        )


class WorkerProcess:
    """A worker of its own process: `module` is run with the configuration as JSON and `arguments`."""

    def __init__(self, module: str, config: EngineConfig, arguments: Sequence[str]) -> None:
        fields = {name: getattr(config, name) for name in config.__slots__}
        encoded = json.dumps({**fields, "data_dir": str(config.data_dir)})
        self._command = [sys.executable, "-m", module, encoded, *arguments]
        self.log = config.data_dir.with_suffix(".log")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._command, cwd=ROOT, stderr=log, stdout=log)

    def restart(self) -> None:
        """Kill it without warning and start it again, as a supervisor does."""
        self.kill()
        self.start()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to end, and its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def exit_code(self, seconds: float = 60) -> int:
        """Wait until it ends by itself."""
        return self.process.wait(seconds)

    def said(self) -> str:
        """Its log so far."""
        return self.log.read_text(errors="replace")

    def cpu_seconds(self) -> float:
        """CPU it has used so far, user and system."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
