"""How does a worker process run: several stages, one Faust app each, until it is told to stop."""

import asyncio
import gc
import logging
import os
import resource
import signal
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NoReturn

from streams.engine.app import StageApp
from streams.engine.config import EngineConfig
from streams.engine.errors import EngineError, end_process
from streams.engine.replies import Replies
from streams.engine.spec import StageSpec
from streams.engine.stage import Stage, TaskStatus

_log = logging.getLogger(__name__)
_OPEN_FILES: Final = 65_536


class Worker:
    """The stages of one process. Made and used in a running event loop."""

    def __init__(
        self,
        specs: Sequence[StageSpec],
        config: EngineConfig,
        *,
        fail: Callable[[BaseException], None] = end_process,
    ) -> None:
        groups = [spec.group for spec in specs]
        assert len(set(groups)) == len(groups), f"a stage is named twice: {groups}"
        self._config = config
        self._fail = fail
        self._executor = ThreadPoolExecutor(config.restore_threads, "task")
        self._replies = Replies(config)
        self._stages = [
            Stage(spec, config, executor=self._executor, replies=self._replies, fail=fail) for spec in specs
        ]
        self._apps = [StageApp(stage) for stage in self._stages]
        self._is_stopping = asyncio.Event()

    def status(self) -> list[TaskStatus]:
        """Positions, counts and digests of every task this worker owns."""
        return [task for stage in self._stages for task in stage.status()]

    def stop(self) -> None:
        """Let `run` drain and return."""
        self._is_stopping.set()

    async def run(self) -> None:
        """Run until `stop`, then finish running commits within the drain time."""
        await asyncio.gather(*(app.start() for app in self._apps))
        _log.info("running %s", ", ".join(stage.spec.group for stage in self._stages))
        ended = await asyncio.gather(*(app.wait_for_stopped(self._is_stopping.wait()) for app in self._apps))
        if any(ended):
            self._fail(EngineError("a Faust app has ended by itself"))
        await self._drain()

    async def _drain(self) -> None:
        seconds = self._config.drain_ms / 1000
        for app in self._apps:
            app.stop_reading()
        try:
            await asyncio.wait_for(asyncio.gather(*(stage.close_tasks() for stage in self._stages)), seconds)
        except TimeoutError:
            _log.warning("commits did not end within %.0f s; the next owner decides them", seconds)
        self._replies.flush(1_000)


def _collect_rarely() -> None:
    """Messages and rows are trees, freed by their counts; the collector's defaults walk them all again and again."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


def _open_many_files() -> None:
    """The stores of the tasks keep all their files open; what a login shell may open is soon too few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if resource.RLIM_INFINITY != soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


def run_worker(
    specs: Sequence[StageSpec],
    config: EngineConfig,
    on_started: Callable[[Worker], Awaitable[None]] | None = None,
) -> NoReturn:
    """Run the stages until SIGTERM or SIGINT, then end the process with code 0.

    Ends it with the code of an `EngineError` when going on is impossible. on_started is awaited in
    the event loop when the worker begins, to serve its status.
    """
    _collect_rarely()
    _open_many_files()
    asyncio.run(_run(specs, config, on_started))
    raise AssertionError("a worker ends its process")


async def _run(
    specs: Sequence[StageSpec],
    config: EngineConfig,
    on_started: Callable[[Worker], Awaitable[None]] | None,
) -> NoReturn:
    worker = Worker(specs, config)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)
    if on_started is not None:
        await on_started(worker)
    await worker.run()
    # Everything is committed and closed; waiting for Faust's services to stop gains nothing.
    logging.shutdown()
    os._exit(0)
