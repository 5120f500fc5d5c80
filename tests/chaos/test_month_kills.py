"""Does a month of a marketplace end right when the ledger dies in it, and its disk with it?"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from ops.month import scenario
from tests.integration.platform_running import Running

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]


def _month(platform: Running, deeds: Mapping[int, Callable[[], None]]) -> scenario.Scenario:
    """A small month; each deed is done while the part after that of its number is played."""
    done = []
    with ThreadPoolExecutor(1) as aside:

        def after(part: int, transactions: int) -> None:
            if part in deeds:
                done.append(aside.submit(deeds[part]))

        played = scenario.play(
            platform.designed.settings,
            platform.api_url,
            platform.operator_key,
            seed=5,
            sales_a_day=60,
            on_part=after,
        )
    for deed in done:
        deed.result()
    return played


def test_a_month_survives_kills_and_a_lost_disk(platform: Running) -> None:
    """Each transaction is in the journal exactly once, and every book agrees with the provider's and the bank's."""
    kill = partial(platform.kill, "worker")
    deeds = {10: kill, 41: kill, 70: partial(platform.kill, "worker", is_disk_lost=True), 100: kill}
    played = _month(
        platform, {**deeds, 85: partial(platform.kill, "kafka"), 95: partial(platform.kill, "sink")}
    )
    assert [] == [check for check in played.checks if not check.passed]
    assert 4 <= platform.restarts("worker")
    report = platform.verify()
    assert [] == [one for one in report.invariants if not one.passed]
