"""What does the provider do with a call? Gather, decide, write to the book, and only then answer."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress

from connectors.psp.simulator import rules
from connectors.psp.simulator.book import Book
from connectors.psp.simulator.callbacks import Courier, callback_body
from connectors.psp.simulator.charges import Summary
from connectors.psp.simulator.entries import PENDING_ACTION, Entry, Operation
from connectors.psp.simulator.faults import Conduct, callback_delays_s
from connectors.psp.simulator.journal import Journal
from connectors.psp.simulator.problems import ACTION_NOT_FOUND, OPERATION_NOT_FOUND, Problem, invalid
from connectors.psp.simulator.rendering import operation_view
from connectors.psp.simulator.requests import OperationRequest
from connectors.psp.simulator.settings import CallbackScope, Settings
from connectors.psp.simulator.settling import Settling
from connectors.psp.simulator.treatment import Treatment, treat

EXPIRY_CHECK_S = 1.0


class Provider:
    """A book, its journal, and the conduct of the day. Everything it returns is on disk."""

    def __init__(self, settings: Settings, journal: Journal, courier: Courier | None) -> None:
        self._settings = settings
        self._journal = journal
        self._courier = courier
        self._book = Book()
        for entry in journal.entries():
            self._book.apply(entry)
        self._stopping = asyncio.Event()
        self.conduct: Conduct = settings.conduct
        self.settling = Settling(settings, self._book, journal)

    async def run(self) -> None:
        """Write the book and expire customer actions until stopped. Raises OSError where writing fails."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._journal.run())
            tasks.create_task(self._expire_actions())
            tasks.create_task(self._settle())

    def stop(self) -> None:
        """Let `run` return once the book is on disk."""
        self._stopping.set()

    async def execute(self, request: OperationRequest, key: str) -> Treatment:
        """Treat one call; calls with one key at the same time are treated one after the other."""
        if request.callback_url is not None and self._courier is None:
            problem = invalid(
                "callback_url", "This provider has no callback secret, so it sends no callbacks."
            )
            return Treatment(answer=problem)
        await self._expire_overdue()
        treatment = treat(
            self._book,
            request,
            key=key,
            now_ms=_now_ms(),
            conduct=self.conduct,
            terms=self._settings.terms,
        )
        if treatment.entry is not None:
            self._enter(treatment.entry)
        await self._journal.durable()
        if isinstance(treatment.entry, Operation) and self._settings.callback_scope is CallbackScope.ALL:
            self._tell(treatment.entry)
        return treatment

    async def query(self, key: str) -> Operation | Problem:
        """What became of the latest operation under a key, however long ago."""
        await self._expire_overdue()
        operation = self._book.latest_under(key)
        await self._journal.durable()
        return operation or OPERATION_NOT_FOUND

    async def complete_action(self, provider_ref: str, *, is_authenticated: bool) -> Operation | Problem:
        """The customer authenticated, or failed to; an action that has ended stays as it ended."""
        await self._expire_overdue()
        pending = self._book.operation(provider_ref)
        if pending is None or pending.action_expires_at_ms is None:
            return ACTION_NOT_FOUND
        if pending.status == PENDING_ACTION:
            terms = self._settings.terms
            self._enter(
                rules.resolve(pending, is_authenticated=is_authenticated, now_ms=_now_ms(), terms=terms)
            )
            await self._journal.durable()
            self._tell_by_reference(provider_ref)
        await self._journal.durable()
        return self._book.operation(provider_ref) or ACTION_NOT_FOUND

    async def operations(self, payment_reference: str | None) -> Sequence[Operation]:
        """The operations of one payment, or all, in the order they were entered."""
        await self._expire_overdue()
        operations = self._book.operations(payment_reference)
        await self._journal.durable()
        return operations

    async def summary(self, payment_reference: str) -> Summary:
        """What the charges of one payment amount to now."""
        summary = self._book.summary(payment_reference, _now_ms())
        await self._journal.durable()
        return summary

    def _enter(self, entry: Entry) -> None:
        self._book.apply(entry)
        self._journal.append(entry)

    async def _settle(self) -> None:
        try:
            await self.settling.run(self._stopping)
        finally:
            # Until its last settlement is told, the book is still written.
            self._journal.stop()

    async def _expire_actions(self) -> None:
        while not self._stopping.is_set():
            await self._expire_overdue()
            with suppress(TimeoutError):
                async with asyncio.timeout(EXPIRY_CHECK_S):
                    await self._stopping.wait()

    async def _expire_overdue(self) -> None:
        now_ms = _now_ms()
        expired = []
        for pending in self._book.overdue_actions(now_ms):
            self._enter(rules.expire(pending, now_ms))
            expired.append(pending.provider_ref)
        if expired:
            await self._journal.durable()
        for provider_ref in expired:
            self._tell_by_reference(provider_ref)

    def _tell_by_reference(self, provider_ref: str) -> None:
        operation = self._book.operation(provider_ref)
        assert operation is not None, provider_ref
        self._tell(operation)

    def _tell(self, operation: Operation) -> None:
        url = operation.callback_url or self._settings.callback_url
        if self._courier is None or url is None or operation.status == PENDING_ACTION:
            return
        body = callback_body(operation, operation_view(operation, origin=""))
        key = operation.idempotency_key
        for delay_s in callback_delays_s(self.conduct, key=key, call=self._book.calls_under(key)):
            self._courier.send(url, body, delay_s=delay_s)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
