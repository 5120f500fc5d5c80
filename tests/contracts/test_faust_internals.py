"""What the engine relies on inside Faust and librdkafka; another version must fail here first."""

import inspect
from importlib.metadata import version

import confluent_kafka
import faust
import mode
from faust.app.base import App
from faust.tables.manager import TableManager
from faust.transport import base
from faust.transport.conductor import Conductor
from faust.transport.consumer import Consumer
from faust.types.tuples import ConsumerMessage

from streams.engine.app import StageApp
from streams.engine.tables import TaskTables
from streams.engine.transport import Consumer as StageConsumer
from streams.engine.transport import Transport


def source(function: object) -> str:
    """The text of a function of a dependency."""
    return inspect.getsource(function)  # type: ignore[arg-type]  # any function or class


def test_the_versions_are_the_ones_that_were_read() -> None:
    """Everything below was read in these versions; read it again before changing them."""
    assert ("0.15.3", "0.7.1") == (version("faust-streaming"), version("mode-streaming"))
    assert (2, 16) == tuple(int(part) for part in confluent_kafka.libversion()[0].split(".")[:2])
    assert "0.3.29" == version("rocksdict")


def test_a_rebalance_waits_for_commits_and_then_restores() -> None:
    """Revocation suspends the flow, drops queued chunks and waits; assignment ends in our tables."""
    revoked = source(App._on_partitions_revoked)
    order = [
        "tables.on_partitions_revoked",
        "T(consumer.stop_flow)",
        "T(self.flow_control.suspend)",
        "T(self.flow_control.clear)",
        "T(self._consumer_wait_empty)",
    ]
    places = [revoked.index(step) for step in order]
    assert sorted(places) == places
    assigned = source(App._on_partitions_assigned)
    assert assigned.index("topics.on_partitions_assigned") < assigned.index("tables.on_rebalance")
    assert "consumer.wait_empty()" in source(App._consumer_wait_empty)


def test_a_stream_drops_chunks_of_another_generation() -> None:
    """A chunk of an ended assignment must not reach the stage as one of the next."""
    assert "message.generation_id != self.app.consumer_generation_id" in source(faust.Stream._py_aiter)


def test_a_stream_without_acks_leaves_them_to_the_stage() -> None:
    """An ack before the commit would tell Faust that nothing is running."""
    text = source(faust.Stream._py_aiter)
    assert "do_ack = self.enable_acks" in text
    assert "if event is not None and (do_ack or value is skipped_value)" in text


def test_the_conductor_subscribes_after_the_tables() -> None:
    """Our table manager sets the event it waits for."""
    text = source(Conductor._subscriber.fun)
    assert text.index("wait_until_tables_registered") < text.index("consumer.subscribe")
    assert "_tables_registered" in source(TableManager.wait_until_tables_registered)
    assert "_tables_finalized" in source(TableManager.add)


def test_the_consumer_commits_by_timer_and_is_asked_to_wait() -> None:
    """The timer publishes the lag and commits idle positions; stopping waits for commits."""
    assert "await self.commit()" in source(Consumer._commit_handler.fun)
    assert "await self.wait_empty()" in source(Consumer.on_stop)
    assert {"ack", "commit", "wait_empty", "subscribe", "assignment"} <= set(vars(StageConsumer))


def test_a_final_ack_reaches_the_consumer() -> None:
    """The stage acknowledges a chunk through its event."""
    assert "consumer.ack(self)" in source(ConsumerMessage.on_final_ack)


def test_the_app_is_built_through_settings_and_properties_only() -> None:
    """Nothing of Faust is patched: a transport, a table manager and a supervisor are given to it."""
    assert isinstance(App.transport, property)
    assert App.transport.fset is not None
    assert issubclass(Transport, base.Transport)
    assert issubclass(TaskTables, TableManager)
    assert issubclass(StageApp, faust.App)
    assert mode.CrashingSupervisor is not None
