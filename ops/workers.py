"""How does a worker process run its stages, and what does it tell on its local socket?

The socket `run/<worker>.sock` of the data directory answers GET /status with every task's positions,
counts and digest, and GET /metrics in Prometheus' text form; so does the port of the settings.
"""

import asyncio
from pathlib import Path
from typing import Any, NoReturn

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest

from ops.errors import NotFound
from ops.input_ends import InputEnds, lag_records
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
        await _serve(worker, socket, settings)

    run_worker(stage_specs(settings, stages), engine_config(settings), serve_status)


async def _serve(worker: Worker, socket: Path, settings: Settings) -> None:
    ends = InputEnds(settings)
    served = web.Application()
    served.router.add_get("/status", lambda _: _status(worker))
    served.router.add_get("/metrics", lambda _: _metrics(worker, ends))
    runner = web.AppRunner(served, access_log=None)
    await runner.setup()
    await web.UnixSite(runner, str(socket)).start()
    if settings.metrics_port != 0:
        await web.TCPSite(runner, settings.metrics_host, settings.metrics_port).start()


async def _status(worker: Worker) -> web.Response:
    return web.json_response({"tasks": [_plain(task) for task in worker.status()]})


def _plain(task: Any) -> dict[str, Any]:
    return {
        "stage": task.stage,
        "partition": task.partition,
        "transaction": task.positions.transaction,
        "inputs": dict(task.positions.inputs),
        "handled_records": task.handled_records,
        "deferred_records": task.deferred_records,
        "committed_at_ms": task.committed_at_ms,
    }


async def _metrics(worker: Worker, ends: InputEnds) -> web.Response:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    handled = metrics.STAGE_HANDLED_RECORDS.gauge(registry)
    committed = metrics.STAGE_TRANSACTIONS.gauge(registry)
    deferred = metrics.STAGE_DEFERRED_RECORDS.gauge(registry)
    lag = metrics.STAGE_LAG.gauge(registry)
    tasks = worker.status()
    # Asked after the positions: a lag that is a little too great is the honest mistake.
    found = await asyncio.to_thread(
        ends.of, {(topic, task.partition) for task in tasks for topic in task.positions.inputs}
    )
    for task in tasks:
        handled.labels(task.stage, task.partition).set(task.handled_records)
        committed.labels(task.stage, task.partition).set(task.positions.transaction)
        deferred.labels(task.stage, task.partition).set(task.deferred_records)
        behind = lag_records(task, found)
        if behind is not None:
            lag.labels(task.stage, task.partition).set(behind)
    return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
