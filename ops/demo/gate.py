"""How many payments are worked on at once, and how many may wait for a provider besides?"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

MOST_PARKED: Final = 2_000
"""Payments that wait for a provider without taking a place; beyond that, waiting takes one."""


class Gate:
    """Places for payments. `parked` is how many wait without one."""

    def __init__(self, places: int) -> None:
        self._places = asyncio.Semaphore(places)
        self._benches = asyncio.Semaphore(MOST_PARKED)
        self.parked = 0

    async def enter(self) -> None:
        """Take a place; waits for one."""
        await self._places.acquire()

    def leave(self) -> None:
        """Give the place back."""
        self._places.release()

    @asynccontextmanager
    async def outside(self) -> AsyncIterator[None]:
        """Give the place back while waiting, and take one again afterwards."""
        async with self._benches:
            self._places.release()
            self.parked += 1
            try:
                yield
            finally:
                self.parked -= 1
                await self._places.acquire()
