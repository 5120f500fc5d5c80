"""Is a burst of stolen cards stopped at the same attempt when the risk workers are killed in its midst?"""

from functools import partial

import pytest

from tests.integration.platform_burst import BLOCKED_FROM, BURST, burst
from tests.integration.platform_merchant import Merchant, client_session
from tests.integration.platform_running import Running

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

EXPECTED = [200] * BLOCKED_FROM + [402] * (BURST - BLOCKED_FROM)


async def test_a_burst_is_stopped_at_the_same_attempt(platform: Running) -> None:
    """Windows that forgot an attempt would let another card through; ones that counted twice, one fewer."""
    kill = partial(platform.kill, "worker")
    async with client_session() as session:
        for name, deeds in (("calm", {}), ("killed", {2: kill, 5: kill, 8: kill, 11: kill})):
            merchant = Merchant(session, platform.api_url, platform.new_merchant_key(name))
            assert EXPECTED == await burst(merchant, f"device-{name}", deeds), name
    verdict = platform.verify()
    assert verdict.passed, [one for one in verdict.invariants if not one.passed]
    (features,) = (one for one in verdict.invariants if one.id == "P16")
    assert features.checked >= 2 * 3 * BURST
