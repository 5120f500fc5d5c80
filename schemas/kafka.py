"""How does every Kafka client of the platform talk to the brokers: librdkafka settings, no connection."""

import logging
from typing import Final

LIBRARY_LOG: Final = logging.getLogger("librdkafka")
"""Where librdkafka tells of connections; without it, it writes to standard error in a form of its own."""

ClientSettings = dict[str, str | int | float | bool | logging.Logger]

# The Java and Faust partitioner, so that every writer puts a key on the same partition.
PARTITIONER: Final = "murmur2_random"


def producer_settings(bootstrap_servers: str, *, client_id: str) -> ClientSettings:
    """An idempotent producer that waits for all in-sync replicas and gives up after 30 s."""
    return {
        "bootstrap.servers": bootstrap_servers,
        "client.id": client_id,
        "partitioner": PARTITIONER,
        "enable.idempotence": True,
        "acks": "all",
        "linger.ms": 2,
        "delivery.timeout.ms": 30_000,
        "compression.type": "lz4",
        "queue.buffering.max.messages": 200_000,
        "queue.buffering.max.kbytes": 65_536,
        "log.connection.close": False,
        "logger": LIBRARY_LOG,
    }


def consumer_settings(bootstrap_servers: str, *, client_id: str, group: str) -> ClientSettings:
    """A consumer of committed records that never commits or skips by itself."""
    return {
        "bootstrap.servers": bootstrap_servers,
        "client.id": client_id,
        "group.id": group,
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "fetch.wait.max.ms": 100,
        "queued.max.messages.kbytes": 16_384,
        "partition.assignment.strategy": "range",
        "log.connection.close": False,
        "logger": LIBRARY_LOG,
    }
