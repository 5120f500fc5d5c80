"""How is the platform of a data directory started, watched, judged and stopped?"""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from rich.console import Console

from ops import broadcast, platform
from ops.errors import NotFound, NotRunning
from ops.lag import StageLag, stage_lags
from ops.platform import Platform
from ops.stack import supervisor
from ops.stack.processes import tail
from ops.stack.terminal import Multiplexer
from schemas import topics
from schemas.platform import RecordQuarantined
from schemas.settings import PREFIX, Settings

if TYPE_CHECKING:
    from ops.verify.check import Report

CLIENT_LOG: Final = "client-requests.jsonl"
RECEIPTS: Final = "webhook-receipts.jsonl"
_READY_TIMEOUT_S: Final = 180.0
_STOP_TIMEOUT_S: Final = 20.0
_POLL_S: Final = 0.1


class ProcessStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One process: its role, process id, whether it does its work, and how often it was restarted."""

    role: str
    pid: int | None
    ready: bool
    restarts: int


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The platform of one data directory."""

    api_url: str
    kafka: str
    postgres_dsn: str
    psp_simulator_url: str
    metrics_urls: dict[str, str]
    processes: list[ProcessStatus]
    stages: list[StageLag]


def up(settings: Settings, *, api_port: int | None, is_detached: bool) -> Status:
    """Start everything. Detached: return when all is ready; else run until SIGTERM or SIGINT.

    Raises StackError, NotRunning when it did not become ready.
    """
    designed = platform.design(Path(settings.data_dir), settings, api_port=api_port)
    if not is_detached:
        echo = Multiplexer([spec.role for spec in designed.processes], Console())
        supervisor.run(designed.processes, designed.data_dir, echo)
        return _status_of(designed, [])
    started = None if supervisor.is_running(designed.data_dir) else _start_detached(designed, settings)
    _wait_until_ready(designed, started)
    return status(settings)


def down(settings: Settings) -> bool:
    """Stop everything and wait for it; False when nothing was running."""
    return supervisor.stop(Path(settings.data_dir), timeout_s=_STOP_TIMEOUT_S)


def status(settings: Settings) -> Status:
    """Every process and the lag of every stage. Raises NotRunning."""
    designed = _running(settings)
    return _status_of(designed, stage_lags(designed.settings))


def verify(settings: Settings) -> "Report":
    """Check every invariant. Raises NotRunning."""
    from ops.verify.check import verify as check

    designed = _running(settings)
    log, receipts = designed.data_dir / CLIENT_LOG, designed.data_dir / RECEIPTS
    return check(
        designed.settings,
        simulator_url=designed.simulator_url,
        client_log=log if log.exists() else None,
        receipts=receipts if receipts.exists() else None,
    )


def running_settings(settings: Settings) -> Settings:
    """The settings everything in the data directory runs with. Raises NotRunning."""
    return _running(settings).settings


def running_platform(settings: Settings) -> Platform:
    """The platform that runs in the data directory. Raises NotRunning."""
    return _running(settings)


def api_access(settings: Settings) -> tuple[str, str]:
    """Address of the API and key of the first operator. Raises NotRunning."""
    designed = _running(settings)
    return designed.api_url, platform.operator_key(designed.data_dir)


def set_aside(settings: Settings, record: str, *, reason: str, is_dry_run: bool) -> dict[str, Any]:
    """Write a quarantine record to every partition, audited with who decided it.

    record: TOPIC:PARTITION:OFFSET. Raises NotRunning, NotFound for what is no record's address, Unwritable.
    """
    designed = _running(settings)
    topic, _, place = record.partition(":")
    partition, _, offset = place.partition(":")
    if topic not in topics.BY_NAME or not (partition.isdecimal() and offset.isdecimal()):
        raise NotFound(f"{record} is no TOPIC:PARTITION:OFFSET of a known topic; see `millrace topics list`")
    body = RecordQuarantined(
        topic=topic, partition=int(partition), offset=int(offset), decided_by=broadcast.user(), reason=reason
    )
    if not is_dry_run:
        broadcast.write(designed.settings, topics.QUARANTINE, body, key=topic, decided_by=body.decided_by)
    return {"is_dry_run": is_dry_run, **msgspec.to_builtins(body)}


def _running(settings: Settings) -> Platform:
    data_dir = Path(settings.data_dir)
    if not supervisor.is_running(data_dir):
        raise NotRunning(
            f"nothing runs in {data_dir}; start it with `millrace up --detach --data-dir {data_dir}`"
        )
    return platform.design(data_dir, settings)


def _start_detached(designed: Platform, settings: Settings) -> "subprocess.Popen[bytes]":
    """Run the supervisor in a session of its own, so that it outlives this command.

    It runs with these settings, whatever the environment of this process says.
    """
    log = designed.data_dir / "logs" / "supervisor.log"
    log.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "ops.cli", "up", "--data-dir", str(designed.data_dir)]
    others = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    with log.open("ab") as output:
        started = subprocess.Popen(  # noqa: S603  # our own command line, without a shell
            [*command, "--api-port", str(designed.addresses.api)],
            env={**others, **platform.environment(settings)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # A program that lives on after this call takes note of the end of what it started.
    threading.Thread(target=started.wait, daemon=True).start()
    return started


def _wait_until_ready(designed: Platform, started: "subprocess.Popen[bytes] | None") -> None:
    """Wait for all processes; `started` is their supervisor if it was started just now."""
    deadline = time.monotonic() + _READY_TIMEOUT_S
    was_running = started is None
    while time.monotonic() < deadline:
        is_running = supervisor.is_running(designed.data_dir)
        if is_running and all(process.ready for process in _processes(designed.data_dir, designed)):
            return
        if started is not None and started.poll() is not None:
            raise NotRunning(_last_words(designed.data_dir / "logs" / "supervisor.log"))
        if was_running and not is_running:
            break
        was_running = was_running or is_running
        time.sleep(_POLL_S)
    waiting = [process.role for process in _processes(designed.data_dir, designed) if not process.ready]
    raise NotRunning(f"not ready: {', '.join(waiting)}; their logs are in {designed.data_dir / 'logs'}")


def _last_words(log: Path) -> str:
    said = tail(log).rstrip().rpartition("\n")[2].removeprefix("error: ")
    return f"the platform did not start: {said} (all of it is in {log})"


def _processes(data_dir: Path, designed: Platform) -> list[ProcessStatus]:
    state = supervisor.read_state(data_dir)
    found = {process.role: process for process in state.processes} if state is not None else {}
    return [
        ProcessStatus(
            role=spec.role,
            pid=found[spec.role].pid if spec.role in found else None,
            ready=spec.role in found and found[spec.role].ready,
            restarts=found[spec.role].restarts if spec.role in found else 0,
        )
        for spec in designed.processes
    ]


def _status_of(designed: Platform, lags: list[StageLag]) -> Status:
    return Status(
        api_url=designed.api_url,
        kafka=designed.settings.kafka_bootstrap_servers,
        postgres_dsn=designed.settings.postgres_dsn,
        psp_simulator_url=designed.simulator_url,
        metrics_urls=designed.metrics_urls,
        processes=_processes(designed.data_dir, designed),
        stages=lags,
    )
