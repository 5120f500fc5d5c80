"""How does a test drive a demo through a running platform and break something on the way?"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ops.demo.plan import DemoPlan
from ops.demo.progress import Standing
from ops.demo.report import DemoReport
from ops.demo.run import run_demo
from tests.integration.platform_running import Running

PAYMENTS: Final = 150


@dataclass(slots=True, kw_only=True)
class Saboteur:
    """Does something once so many payments of a demo have ended.

    Told several times a second from the demo's own event loop, which must go on meanwhile; so whatever
    is done runs in threads, and is waited for at the end.
    """

    plan: Mapping[int, Callable[[], None]]
    _begun: list["asyncio.Task[None]"] = field(default_factory=list)

    def tell(self, standing: Standing) -> None:
        """Begin whatever is due."""
        due = sorted(self.plan)[len(self._begun) :]
        if due and standing.phase == "paying" and standing.ended >= due[0]:
            self._begun.append(asyncio.create_task(asyncio.to_thread(self.plan[due[0]])))

    async def finished(self) -> None:
        """Return when all of it is done. Fails when a deed failed, or when the demo ended before its time came."""
        assert len(self.plan) == len(self._begun), "the demo ended before everything was broken"
        await asyncio.gather(*self._begun)


def demonstrate(
    platform: Running, deeds: Mapping[int, Callable[[], None]], *, seed: int, forget_keys: bool = False
) -> DemoReport:
    """The report of a small demo in whose course `deeds` are done, each after so many payments."""

    async def demo() -> DemoReport:
        saboteur = Saboteur(plan=deeds)
        plan = DemoPlan(
            payments=PAYMENTS,
            seed=seed,
            concurrency=8,
            arrivals_per_s=20.0,
            client_log=platform.client_log,
            receipts=platform.receipts,
            forget_keys=forget_keys,
        )
        report = await run_demo(platform.target, plan, saboteur)
        await saboteur.finished()
        return report

    return asyncio.run(demo())


def assert_nothing_is_wrong(platform: Running, report: DemoReport) -> None:
    """Every payment came to rest, our amounts are the provider's, and every invariant holds."""
    assert PAYMENTS == report.payments
    assert report.is_settled, (report.unsettled, report.open_operations)
    assert report.amounts_agree, report.amounts
    assert report.aftermath.agrees, report.aftermath
    assert 0 == report.surprise_count, report.surprises
    verdict = platform.verify()
    assert verdict.passed, [one for one in verdict.invariants if not one.passed]
    assert all(one.checked > 0 for one in verdict.invariants), verdict
