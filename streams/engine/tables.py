"""When does Faust's recovery run: it does not; a stage restores its own tasks at each assignment."""

from faust.tables.manager import TableManager
from faust.types import TP

from streams.engine.stage import Stage
from streams.engine.transport import Consumer


class TaskTables(TableManager):
    """Faust's table manager for a stage: it keeps no Faust tables and recovers tasks instead."""

    async def on_start(self) -> None:
        """There is nothing to declare; subscribing can go on."""
        self._tables_finalized.set()
        self._tables_registered.set()

    async def on_stop(self) -> None:
        """The worker closes the tasks."""

    def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Faust waits for running commits next."""

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Restore the assigned tasks, let the flow go on, and only then read; in this order."""
        app = self.app
        stage: Stage = app.stage  # type: ignore[attr-defined]  # a StageApp
        consumer = app.consumer
        assert isinstance(consumer, Consumer), "a stage runs on its own transport"
        poller = consumer.poller
        positions = await stage.open_tasks(
            generation_id,
            {(tp.topic, tp.partition) for tp in assigned},
            lambda: poller.epoch == generation_id,
        )
        if positions is None:
            return
        # Resuming empties the agents' queues, so no record may have been read yet.
        consumer.resume_partitions(assigned)
        app.flow_control.resume()
        consumer.resume_flow()
        self.on_actives_ready()
        self.on_standbys_ready()
        poller.start_reading(generation_id, positions)

    async def wait_until_recovery_completed(self) -> bool:
        """An app without an assignment is started all the same."""
        return False
