"""What has the provider settled, and what has it moved and not settled yet?"""

from collections.abc import Sequence
from typing import Final

from connectors.psp.simulator.entries import Batch, Operation

_MOVING: Final = frozenset({"sale", "capture", "refund"})


class Settlements:
    """All batches, and the movements no batch has taken in. A part of the book."""

    def __init__(self) -> None:
        self._batches: dict[str, Batch] = {}
        self._undelivered: dict[str, None] = {}
        self._pending: dict[str, Operation] = {}

    def move(self, operation: Operation) -> None:
        """An operation succeeded; if it moved money, some batch has to settle it."""
        if operation.operation in _MOVING:
            self._pending[operation.provider_ref] = operation

    def settle(self, batch: Batch) -> None:
        """Take a batch in; what it covers, or leaves out, no later one settles."""
        assert batch.batch_id not in self._batches, f"{batch.batch_id} is in the book twice"
        self._batches[batch.batch_id] = batch
        self._undelivered[batch.batch_id] = None
        for provider_ref in (*batch.covered, *batch.omitted):
            del self._pending[provider_ref]

    def deliver(self, batch_id: str) -> None:
        """The file of a batch is where it is fetched from."""
        self._undelivered.pop(batch_id, None)

    def batch(self, batch_id: str) -> Batch | None:
        """The batch of this name."""
        return self._batches.get(batch_id)

    def batches(self) -> Sequence[Batch]:
        """All batches, oldest first."""
        return list(self._batches.values())

    def undelivered(self) -> Sequence[Batch]:
        """Batches whose file may not have been written."""
        return [self._batches[batch_id] for batch_id in self._undelivered]

    def pending(self) -> Sequence[Operation]:
        """Movements that no batch covers or leaves out, in the order they were made."""
        return list(self._pending.values())
