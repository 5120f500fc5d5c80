"""A fresh platform for every test that breaks one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.platform_running import Running, running


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Running]:
    """Everything that `millrace up` starts, in a directory of its own."""
    with running(tmp_path / "data") as started:
        yield started
