"""Which parts make the sealer: settings, key, topic and file, bound together."""

import os
import time
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from connectors.audit.kept import KeptSeals
from connectors.audit.sealer import Sealer
from connectors.metrics import new_registry, serving
from connectors.runtime import ConnectorError, ConnectorLoop, Subscription, run_process, stop_on_signals
from schemas import topics
from schemas.audit_files import key_file, seals_file
from schemas.logs import configure_logs
from schemas.settings import Settings, parse_settings

ROLE: Final = "audit"


class KeyUnusable(ConnectorError):
    """There is no private key to sign with, or the file holds something else."""


def main() -> int:
    """Seal until SIGTERM; the exit code of the process. Raises SettingsError."""
    settings = parse_settings(os.environ)
    configure_logs(settings.log_level, role=ROLE)
    return run_process(ROLE, lambda: _run(settings))


def _run(settings: Settings) -> None:
    stopping = stop_on_signals()
    registry = new_registry()
    sealer = Sealer(
        KeptSeals(settings, seals_file(settings)),
        _key(key_file(settings)),
        every_ms=settings.audit_seal_ms,
        now_ms=lambda: time.time_ns() // 1_000_000,
        registry=registry,
    )
    subscription = Subscription(group="millrace.audit", member=ROLE, topics=(topics.LEDGER_JOURNAL.name,))
    with serving(registry, settings):
        ConnectorLoop(subscription, settings, stopping).run(sealer)


def _key(path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError) as error:
        raise KeyUnusable(f"{path} holds no Ed25519 private key in PEM; `millrace up` makes one") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(f"{path} holds a key of another kind; seals are signed with Ed25519")
    return key
