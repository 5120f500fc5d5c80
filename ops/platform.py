"""Which processes make up the platform on one machine, and with which settings does each run?"""

import hashlib
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from msgspec.structs import replace

from connectors.bank.reader import directory_of
from ops.stack import kafka, postgres
from ops.stack.directory import claim, write_atomically
from ops.stack.ports import LOOPBACK, free_port, is_free
from ops.stack.processes import ProcessSpec
from schemas.audit_files import key_file, public_key_file
from schemas.settings import Settings, variable
from streams.stages import DEFINITIONS

OPERATOR_KEY_FILE: Final = "operator.key"
MEASURED: Final = ("worker", "clock", "gateway", "sink", "egress", "bank", "audit")
"""Roles of processes that serve their metrics on a port of their own; the API has one anyway."""
_SECRETS_FILE: Final = "secrets.json"
_SECRET_READERS: Final[Mapping[str, frozenset[str]]] = {
    "webhooks_sealing_key": frozenset({"api", "egress"}),
    "psp_api_key": frozenset({"gateway"}),
    "psp_callback_secret": frozenset({"api"}),
}
"""Secrets by the name of their setting, with the roles that need them: no other process is given them."""
_SIMULATOR_SECRET: Final = "PSP_SIMULATOR_CALLBACK_SECRET"  # noqa: S105  # the name of a variable

# On one machine an unknown outcome should be seen to resolve within a minute, not an hour; every
# window keeps its place in the order of the longer ones.
LAPTOP_WINDOWS: Final[Mapping[str, int | str]] = {
    "payments_confirm_window_ms": 15_000,
    "payments_operation_window_ms": 15_000,
    "payments_answer_grace_ms": 5_000,
    "payments_query_delays_ms": "2000,3000,5000,10000,15000,30000",
    "psp_call_timeout_ms": 4_000,
    "psp_settle_ms": 1_000,
    "recon_expected_window_ms": 60_000,
    "recon_line_window_ms": 10_000,
}


class Addresses(msgspec.Struct, frozen=True, kw_only=True):
    """The ports of one data directory; drawn once, so that a restart keeps every address.

    metrics: of each process that serves its metrics on a port of their own.
    """

    api: int
    kafka: int
    kafka_controller: int
    postgres: int
    simulator: int
    metrics: dict[str, int] = {}


