"""The real Kafka and Postgres of all integration tests, started once."""

from collections.abc import Iterator

import pytest

from ops.stack import kafka as kafka_stack
from ops.stack import postgres as postgres_stack


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kafka_stack.Broker]:
    """A real broker on a free port; topics are the tests' own."""
    with kafka_stack.running(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres_stack.Server]:
    """A real server on a free port."""
    with postgres_stack.running(tmp_path_factory.mktemp("postgres")) as server:
        yield server
