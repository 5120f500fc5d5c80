"""How is a real single-node Kafka run from jars, without anything installed?"""

import os
import socket
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ops.stack import java
from ops.stack.directory import claim, explain_full_disk, new_cluster_id, write_atomically
from ops.stack.errors import StartFailed
from ops.stack.ports import LOOPBACK, free_port
from ops.stack.processes import ProcessSpec, Running

ROLE: Final = "kafka"
VERSION: Final = "4.2.2"
# The mark of the second keeps the versions it manages from replacing those that Kafka asks for.
COORDINATES: Final = (
    f"org.apache.kafka:kafka_2.13:{VERSION}",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.3!",
)
_FORMAT_TIMEOUT_S: Final = 60
_RECORD_TIMEOUT_S: Final = 60
_PROBE_TIMEOUT_S: Final = 1.0
_API_VERSIONS_KEY: Final = 18
_LOGGING: Final = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %-5p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSettings:
    """What may differ between brokers.

    port: where clients connect, on the loopback. controller_port: the broker's own, None for a free one.
    heap_mb: upper bound of the Java heap in MiB. cache_dir: where jars are kept, None for the user's cache.
    overrides: further broker properties by Kafka's names.
    """

    port: int = 9092
    controller_port: int | None = None
    heap_mb: int = 384
    cache_dir: Path | None = None
    overrides: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAnswers:
    """The probe of a broker: it answers an ApiVersions request, so it serves clients."""

    port: int

    def is_ready(self) -> bool:
        # Header version 1: api key, api version, correlation id, no client id.
        request = struct.pack(">hhih", _API_VERSIONS_KEY, 0, 0, -1)
        try:
            with socket.create_connection((LOOPBACK, self.port), _PROBE_TIMEOUT_S) as connection:
                connection.sendall(struct.pack(">i", len(request)) + request)
                return len(connection.recv(4)) == 4
        except OSError:
            return False


def prepare(data_dir: Path, settings: KafkaSettings) -> ProcessSpec:
    """Make `data_dir` ready for a broker and say how to run it.

    Fetches the jars at the very first call, writes the configuration, and formats the storage of a new
    directory; an existing one keeps its data. Raises StackError.
    """
    marker = claim(data_dir)
    cache_dir = settings.cache_dir or java.cache_directory()
    with explain_full_disk(cache_dir):
        program = _program(cache_dir)
    home = data_dir.resolve() / "kafka"
    with explain_full_disk(data_dir):
        spec = _configure(home, settings, program)
        if not (home / "data" / "meta.properties").exists():
            _format(home, program, marker.cluster_id)
    return spec


class Broker(Running):
    """A running broker of one's own."""

    def __init__(self, spec: ProcessSpec, log_path: Path) -> None:
        super().__init__(spec, log_path)
        self.port = spec.ports["kafka"]

    @property
    def bootstrap_servers(self) -> str:
        """Where clients connect, as Kafka's setting `bootstrap.servers`."""
        return f"{LOOPBACK}:{self.port}"


@contextmanager
def running(data_dir: Path, *, port: int | None = None, heap_mb: int = 384) -> Iterator[Broker]:
    """A broker on `data_dir` for as long as the block lasts; on a free port unless one is given.

    The calling thread must outlive the block: the broker dies with it.
    """
    spec = prepare(data_dir, KafkaSettings(port=port or free_port(), heap_mb=heap_mb))
    broker = Broker(spec, data_dir / "logs" / f"{ROLE}.log")
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


def _configure(home: Path, settings: KafkaSettings, program: java.Program) -> ProcessSpec:
    controller_port = settings.controller_port or free_port()
    home.mkdir(parents=True, exist_ok=True)
    write_atomically(home / "log4j2.properties", _LOGGING.encode())
    write_atomically(home / "server.properties", _properties(home, settings, controller_port))
    command = program.command("kafka.Kafka", heap_mb=settings.heap_mb, options=_options(home))
    return ProcessSpec(
        role=ROLE,
        argv=(*command, str(home / "server.properties")),
        cwd=home,
        ready=BrokerAnswers(port=settings.port),
        ports={"kafka": settings.port, "kafka controller": controller_port},
    )


