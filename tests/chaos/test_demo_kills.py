"""Does a demo end right whichever single process is killed in its course, with a provider that forgets too?"""

from functools import partial

import pytest

from tests.integration.platform_demo import assert_nothing_is_wrong, demonstrate
from tests.integration.platform_running import Running

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

ROLES = (
    "api",
    "worker",
    "gateway",
    "egress",
    "bank",
    "audit",
    "sink",
    "clock",
    "simulator",
    "kafka",
    "postgres",
)


@pytest.mark.parametrize("forget_keys", [False, True], ids=["remembering", "forgetting"])
@pytest.mark.parametrize("role", ROLES)
def test_a_demo_survives_the_death_of_any_process(role: str, forget_keys: bool, platform: Running) -> None:
    """Killed twice, early and late: nothing is lost, doubled or left open, and both books agree."""
    kill = partial(platform.kill, role)
    report = demonstrate(platform, {20: kill, 90: kill}, seed=7, forget_keys=forget_keys)
    assert 2 <= platform.restarts(role)
    assert_nothing_is_wrong(platform, report)


@pytest.mark.parametrize("forget_keys", [False, True], ids=["remembering", "forgetting"])
def test_a_demo_survives_the_death_of_all_of_them(forget_keys: bool, platform: Running) -> None:
    """One after the other while the one before may still be finding its way: failures do not queue up."""
    deeds = {10 * number: partial(platform.kill, role) for number, role in enumerate(ROLES, start=1)}
    report = demonstrate(platform, deeds, seed=11, forget_keys=forget_keys)
    assert all(platform.restarts(role) >= 1 for role in ROLES)
    assert_nothing_is_wrong(platform, report)
