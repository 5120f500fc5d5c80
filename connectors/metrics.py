"""How does a connector's process show what it measures: Prometheus' text form over HTTP, in a thread."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server

from schemas.settings import Settings

_log = structlog.get_logger(__name__)


def new_registry() -> CollectorRegistry:
    """The registry of one process; it also tells the process's CPU time, memory and open files."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return registry


@contextmanager
def serving(registry: CollectorRegistry, settings: Settings) -> Iterator[None]:
    """Answer GET /metrics at the port of the settings meanwhile; port 0 serves nothing.

    Raises OSError when the port is taken.
    """
    if settings.metrics_port == 0:
        yield
        return
    server, thread = start_http_server(settings.metrics_port, settings.metrics_host, registry)
    _log.info("serving metrics", host=settings.metrics_host, port=settings.metrics_port)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
