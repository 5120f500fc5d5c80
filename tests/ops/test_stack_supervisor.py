"""Does the supervisor start in order, restart what dies, stop in order, and leave nobody behind?"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ops.stack import supervisor
from ops.stack.child import Child
from ops.stack.errors import DirectoryInUse, PortTaken
from ops.stack.ports import free_port
from ops.stack.processes import ProcessSpec

_SUBJECT = Path(__file__).with_name("stack_subject.py")
_ROOT = Path(__file__).parents[2]


def wait_until(holds: Callable[[], bool], *, timeout_s: float = 15.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)


@contextmanager
def supervised(data_dir: Path, scenario: str) -> Iterator[subprocess.Popen[bytes]]:
    """A supervisor process of one scenario; killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, str(_SUBJECT), str(data_dir), scenario],
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": "."},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def state_of(data_dir: Path, role: str) -> supervisor.ProcessState | None:
    state = supervisor.read_state(data_dir)
    found = [one for one in state.processes if one.role == role] if state else []
    return found[0] if found else None


def is_ready(data_dir: Path, role: str) -> bool:
    state = state_of(data_dir, role)
    return state is not None and state.ready


def pid_of(data_dir: Path, role: str) -> int:
    state = state_of(data_dir, role)
    assert state is not None
    assert state.pid is not None
    return state.pid


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def events_of(data_dir: Path) -> list[str]:
    events = data_dir / "events"
    return events.read_text().splitlines() if events.exists() else []


def test_stops_in_reverse_order_of_dependence(tmp_path: Path) -> None:
    """A process must never outlive what it depends on: its last work would be lost."""
    with supervised(tmp_path, "chain") as process:
        wait_until(lambda: "above started" in events_of(tmp_path))
        assert supervisor.is_running(tmp_path)
        assert supervisor.stop(tmp_path, timeout_s=10)
        assert 0 == process.wait(5)
    events = events_of(tmp_path)
    assert {"below started", "above started"} == set(events[:2])
    assert ["above ended", "below ended"] == events[2:]
    assert not supervisor.is_running(tmp_path)


def test_no_child_survives_a_killed_supervisor(tmp_path: Path) -> None:
    """A second start would otherwise meet the first one's processes on its ports and data."""
    with supervised(tmp_path, "chain") as process:
        wait_until(lambda: "above started" in events_of(tmp_path) and is_ready(tmp_path, "above"))
        pids = [pid_of(tmp_path, role) for role in ("below", "above")]
        process.kill()
        process.wait()
        wait_until(lambda: not any(map(is_alive, pids)))
    assert not supervisor.is_running(tmp_path), "the state file of a dead supervisor must not count"
    assert not supervisor.stop(tmp_path, timeout_s=1)


def test_restarts_what_was_killed(tmp_path: Path) -> None:
    """Crash-only means that a crash is repaired without anybody looking."""
    with supervised(tmp_path, "chain"):
        wait_until(lambda: is_ready(tmp_path, "above"))
        first = pid_of(tmp_path, "above")
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: is_ready(tmp_path, "above") and pid_of(tmp_path, "above") != first)
        state = state_of(tmp_path, "above")
        assert state is not None
        assert 1 == state.restarts
        assert supervisor.stop(tmp_path, timeout_s=10)


def test_backs_off_and_never_gives_up(tmp_path: Path) -> None:
    """A process that cannot start yet must neither burn the machine nor be forgotten."""
    with supervised(tmp_path, "failing"):

        def restarts() -> int:
            state = state_of(tmp_path, "failing")
            return 0 if state is None else state.restarts

        begun = time.monotonic()
        wait_until(lambda: restarts() >= 4)
        # Pauses of 0.2, 0.4 and 0.8 s lie between four starts.
        assert time.monotonic() - begun > 1.3
        assert supervisor.stop(tmp_path, timeout_s=10)


def test_kills_what_ignores_the_stop_signal(tmp_path: Path) -> None:
    """A hanging process must not keep an operator waiting beyond its grace."""
    with supervised(tmp_path, "stubborn"):
        wait_until(lambda: "stubborn started" in events_of(tmp_path))
        begun = time.monotonic()
        assert supervisor.stop(tmp_path, timeout_s=10)
        assert time.monotonic() - begun < 5


def test_a_finished_job_releases_its_dependants_and_is_not_repeated(tmp_path: Path) -> None:
    """Provisioning runs once per start, before everything that reads topics."""
    with supervised(tmp_path, "job"):
        wait_until(lambda: is_ready(tmp_path, "above"))
        state = state_of(tmp_path, "job")
        assert state is not None
        assert (True, 0, None) == (state.ready, state.restarts, state.pid)
        assert supervisor.stop(tmp_path, timeout_s=10)


def test_refuses_a_directory_in_use(tmp_path: Path) -> None:
    """Two supervisors on one directory would start everything twice on the same data."""
    with supervised(tmp_path, "chain"):
        wait_until(lambda: is_ready(tmp_path, "above"))
        with pytest.raises(DirectoryInUse, match="millrace down"):
            supervisor.run((), tmp_path)
        assert supervisor.stop(tmp_path, timeout_s=10)


def test_refuses_a_taken_port_by_name(tmp_path: Path) -> None:
    """An operator must learn which port is taken, not find a process restarting for ever."""
    port = free_port()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
        listener.listen()
        spec = ProcessSpec(role="any", argv=("true",), ports={"api": port})
        with pytest.raises(PortTaken, match=f"api {port}"):
            supervisor.run((spec,), tmp_path)


def test_cuts_a_log_that_grew_too_large(tmp_path: Path) -> None:
    """A process that complains for weeks must not fill the disk that Kafka writes to."""
    log = tmp_path / "logs" / "writer.log"
    script = (
        "import sys, time; sys.stdout.write('x' * (33 * 1024 * 1024)); sys.stdout.flush(); time.sleep(60)"
    )
    child = Child(ProcessSpec(role="writer", argv=(sys.executable, "-c", script)), log, None)
    try:

        def is_cut() -> bool:
            child.turn(can_start=True)
            previous = log.with_suffix(".log.1")
            return previous.exists() and previous.stat().st_size > 32 * 1024 * 1024

        wait_until(is_cut)
        wait_until(lambda: log.stat().st_size < 2 * 1024 * 1024)
    finally:
        child.ask_to_end()
        child.wait(0.5)
