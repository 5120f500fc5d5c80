"""Progress is readable in a log, and places at the gate are neither lost nor made."""

import asyncio

from rich.console import Console

from ops.demo.gate import Gate
from ops.demo.progress import LiveProgress, Phase, PlainProgress, Standing, shown


def standing(phase: Phase, ended: int = 1) -> Standing:
    return Standing(
        phase=phase,
        payments=10,
        ended=ended,
        waiting=2,
        requests=30,
        requests_per_s=12.5,
        retries=3,
        surprises=0,
    )


def test_without_a_terminal_lines_are_few() -> None:
    """Four updates a second would bury a log; a new phase is always said."""
    console = Console(width=200, color_system=None)
    progress = PlainProgress(console)
    with console.capture() as captured:
        for ended in range(5):
            progress.tell(standing("paying", ended))
        progress.tell(standing("done", 10))
    lines = captured.get().splitlines()
    assert ["paying: 0/10", "done: 10/10"] == [line.split(" payments")[0] for line in lines]
    assert "30 requests, 12/s, 2 waiting, 3 repeats, 0 surprises" in lines[0]


def test_a_terminal_gets_a_bar_and_a_log_gets_lines() -> None:
    """Control characters in a log are noise."""
    with shown(Console(force_terminal=False)) as progress:
        assert isinstance(progress, PlainProgress)
    console = Console(force_terminal=True, width=120)
    with console.capture(), shown(console) as progress:
        assert isinstance(progress, LiveProgress)
        progress.tell(standing("paying"))


async def test_who_waits_outside_lets_another_in() -> None:
    """Payments that wait a minute for a provider must not stop all others."""
    gate = Gate(1)
    await gate.enter()
    async with gate.outside():
        assert gate.parked == 1
        async with asyncio.timeout(5):
            await gate.enter()
        gate.leave()
    assert gate.parked == 0
    entering = asyncio.ensure_future(gate.enter())
    await asyncio.sleep(0)
    assert not entering.done()
    gate.leave()
    await entering
