"""How does a demo run from its first merchant to its report?"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Final

import aiohttp

from ops.demo import client_log, effects, merchants, requests_file, rules, scenario, settlement
from ops.demo.aftermath import aftermath
from ops.demo.client import Client, session
from ops.demo.gate import Gate
from ops.demo.listeners import Listener, deleted, listening
from ops.demo.merchants import Merchant
from ops.demo.next_steps import next_steps
from ops.demo.plan import DemoPlan, Target
from ops.demo.progress import Phase, Progress, Standing
from ops.demo.queries import queries_of
from ops.demo.receiver import receiving
from ops.demo.report import Circumstances, DemoReport, report_of
from ops.demo.settlement import Settlements
from ops.demo.steps import Scenario
from ops.demo.tables import Tables
from ops.demo.tally import Tally
from ops.demo.visit import Visit

TELL_EVERY_S: Final = 0.25


async def run_demo(target: Target, plan: DemoPlan, show: Progress) -> DemoReport:
    """Make the payments of `plan` on a running platform and compare what everyone says of them.

    Raises DemoError when the demo cannot begin, or its end cannot be read. What goes wrong with single
    payments is in the report.
    """
    work = _work_of(plan)
    with client_log.opened(plan.client_log) as log, client_log.opened(plan.receipts) as receipts:
        async with session() as http, _told(show, work):
            if plan.forget_keys:
                await effects.forget_keys(http, target.simulator_url)
            jitter = Random(f"{plan.seed}/jitter")  # noqa: S311  # spreads repeats, no secret
            client = Client(
                http,
                target.api_url,
                tally=work.tally,
                log=log,
                jitter=jitter,
                deadline_s=plan.answer_deadline_s,
            )
            sellers = await merchants.created(client, target, run_id=work.run_id, count=work.merchants)
            await rules.deployed(target.settings, sellers[scenario.WATCHED_MERCHANT].merchant_id)
            async with receiving(receipts) as receiver:
                listeners = await listening(client, receiver, sellers, run_id=work.run_id)
                work.begin()
                await _make_payments(target, plan, work, client=client, sellers=sellers)
                work.end()
                settlements = await settlement.settled(http, target.simulator_url, seed=plan.seed)
                await settlement.deliver_bad_files(target.bank_dir, settlements)
                report = await _report(
                    target,
                    plan,
                    work,
                    http=http,
                    sellers=sellers,
                    listeners=listeners,
                    settlements=settlements,
                )
                await deleted(client, listeners)
            return report


@dataclass(slots=True, kw_only=True)
class _Work:
    """What is to be done, and how far it is."""

    run_id: str
    payments: int
    merchants: int
    scenarios: Iterator[Scenario]
    skipped_lines: dict[str, int]
    gate: Gate
    tally: Tally = field(default_factory=Tally)
    phase: Phase = "creating merchants"
    arriving_s: float = 0.0
    arriving_requests: int = 0
    _began_s: float = 0.0
    _ended_s: float = 0.0

    def begin(self) -> None:
        """The first payment is about to be made; creating the merchants is no part of the figures."""
        self.phase, self._began_s = "paying", time.monotonic()

    def all_arrived(self) -> None:
        """The last payment has begun; from here on the platform only finishes what it has."""
        self.phase = "coming to rest"
        self.arriving_s, self.arriving_requests = self.elapsed_s, self.tally.requests

    def end(self) -> None:
        """The last payment came to rest."""
        self.phase, self._ended_s = "waiting for the tables", time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Seconds in which payments were made so far."""
        return (self._ended_s or time.monotonic()) - self._began_s if self._began_s else 0.0

    def standing(self) -> Standing:
        """What is shown of it."""
        tally, elapsed_s = self.tally, self.elapsed_s
        return Standing(
            phase=self.phase,
            payments=self.payments,
            ended=tally.ended,
            waiting=self.gate.parked,
            requests=tally.requests,
            requests_per_s=tally.requests / elapsed_s if elapsed_s else 0.0,
            retries=tally.retries.total(),
            surprises=tally.surprise_count,
        )


