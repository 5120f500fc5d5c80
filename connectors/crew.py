"""Where do calls run while the loop polls: one thread with an event loop, whose failures the poller sees."""

import asyncio
from collections.abc import Awaitable, Callable
from threading import Thread
from typing import Any, Final, Generic, Protocol, TypeVar

_ANSWER_S: Final = 10.0

T = TypeVar("T")
Piece = TypeVar("Piece", contravariant=True)
W = TypeVar("W")
L = TypeVar("L", bound="Lanes[Any]")

OnFailure = Callable[[BaseException], None]


class Lanes(Protocol[Piece]):
    """What puts pieces of work in order and runs them; lives in the crew's event loop.

    add    run a piece, after what was added before under its key as the lanes see fit
    clear  give up what runs and what waits
    """

    def add(self, key: bytes, work: Piece) -> None: ...
    async def clear(self) -> None: ...


class Crew(Generic[W, L]):
    """A thread that runs work in lanes. Every method but `run` may be called from any other thread.

    lanes: makes them; told where to report what a piece of work raised.
    """

    def __init__(self, name: str, lanes: Callable[[OnFailure], L]) -> None:
        self._failure: BaseException | None = None
        self._lanes = lanes(self._failed)
        self._loop = asyncio.new_event_loop()
        # A call that hangs must not keep a process alive that has decided to end.
        self._thread = Thread(target=self._loop.run_forever, name=name, daemon=True)

    def start(self) -> None:
        """Begin; before anything else."""
        self._thread.start()

    def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run something short in the crew's event loop and wait for what it returns."""

        async def answer() -> T:
            return await work()

        return asyncio.run_coroutine_threadsafe(answer(), self._loop).result(_ANSWER_S)

    def add(self, key: bytes, work: W) -> None:
        """Hand a piece of work to the lanes."""
        self._loop.call_soon_threadsafe(self._lanes.add, key, work)

    @property
    def lanes(self) -> L:
        """The lanes, to be looked at; only the crew changes them."""
        return self._lanes

    def check(self) -> None:
        """Raises what a piece of work raised."""
        if self._failure is not None:
            raise self._failure

    def clear(self) -> None:
        """Give up what runs and what waits."""
        self.run(self._lanes.clear)

    def stop(self) -> None:
        """End the thread; the last thing of all."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _failed(self, error: BaseException) -> None:
        self._failure = self._failure or error