def _properties(home: Path, settings: KafkaSettings, controller_port: int) -> bytes:
    properties = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller_port}",
        "listeners": f"BROKER://{LOOPBACK}:{settings.port},CONTROLLER://{LOOPBACK}:{controller_port}",
        "advertised.listeners": f"BROKER://{LOOPBACK}:{settings.port}",
        "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "BROKER",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(home / "data"),
        **_SINGLE_NODE,
        **(settings.overrides or {}),
    }
    return "".join(f"{name}={value}\n" for name, value in properties.items()).encode()


_SINGLE_NODE: Final = {
    # A topic exists because the topic registry created it, with its partitions and retention.
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    # One copy of everything, and few partitions for the few groups and transactional ids of one machine:
    # each of them costs files, memory and start time.
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    # Two processors are the common case; the defaults are made for servers.
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    "group.coordinator.threads": "1",
    "num.recovery.threads.per.data.dir": "1",
    "log.cleaner.dedupe.buffer.size": "16777216",
    "log.segment.bytes": "268435456",
    # After a crash the controller of the new process waits for the session of the old broker to end
    # before it lets the new one in; the default makes that nine seconds.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "1000",
    # The controller otherwise writes an empty record twice a second, for followers that do not exist.
    "metadata.max.idle.interval.ms": "10000",
    # Expired transactions end soon after their timeout, so that a dead producer blocks readers briefly.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    "transaction.max.timeout.ms": "900000",
    "group.min.session.timeout.ms": "1000",
}


def _options(home: Path) -> tuple[str, ...]:
    return (f"-Dlog4j2.configurationFile={home / 'log4j2.properties'}",)


def _format(home: Path, program: java.Program, cluster_id: str) -> None:
    storage_tool = program.command("kafka.tools.StorageTool", heap_mb=128, options=_options(home))
    arguments = ("format", "--cluster-id", cluster_id, "--config", str(home / "server.properties"))
    result = subprocess.run(  # noqa: S603  -- our own command line, without a shell
        [*storage_tool, *arguments], capture_output=True, text=True, timeout=_FORMAT_TIMEOUT_S, check=False
    )
    if result.returncode != 0:
        raise StartFailed(f"Kafka's storage in {home} could not be formatted: {result.stderr.strip()[-500:]}")


def _program(cache_dir: Path) -> java.Program:
    jars = java.jars_of(COORDINATES, cache_dir)
    warm_start = jars[0].parent / f"{java.runtime_version()}.aot"
    # A cache filled by someone else for all to read serves as it is.
    if not warm_start.exists() and os.access(warm_start.parent, os.W_OK):
        _record_warm_start(jars, warm_start)
    return java.Program(jars=jars, warm_start=warm_start)


def _record_warm_start(jars: tuple[Path, ...], warm_start: Path) -> None:
    """Run a broker once in a directory of its own and keep the classes it loaded."""
    program = java.Program(jars=jars)
    with tempfile.TemporaryDirectory(prefix=".record-", dir=warm_start.parent) as scratch:
        home, draft = Path(scratch) / "kafka", Path(scratch) / warm_start.name
        spec = _configure(home, KafkaSettings(port=free_port()), program)
        _format(home, program, new_cluster_id())
        recording = (spec.argv[0], f"-XX:AOTCacheOutput={draft}", *spec.argv[1:])
        broker = Broker(replace(spec, argv=recording, stop_grace_s=_RECORD_TIMEOUT_S), home / "record.log")
        broker.start()
        broker.stop()
        if not draft.exists():
            raise StartFailed(f"Java kept no classes in {warm_start}: {broker.end_of_log()}")
        draft.replace(warm_start)
