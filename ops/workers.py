"""How does a worker process run its stages, and what does it tell on its local socket?

The socket `run/<worker>.sock` of the data directory answers GET /status with every task's positions,
counts and digest, and GET /metrics in Prometheus' text form.
"""

from pathlib import Path
from typing import Any, NoReturn

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from ops.errors import NotFound
from schemas import metrics
from schemas.logs import configure_logs
from schemas.settings import Settings
from streams.engine.config import EngineConfig
from streams.engine.worker import Worker, run_worker
from streams.stages import DEFINITIONS, stage_specs


def engine_config(settings: Settings) -> EngineConfig:
    """The engine's limits in the settings."""
    return EngineConfig(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        worker=settings.worker_name,
        data_dir=Path(settings.data_dir) / "state" / settings.worker_name,
        chunk_records=settings.worker_chunk,
        pending_records=2 * settings.worker_chunk,
        pace_ms=settings.worker_pace_ms,
        session_timeout_ms=settings.worker_session_timeout_ms,
    )


def run(settings: Settings, stages: tuple[str, ...]) -> NoReturn:
    """Run stages until SIGTERM. Raises NotFound; ends the process by itself in every other way."""
    unknown = [name for name in stages if name not in DEFINITIONS]
    if unknown:
        raise NotFound(f"no stage {', '.join(unknown)}; there are {', '.join(DEFINITIONS)}")
    configure_logs(settings.log_level, role=settings.worker_name)

    socket = Path(settings.data_dir) / "run" / f"{settings.worker_name}.sock"
    socket.parent.mkdir(parents=True, exist_ok=True)
    socket.unlink(missing_ok=True)

    async def serve_status(worker: Worker) -> None:
        await _serve(worker, socket)

    run_worker(stage_specs(settings, stages), engine_config(settings), serve_status)


async def _serve(worker: Worker, socket: Path) -> None:
    served = web.Application()
    served.router.add_get("/status", lambda _: _status(worker))
    served.router.add_get("/metrics", lambda _: _metrics(worker))
    runner = web.AppRunner(served, access_log=None)
    await runner.setup()
    await web.UnixSite(runner, str(socket)).start()


async def _status(worker: Worker) -> web.Response:
    return web.json_response({"tasks": [_plain(task) for task in worker.status()]})


def _plain(task: Any) -> dict[str, Any]:
    return {
        "stage": task.stage,
        "partition": task.partition,
        "transaction": task.positions.transaction,
        "inputs": dict(task.positions.inputs),
        "handled_records": task.handled_records,
        "committed_at_ms": task.committed_at_ms,
    }


async def _metrics(worker: Worker) -> web.Response:
    registry = CollectorRegistry()
    labels = ("stage", "partition")
    handled = Gauge(
        metrics.STAGE_HANDLED_RECORDS.name, metrics.STAGE_HANDLED_RECORDS.meaning, labels, registry=registry
    )
    committed = Gauge(
        metrics.STAGE_TRANSACTIONS.name, metrics.STAGE_TRANSACTIONS.meaning, labels, registry=registry
    )
    for task in worker.status():
        handled.labels(task.stage, task.partition).set(task.handled_records)
        committed.labels(task.stage, task.partition).set(task.positions.transaction)
    return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
