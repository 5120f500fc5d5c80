"""Which Faust app runs a stage: one agent, our transport and table manager, everything else off."""

from typing import Any

import faust
from faust.serializers.schemas import Schema
from faust.streams import Stream
from faust.types import AppT, Message, StreamT
from mode import CrashingSupervisor
from yarl import URL

from streams.engine.stage import Stage
from streams.engine.tables import TaskTables
from streams.engine.transport import Consumer, Transport

_QUEUED_CHUNKS = 64


class StageApp(faust.App):
    """The Faust app of one stage."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        config, spec = stage.config, stage.spec
        super().__init__(
            spec.group,
            broker=f"rdkafka://{config.bootstrap_servers.split(',')[0]}",
            TableManager=TaskTables,
            agent_supervisor=CrashingSupervisor,
            broker_commit_interval=config.lag_interval_ms / 1000,
            broker_session_timeout=config.session_timeout_ms / 1000,
            consumer_group_instance_id=config.worker,
            stream_buffer_maxsize=_QUEUED_CHUNKS,
            table_standby_replicas=0,
            topic_allow_declare=False,
            topic_disable_leader=True,
            web_enabled=False,
        )
        # The entry point is found only where the distribution is installed; the driver is ours anyway.
        self.transport = Transport([URL(f"rdkafka://{config.bootstrap_servers}")], self)
        self._declare_agent()

    async def on_first_start(self) -> None:
        """Faust keeps nothing on disk, so there are no directories to make."""

    def stop_reading(self) -> None:
        """Take nothing more from Kafka; what is handled can still be committed."""
        consumer = self.consumer
        assert isinstance(consumer, Consumer), "a stage runs on its own transport"
        consumer.stop_reading()

    def _declare_agent(self) -> None:
        chunks = self.topic(*self.stage.spec.input_topics, schema=_Undecoded())

        async def run_step(stream: StreamT[Any]) -> None:
            """Hand every chunk to the stage, which acknowledges it after its commit."""
            assert isinstance(stream, Stream), "Faust gives its own streams"
            async for event in stream.noack().events():
                self.stage.handle(event)

        self.agent(chunks, name=self.stage.spec.name)(run_step)


class _Undecoded(Schema[Any, Any]):
    """Chunks pass Faust as they are; bytes are decoded by the step, where a defect stops the worker."""

    def loads_key(self, app: AppT, message: Message, **kwargs: Any) -> Any:
        """A chunk has no key."""
        return None

    def loads_value(self, app: AppT, message: Message, **kwargs: Any) -> Any:
        """The chunk itself."""
        return message.value
