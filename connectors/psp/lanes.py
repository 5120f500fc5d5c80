"""How does much work run at once, and yet one piece at a time and in order for each key?"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

Work = Callable[[], Awaitable[None]]


class Lanes:
    """Runs work: at most `width` pieces at a time, one per key, in the order they were added.

    Lives in one event loop. on_failure: told what a piece raised; its lane then stands still.
    """

    def __init__(self, width: int, on_failure: Callable[[BaseException], None]) -> None:
        self._on_failure = on_failure
        self._places = asyncio.Semaphore(width)
        self._waiting: dict[bytes, deque[Work]] = {}
        self._running: set[asyncio.Task[None]] = set()

    def add(self, key: bytes, work: Work) -> None:
        """Run `work` after everything added before under the same key."""
        lane = self._waiting.get(key)
        if lane is not None:
            lane.append(work)
            return
        self._waiting[key] = deque([work])
        task = asyncio.get_running_loop().create_task(self._run(key))
        self._running.add(task)
        task.add_done_callback(self._ended)

    async def clear(self) -> None:
        """Give up what runs and what waits."""
        given_up = tuple(self._running)
        for task in given_up:
            task.cancel()
        await asyncio.gather(*given_up, return_exceptions=True)

    async def _run(self, key: bytes) -> None:
        lane = self._waiting[key]
        while lane:
            async with self._places:
                await lane.popleft()()
        del self._waiting[key]

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._on_failure(error)
