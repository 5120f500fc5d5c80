"""Which parts make the reader of settlement files: settings, directory and producer, bound together."""

import os
import time
from typing import Final

from connectors.bank.directory import Directory
from connectors.bank.reader import Reader, directory_of
from connectors.bank.teller import KafkaTeller
from connectors.metrics import new_registry, serving
from connectors.runtime import run_process, stop_on_signals
from schemas.logs import configure_logs
from schemas.settings import Settings, parse_settings

ROLE: Final = "bank"


def main() -> int:
    """Read files until SIGTERM; the exit code of the process. Raises SettingsError."""
    settings = parse_settings(os.environ)
    configure_logs(settings.log_level, role=ROLE)
    return run_process(ROLE, lambda: _run(settings))


def _run(settings: Settings) -> None:
    stopping = stop_on_signals()
    teller = KafkaTeller(settings.kafka_bootstrap_servers, client_id=ROLE)
    registry = new_registry()
    with Directory(directory_of(settings)) as directory, serving(registry, settings):
        Reader(settings, directory, teller, _now_ms, registry).run(stopping)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
