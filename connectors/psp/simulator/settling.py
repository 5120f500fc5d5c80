"""When does the provider settle: on request and once a period, each batch in the book before its file is written."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from connectors.psp.simulator.book import Book
from connectors.psp.simulator.entries import Batch, Delivery, Operation
from connectors.psp.simulator.journal import Journal
from connectors.psp.simulator.problems import Problem, refused
from connectors.psp.simulator.settings import Settings
from connectors.psp.simulator.settlement import Occasion, SettlementRequest, planned
from connectors.psp.simulator.settlement_files import SettlementFiles, file_name, rendered, write_whole

NO_DIRECTORY = refused(
    "no_settlement_directory", "This provider was started without --settlement-dir, so it settles nothing."
)


class Settling:
    """The provider's settlement desk. What it returns is in the book and on disk."""

    def __init__(self, settings: Settings, book: Book, journal: Journal) -> None:
        self._settings = settings
        self._book = book
        self._journal = journal
        self._delivering = asyncio.Lock()
        self._files = None
        if settings.settlement_dir is not None:
            breaks_log = settings.book.with_name(settings.book.name + ".breaks.jsonl")
            self._files = SettlementFiles(settings.settlement_dir, breaks_log)

    async def run(self, stopping: asyncio.Event) -> None:
        """Deliver what a crash kept back, then settle every period until stopped. Raises OSError."""
        await self._catch_up()
        every_s = self._settings.settlement_every_s
        while not stopping.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(every_s or None):
                    await stopping.wait()
            if not stopping.is_set():
                await self.settle(SettlementRequest())

    async def settle(self, request: SettlementRequest) -> Sequence[Batch] | Problem:
        """Settle every movement that is in no batch. Raises OSError where the files cannot be written."""
        if self._files is None:
            return NO_DIRECTORY
        settlements = self._book.settlements
        occasion = Occasion(
            provider=self._settings.provider_name,
            settled_on=datetime.fromtimestamp(time.time(), UTC).date().isoformat(),
            number=len(settlements.batches()),
        )
        settled = planned(settlements.pending(), request, occasion)
        for batch in settled:
            self._book.apply(batch)
            self._journal.append(batch)
        await self._journal.durable()
        await self._deliver(self._files)
        return settled

    async def shown(self) -> tuple[Sequence[Batch], Sequence[Operation]]:
        """All batches, oldest first, and the movements that are in none yet; both of one moment."""
        settlements = self._book.settlements
        batches, pending = settlements.batches(), settlements.pending()
        await self._journal.durable()
        return batches, pending

    async def write_again(self, batch_id: str) -> Batch | Problem:
        """Write the file of a batch again, byte for byte."""
        batch = self._book.settlements.batch(batch_id)
        if self._settings.settlement_dir is None:
            return NO_DIRECTORY
        if batch is None:
            return Problem(
                http_status=404, code="batch_not_found", message=f"No batch {batch_id} is in the book."
            )
        path = self._settings.settlement_dir / file_name(batch)
        await asyncio.to_thread(write_whole, path, rendered(batch))
        return batch

    async def _catch_up(self) -> None:
        if self._files is None:
            return
        settlements = self._book.settlements
        async with self._delivering:
            waiting = {batch.batch_id for batch in settlements.undelivered()}
            delivered = [batch for batch in settlements.batches() if batch.batch_id not in waiting]
            await asyncio.to_thread(self._files.restore_log, delivered)
        await self._deliver(self._files)

    async def _deliver(self, files: SettlementFiles) -> None:
        async with self._delivering:
            waiting = self._book.settlements.undelivered()
            if not waiting:
                return
            await asyncio.to_thread(files.deliver, waiting)
            for batch in waiting:
                delivery = Delivery(batch_id=batch.batch_id)
                self._book.apply(delivery)
                self._journal.append(delivery)
            await self._journal.durable()
