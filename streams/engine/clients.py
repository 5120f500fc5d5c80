"""How does the engine configure its Kafka clients: librdkafka settings, no connection."""

from schemas.kafka import LIBRARY_LOG, PARTITIONER, ClientSettings
from streams.engine.config import EngineConfig


def transactional(config: EngineConfig, transactional_id: str) -> ClientSettings:
    """The producer of one task."""
    return {
        "bootstrap.servers": config.bootstrap_servers,
        "logger": LIBRARY_LOG,
        "client.id": f"{config.worker}.{transactional_id}",
        "transactional.id": transactional_id,
        "transaction.timeout.ms": config.transaction_timeout_ms,
        # The broker aborts after the transaction timeout; a later delivery would be for nothing.
        "message.timeout.ms": config.transaction_timeout_ms,
        "partitioner": PARTITIONER,
        "compression.type": "lz4",
        # A commit flushes; waiting for more records would only add to its latency.
        "linger.ms": 2,
        "batch.size": 1_048_576,
        "batch.num.messages": 10_000,
        "queue.buffering.max.messages": 200_000,
        "queue.buffering.max.kbytes": 131_072,
        "retry.backoff.ms": 5,
        "reconnect.backoff.ms": 20,
        "reconnect.backoff.max.ms": 500,
        "socket.nagle.disable": True,
        "log.connection.close": False,
    }


def replying(config: EngineConfig) -> ClientSettings:
    """The producer of answers: idempotent, never waited for, shared by all stages of a worker."""
    return {
        "bootstrap.servers": config.bootstrap_servers,
        "logger": LIBRARY_LOG,
        "client.id": f"{config.worker}.replies",
        "enable.idempotence": True,
        "acks": "all",
        "linger.ms": 1,
        "partitioner": PARTITIONER,
        "delivery.timeout.ms": 30_000,
        "compression.type": "lz4",
        "socket.nagle.disable": True,
        "log.connection.close": False,
    }


def reading(config: EngineConfig, group: str) -> ClientSettings:
    """The consumer of a stage's inputs: a static member that never commits or skips by itself."""
    return {
        "bootstrap.servers": config.bootstrap_servers,
        "logger": LIBRARY_LOG,
        "client.id": f"{config.worker}.{group}",
        "group.id": group,
        "group.instance.id": config.worker,
        # The newer group protocol refuses a static member that was killed until its session ends.
        "group.protocol": "classic",
        "partition.assignment.strategy": "range",
        "session.timeout.ms": config.session_timeout_ms,
        "heartbeat.interval.ms": min(1_000, config.session_timeout_ms // 3),
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "enable.partition.eof": True,
        "fetch.wait.max.ms": 500,
        # Small runs: the queue hands over whole runs of a partition, and the others wait meanwhile.
        "fetch.message.max.bytes": 262_144,
        "queued.min.messages": 2 * config.chunk_records,
        "queued.max.messages.kbytes": 8_192,
        "fetch.queue.backoff.ms": 2,
        "reconnect.backoff.ms": 20,
        "reconnect.backoff.max.ms": 500,
        "socket.nagle.disable": True,
        "log.connection.close": False,
    }


def restoring(config: EngineConfig, owner: str) -> ClientSettings:
    """The consumer that reads a changelog or a quarantine partition to its end, without a group."""
    return {
        "bootstrap.servers": config.bootstrap_servers,
        "logger": LIBRARY_LOG,
        "client.id": f"{config.worker}.{owner}.restore",
        # librdkafka wants a name; no member ever joins it and nothing is committed under it.
        "group.id": f"{owner}.restore",
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "enable.partition.eof": True,
        "fetch.wait.max.ms": 20,
        "fetch.message.max.bytes": 8 * 1_048_576,
        "queued.max.messages.kbytes": 32_768,
        "socket.nagle.disable": True,
        "log.connection.close": False,
    }


def asking(config: EngineConfig) -> dict[str, str | int | float | bool]:
    """The admin client."""
    return {
        "bootstrap.servers": config.bootstrap_servers,
        "client.id": f"{config.worker}.admin",
        # Closing it tells of events nobody asked for.
        "log_level": 5,
    }


def group_offsets(config: EngineConfig, group: str) -> ClientSettings:
    """A consumer that only asks what a group has committed and never joins it."""
    return {
        "bootstrap.servers": config.bootstrap_servers,
        "logger": LIBRARY_LOG,
        "client.id": f"{config.worker}.{group}.offsets",
        "group.id": group,
        "enable.auto.commit": False,
    }