def _work_of(plan: DemoPlan) -> _Work:
    """The payments of a plan. A requests file is read to its end before anything is sent."""
    run_id = plan.run_id or f"demo-{secrets.token_hex(4)}"
    gate = Gate(plan.concurrency)
    if plan.requests_file is None:
        generated = scenario.scenarios(
            plan.seed, payments=plan.payments, arrivals_per_s=plan.arrivals_per_s, run_id=run_id
        )
        return _Work(
            run_id=run_id,
            payments=plan.payments,
            merchants=scenario.MERCHANTS,
            scenarios=generated,
            skipped_lines={},
            gate=gate,
        )
    checked = requests_file.check(plan.requests_file)
    payments = min(plan.payments, checked.payment_requests)
    return _Work(
        run_id=run_id,
        payments=payments,
        merchants=requests_file.MERCHANTS,
        scenarios=requests_file.replayed(plan.requests_file, payments=payments),
        skipped_lines=checked.skipped,
        gate=gate,
    )


async def _make_payments(
    target: Target, plan: DemoPlan, work: _Work, *, client: Client, sellers: tuple[Merchant, ...]
) -> None:
    """Begin every payment when its customer arrives and a place is free; return when all are at rest."""
    began_s = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for one in work.scenarios:
            await asyncio.sleep(max(0.0, began_s + one.arrives_at_s - time.monotonic()))
            await work.gate.enter()
            visit = Visit(
                one,
                client=client,
                gate=work.gate,
                secret_key=sellers[one.merchant].secret_key,
                operator_key=target.operator_key,
                rest_deadline_s=plan.rest_deadline_s,
            )
            work.tally.started += 1
            group.create_task(_visited(visit, work))
        work.all_arrived()


async def _visited(visit: Visit, work: _Work) -> None:
    try:
        await visit.run()
    finally:
        work.gate.leave()
        work.tally.ended += 1


async def _report(
    target: Target,
    plan: DemoPlan,
    work: _Work,
    *,
    http: aiohttp.ClientSession,
    sellers: tuple[Merchant, ...],
    listeners: tuple[Listener, ...],
    settlements: Settlements,
) -> DemoReport:
    """Read the tables and the provider's book once both are at rest."""
    merchant_ids = tuple(seller.merchant_id for seller in sellers)
    queries = queries_of(merchant_ids, settlements.last_file)
    tables = Tables(target.settings.postgres_dsn)
    stored = await tables.stored(
        queries, work.tally.payments, answers=work.tally.requests, deadline_s=plan.rest_deadline_s
    )
    provider = await effects.totals(http, target.simulator_url, stored.payment_ids)
    beside = await aftermath(tables, queries, listeners, settlements, deadline_s=plan.rest_deadline_s)
    work.phase = "done"
    circumstances = Circumstances(
        run_id=work.run_id,
        seed=plan.seed,
        merchant_ids=merchant_ids,
        duration_s=work.elapsed_s,
        arriving_s=work.arriving_s,
        arriving_requests=work.arriving_requests,
        skipped_lines=work.skipped_lines,
        is_key_memory_off=plan.forget_keys,
        aftermath=beside,
        queries=queries,
        next_steps=next_steps(target, queries, next(iter(work.tally.payments), None)),
    )
    return report_of(circumstances, work.tally, stored, provider)


@asynccontextmanager
async def _told(show: Progress, work: _Work) -> AsyncIterator[None]:
    """Tell how it stands while it goes on, and once at the end."""
    telling = asyncio.create_task(_tell(show, work))
    try:
        yield
    finally:
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling
        show.tell(work.standing())


async def _tell(show: Progress, work: _Work) -> None:
    while True:
        show.tell(work.standing())
        await asyncio.sleep(TELL_EVERY_S)