class _Secrets(msgspec.Struct, frozen=True, kw_only=True):
    operator_key: str
    callback_secret: str
    webhooks_sealing_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The probe of an HTTP server: this URL answers 200."""

    url: str

    def is_ready(self) -> bool:
        """Whether the server answers now."""
        try:
            with urlopen(self.url, timeout=1) as answer:  # noqa: S310  # our own URL on the loopback
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """Everything needed to run the platform in one data directory."""

    data_dir: Path
    settings: Settings
    addresses: Addresses
    processes: tuple[ProcessSpec, ...]

    @property
    def api_url(self) -> str:
        """Where merchants send requests."""
        return f"http://{LOOPBACK}:{self.addresses.api}"

    @property
    def simulator_url(self) -> str:
        """Where the provider simulator answers."""
        return f"http://{LOOPBACK}:{self.addresses.simulator}"

    @property
    def metrics_urls(self) -> dict[str, str]:
        """Where each process serves its metrics, by role."""
        own = {
            spec.role: self.addresses.metrics[spec.role]
            for spec in self.processes
            if spec.role in self.addresses.metrics
        }
        return {"api": f"{self.api_url}/metrics"} | {
            role: f"http://{LOOPBACK}:{port}/metrics" for role, port in own.items()
        }


def operator_key(data_dir: Path) -> str:
    """The secret key of the first operator of a data directory. Raises FileNotFoundError."""
    return (data_dir / OPERATOR_KEY_FILE).read_text().strip()


def design(data_dir: Path, base: Settings, *, api_port: int | None = None) -> Platform:
    """Prepare a data directory and say which processes run in it, in the order of their dependence.

    Draws ports and secrets at the first call and keeps them. Raises StackError.
    """
    data_dir = data_dir.resolve()
    claim(data_dir)
    addresses = _addresses(data_dir, base, api_port)
    secret = _secrets(data_dir)
    settings = _settings(data_dir, base, addresses, secret)
    _seal_key(settings)
    broker = kafka.prepare(
        data_dir, kafka.KafkaSettings(port=addresses.kafka, controller_port=addresses.kafka_controller)
    )
    database = postgres.prepare(data_dir, postgres.PostgresSettings(port=addresses.postgres))
    ours = _our_processes(data_dir, settings, addresses, secret)
    return Platform(
        data_dir=data_dir, settings=settings, addresses=addresses, processes=(broker, database, *ours)
    )


def environment(settings: Settings) -> dict[str, str]:
    """The settings as environment variables; only those that differ from their defaults."""
    standard = Settings()
    return {
        variable(field): str(getattr(settings, field))
        for field in settings.__struct_fields__
        if getattr(settings, field) != getattr(standard, field)
    }


def _our_processes(
    data_dir: Path, settings: Settings, addresses: Addresses, secret: _Secrets
) -> tuple[ProcessSpec, ...]:
    inherited = environment(settings)

    def measured(role: str) -> dict[str, str]:
        port = addresses.metrics.get(role)
        return {} if port is None else {variable("metrics_port"): str(port)}

    def known_to(role: str) -> dict[str, str]:
        hidden = {variable(name) for name, roles in _SECRET_READERS.items() if role not in roles}
        return {name: value for name, value in inherited.items() if name not in hidden}

    def ours(role: str, *arguments: str, after: tuple[str, ...], **changes: object) -> ProcessSpec:
        return ProcessSpec(
            role=role,
            argv=(sys.executable, "-m", *arguments),
            env=known_to(role) | measured(role),
            cwd=data_dir,
            after=after,
            **changes,  # type: ignore[arg-type]  # fields of ProcessSpec, given below
        )

    simulator_url = f"http://{LOOPBACK}:{addresses.simulator}"
    api_url = f"http://{LOOPBACK}:{addresses.api}"
    simulator = ProcessSpec(
        role="simulator",
        argv=(
            *(sys.executable, "-m", "connectors.psp.simulator"),
            *("--port", str(addresses.simulator), "--book", str(data_dir / "simulator" / "book.jsonl")),
            *("--callback-url", f"{api_url}/v1/psp/notifications/{settings.psp_provider}"),
            *("--callback-secret-env", _SIMULATOR_SECRET),
            *("--settlement-dir", str(data_dir / directory_of(settings) / "inbox")),
            *("--provider-name", settings.psp_provider),
        ),
        env={_SIMULATOR_SECRET: secret.callback_secret},
        cwd=data_dir,
        ready=Answers(url=f"{simulator_url}/healthz"),
        ports={"simulator": addresses.simulator},
    )
    (data_dir / "simulator").mkdir(exist_ok=True)
    return (
        simulator,
        ours("provision", "ops.provision", after=("kafka",), is_job=True),
        ours("worker", "ops.cli", "worker", *DEFINITIONS, after=("provision",)),
        ours("clock", "connectors.clock", after=("provision",)),
        ours("gateway", "connectors.psp", after=("provision", "simulator")),
        ours("egress", "connectors.webhooks", after=("provision",)),
        ours("bank", "connectors.bank", after=("provision",)),
        ours("audit", "connectors.audit", after=("provision",)),
        ours("sink", "connectors.postgres", after=("provision", "postgres")),
        ours(
            "api",
            "api",
            after=("worker", "sink"),
            ready=Answers(url=f"{api_url}/readyz"),
            ports={"api": addresses.api},
        ),
    )


def _addresses(data_dir: Path, base: Settings, api_port: int | None) -> Addresses:
    path = data_dir / "ports.json"
    if path.exists():
        known = msgspec.json.decode(path.read_bytes(), type=Addresses)
    else:
        wanted = base.api_port
        known = Addresses(
            api=wanted if is_free(wanted) else free_port(),
            kafka=free_port(),
            kafka_controller=free_port(),
            postgres=free_port(),
            simulator=free_port(),
        )
    known = replace(known, metrics={role: known.metrics.get(role) or free_port() for role in MEASURED})
    chosen = known if api_port is None else replace(known, api=api_port)
    write_atomically(path, msgspec.json.encode(chosen))
    return chosen


def _secrets(data_dir: Path) -> _Secrets:
    path = data_dir / _SECRETS_FILE
    if path.exists():
        known = msgspec.json.decode(path.read_bytes(), type=_Secrets)
        if not known.webhooks_sealing_key:
            # A directory from before there were webhooks.
            known = replace(known, webhooks_sealing_key=secrets.token_hex(32))
            _write_private(path, msgspec.json.encode(known))
        return known
    drawn = _Secrets(
        operator_key=f"op_{secrets.token_urlsafe(32)}",
        callback_secret=f"whsec_{secrets.token_urlsafe(32)}",
        webhooks_sealing_key=secrets.token_hex(32),
    )
    for name, content in (
        (_SECRETS_FILE, msgspec.json.encode(drawn)),
        (OPERATOR_KEY_FILE, drawn.operator_key.encode()),
    ):
        _write_private(data_dir / name, content)
    return drawn


def _seal_key(settings: Settings) -> None:
    """Make the key that signs seals where there is none; whoever verifies them needs the public one alone."""
    path = key_file(settings)
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    write_atomically(public_key_file(settings), public.hex().encode() + b"\n")
    _write_private(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _write_private(path: Path, content: bytes) -> None:
    """Only the owner may read it, from its first byte on; a reader sees the old bytes or the new ones."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _settings(data_dir: Path, base: Settings, addresses: Addresses, secret: _Secrets) -> Settings:
    standard = Settings()
    windows = {
        name: value
        for name, value in LAPTOP_WINDOWS.items()
        if getattr(base, name) == getattr(standard, name)
    }
    return replace(
        base,
        data_dir=str(data_dir),
        kafka_bootstrap_servers=f"{LOOPBACK}:{addresses.kafka}",
        postgres_dsn=postgres.dsn_of(addresses.postgres),
        api_port=addresses.api,
        psp_base_url=f"http://{LOOPBACK}:{addresses.simulator}",
        psp_callback_secret=secret.callback_secret,
        webhooks_sealing_key=secret.webhooks_sealing_key,
        operator_key_sha256=hashlib.sha256(secret.operator_key.encode()).hexdigest(),
        **windows,
    )
