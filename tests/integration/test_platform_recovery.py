"""Does a demo end right although processes of the platform are killed in its course?"""

from pathlib import Path

import pytest

from tests.integration.platform_demo import assert_nothing_is_wrong, demonstrate
from tests.integration.platform_running import running

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def test_a_demo_survives_the_death_of_the_worker_and_of_the_gateway(tmp_path: Path) -> None:
    """The two that decide about money and move it: what they were doing is neither lost nor done twice."""
    with running(tmp_path / "data") as platform:
        report = demonstrate(
            platform,
            {30: lambda: platform.kill("worker"), 80: lambda: platform.kill("gateway")},
            seed=4,
        )
        assert (1, 1) == (platform.restarts("worker"), platform.restarts("gateway"))
        assert_nothing_is_wrong(platform, report)
