"""What does `millrace demo` do: start what is not running, send payments, verify, report, stop what it started."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.console import Console

from connectors.bank.reader import directory_of
from ops import lifecycle, platform
from ops.demo.plan import DemoPlan, Target
from ops.demo.progress import shown
from ops.demo.render import rendered as report_rendered
from ops.demo.report import DemoReport
from ops.demo.run import run_demo
from ops.stack.supervisor import is_running
from ops.tables import rendered, verify_table
from ops.verify.check import Report
from schemas.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to demonstrate: generated payments by seed, or those of a file of requests."""

    payments: int
    requests_file: Path | None
    seed: int
    forget_keys: bool


class Demonstration(msgspec.Struct, frozen=True, kw_only=True):
    """The report of the payments and the verdict on the data. passed: everything agrees and has come to rest."""

    passed: bool
    report: DemoReport
    verify: Report

    def rendered(self) -> str:
        """The whole as text for a terminal."""
        return "\n".join((rendered(report_rendered(self.report)), verify_table(self.verify)))


def run(settings: Settings, plan: Plan, *, is_quiet: bool) -> Demonstration:
    """Demonstrate on the platform of the data directory; it is left as it was found, running or not.

    Raises StackError, NotRunning, DemoError.
    """
    was_running = is_running(Path(settings.data_dir))
    if not was_running:
        lifecycle.up(settings, api_port=None, is_detached=True)
    try:
        return _demonstrate(settings, plan, Console(stderr=True, quiet=is_quiet))
    finally:
        if not was_running:
            lifecycle.down(settings)


def _demonstrate(settings: Settings, plan: Plan, console: Console) -> Demonstration:
    running = lifecycle.running_platform(settings)
    target = Target(
        api_url=running.api_url,
        operator_key=platform.operator_key(running.data_dir),
        simulator_url=running.simulator_url,
        settings=running.settings,
        bank_dir=directory_of(running.settings),
    )
    wanted = DemoPlan(
        payments=plan.payments,
        seed=plan.seed,
        requests_file=plan.requests_file,
        client_log=running.data_dir / lifecycle.CLIENT_LOG,
        receipts=running.data_dir / lifecycle.RECEIPTS,
        forget_keys=plan.forget_keys,
    )
    with shown(console) as progress:
        report = asyncio.run(run_demo(target, wanted, progress))
    console.print("verifying every invariant ...")
    verdict = lifecycle.verify(settings)
    is_right = (
        report.is_settled and report.amounts_agree and report.aftermath.agrees and not report.surprise_count
    )
    return Demonstration(passed=is_right and verdict.passed, report=report, verify=verdict)
