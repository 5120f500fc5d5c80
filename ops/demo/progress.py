"""How is a demo shown while it runs: a live line in a terminal, plain lines elsewhere?"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

PLAIN_LINE_S: Final = 5.0
"""Time between lines where nobody watches a terminal."""

Phase = Literal["creating merchants", "paying", "coming to rest", "waiting for the tables", "done"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a demo stands. waiting: payments that wait for a provider or their customer."""

    phase: Phase
    payments: int
    ended: int
    waiting: int
    requests: int
    requests_per_s: float
    retries: int
    surprises: int


class Progress(Protocol):
    """Someone who is told several times a second how a demo stands."""

    def tell(self, standing: Standing) -> None: ...


class PlainProgress:
    """Writes a line when the phase changes and every few seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._phase: Phase | None = None
        self._next_s = 0.0

    def tell(self, standing: Standing) -> None:
        """Write a line if it is time for one."""
        now_s = time.monotonic()
        if standing.phase == self._phase and now_s < self._next_s:
            return
        self._phase, self._next_s = standing.phase, now_s + PLAIN_LINE_S
        self._console.print(
            f"{standing.phase}: {standing.ended}/{standing.payments} payments, {_details(standing)}",
            highlight=False,
            soft_wrap=True,
        )


class LiveProgress:
    """Moves a bar."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task = bars.add_task("starting", total=None, details="")

    def tell(self, standing: Standing) -> None:
        """Show where it stands."""
        self._bars.update(
            self._task,
            description=standing.phase,
            total=standing.payments,
            completed=standing.ended,
            details=_details(standing),
        )


@contextmanager
def shown(console: Console) -> Iterator[Progress]:
    """A progress on `console`: live in a terminal, else plain."""
    if not console.is_terminal:
        yield PlainProgress(console)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[details]}"),
    )
    with Bars(*columns, console=console) as bars:
        yield LiveProgress(bars)


def _details(standing: Standing) -> str:
    return (
        f"{standing.requests} requests, {standing.requests_per_s:.0f}/s, {standing.waiting} waiting, "
        f"{standing.retries} repeats, {standing.surprises} surprises"
    )
