"""Do the topics exist as the registry says, and does every task know where to begin?

Run before any other process; repeating it changes nothing. A topic whose partition count differs
from the settings is refused: counts are fixed for life, because keys live on partitions.
"""

import os
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # missing from its __all__

from ops.errors import ProvisionError
from ops.workers import engine_config
from schemas import topics
from schemas.kafka import LIBRARY_LOG
from schemas.logs import configure_logs
from schemas.settings import Settings, parse_settings
from schemas.topics import CHANGELOG_SETTINGS, DEAD_LETTER_RETENTION_MS
from streams.engine.provisioning import provision_stage
from streams.stages import stage_specs

_TIMEOUT_S: Final = 30.0


def provision_topics(settings: Settings) -> list[str]:
    """Create every topic that is missing; returns their names. Raises ProvisionError."""
    admin = AdminClient({"bootstrap.servers": settings.kafka_bootstrap_servers}, logger=LIBRARY_LOG)
    wanted = {topic.topic: topic for topic in _wanted(settings)}
    found = admin.list_topics(timeout=_TIMEOUT_S).topics
    for name in wanted.keys() & found.keys():
        count = len(found[name].partitions)
        if count != settings.partitions:
            raise ProvisionError(
                f"{name} has {count} partitions, the settings say {settings.partitions}; "
                f"set MILLRACE_PARTITIONS={count}, a count is fixed for life"
            )
    missing = [wanted[name] for name in wanted if name not in found]
    if missing:
        for name, created in admin.create_topics(missing, operation_timeout=_TIMEOUT_S).items():
            _settle(name, created)
    return [topic.topic for topic in missing]


def _wanted(settings: Settings) -> Iterator[NewTopic]:
    for topic in topics.ALL:
        yield _new(topic.name, topics.provisioned(topic), settings)
        yield _new(topic.dead_letters, {"retention.ms": str(DEAD_LETTER_RETENTION_MS)}, settings)
    for stage, version in topics.STAGES.items():
        yield _new(topics.changelog(stage, version), dict(CHANGELOG_SETTINGS), settings)


def _new(name: str, config: dict[str, str], settings: Settings) -> NewTopic:
    return NewTopic(
        name,
        num_partitions=settings.partitions,
        replication_factor=settings.replication_factor,
        config={**config, "min.insync.replicas": str(max(1, settings.replication_factor - 1))},
    )


def _settle(name: str, created: "Future[None]") -> None:
    try:
        created.result(_TIMEOUT_S)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise ProvisionError(f"{name} could not be created: {error.args[0]}") from error


def main() -> None:
    """Provision what the settings in the environment name."""
    settings = parse_settings(os.environ)
    configure_logs(settings.log_level, role="provision")
    provision_topics(settings)
    for spec in stage_specs(settings):
        provision_stage(spec, engine_config(settings))


if __name__ == "__main__":
    main()
