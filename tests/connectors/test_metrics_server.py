"""A connector shows its metrics while it runs, on its own port, and on none where none is wanted."""

from urllib.error import URLError
from urllib.request import urlopen

import pytest

from connectors.metrics import new_registry, serving
from ops.stack.ports import LOOPBACK, free_port
from schemas import metrics
from schemas.settings import Settings


def test_metrics_are_served_meanwhile() -> None:
    """Prometheus reads them over HTTP; nothing listens after the process's work."""
    registry, port = new_registry(), free_port()
    metrics.CLOCK_TICKS.counter(registry).inc(3)
    url = f"http://{LOOPBACK}:{port}/metrics"
    with serving(registry, Settings(metrics_port=port)), urlopen(url, timeout=5) as answer:
        text = answer.read().decode()
    assert "clock_ticks_total 3.0" in text
    assert "process_resident_memory_bytes" in text
    with pytest.raises(URLError):
        urlopen(url, timeout=5)


def test_port_0_serves_nothing() -> None:
    """Processes started by hand do not fight for a port nobody asked for."""
    with serving(new_registry(), Settings()):
        pass


def test_a_taken_port_is_refused() -> None:
    """A process that shows the metrics of another one would be believed."""
    port = free_port()
    with (
        serving(new_registry(), Settings(metrics_port=port)),
        pytest.raises(OSError, match="in use"),
        serving(new_registry(), Settings(metrics_port=port)),
    ):
        pass
