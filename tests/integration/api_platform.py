"""A whole platform around the API for one test module: broker, database, stages, sink and the API itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ops.provision import provision_topics
from ops.stack import kafka as kafka_stack
from ops.stack import postgres as postgres_stack
from ops.stack.ports import free_port
from schemas.settings import Settings
from tests.integration.api_process import OPERATOR_KEY, Client, Process, settings_for, until_ready
from tests.integration.api_stages import Stages


class Platform(NamedTuple):
    """What the tests ask and look into. client has no key."""

    client: Client
    stages: Stages
    settings: Settings
    broker: kafka_stack.Broker
    home: Path

    @property
    def operator(self) -> Client:
        """The first operator."""
        return self.client.under(OPERATOR_KEY)

    def merchant(self, name: str, key: str | None = None) -> dict[str, Any]:
        """A new merchant, as answered."""
        answered = self.operator.post("/v1/merchants", {"display_name": name}, key)
        assert 201 == answered.status, answered
        body: dict[str, Any] = answered.body
        return body

    def merchant_client(self, name: str) -> Client:
        """A new merchant's client."""
        return self.client.under(self.merchant(name)["secret_key"])


@contextmanager
def running_platform(home: Path, **changed: Any) -> Iterator[Platform]:
    """A platform of its own, since the API reads accounts from the beginning of their topic."""
    with kafka_stack.running(home / "k") as broker, postgres_stack.running(home / "p") as server:
        settings = settings_for(broker.bootstrap_servers, server.dsn, free_port(), **changed)
        provision_topics(settings)
        stages = Stages(settings)
        stages.start()
        sink = Process("connectors.postgres", settings, home / "sink.log")
        api = Process("api", settings, home / "api.log")
        try:
            client = Client(settings.api_port)
            until_ready(client, api)
            yield Platform(client, stages, settings, broker, home)
        finally:
            codes = [api.stop(), sink.stop()]
            stages.stop()
        assert [0, 0] == codes, api.log_path.read_text()[-3000:]
