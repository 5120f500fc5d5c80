"""Who keeps the processes of a data directory running: starts them in order, restarts what dies, stops all.

One thread does everything, because a child is bound to die with the thread that started it.
"""

import errno
import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Final

import msgspec

from ops.stack.child import Child
from ops.stack.directory import explain_full_disk, require_space, write_atomically
from ops.stack.errors import DirectoryInUse, StackError
from ops.stack.ports import require_free
from ops.stack.processes import ProcessSpec

_STATE_FILE: Final = Path("run") / "supervisor.json"
_LOCK_FILE: Final = Path("run") / "supervisor.lock"
_POLL_S: Final = 0.05
_STOP_S: Final = 9.0


class ProcessState(msgspec.Struct, frozen=True, kw_only=True):
    """One supervised process. ready: it does its work, or as a job has done it."""

    role: str
    pid: int | None
    ready: bool
    restarts: int


class SupervisorState(msgspec.Struct, frozen=True, kw_only=True):
    """What runs in a data directory. pid, started_ticks: identity of the supervisor, as the kernel knows it."""

    pid: int
    started_ticks: int
    processes: list[ProcessState]


def run(specs: Sequence[ProcessSpec], data_dir: Path, echo: Callable[[str, str], None] | None = None) -> None:
    """Keep every process running until SIGTERM or SIGINT, then stop them in reverse order within 10 s.

    echo: receives role and line of all logs as they come. Raises DirectoryInUse, PortTaken, DiskFull.
    """
    with explain_full_disk(data_dir), _sole_supervisor(data_dir):
        require_space(data_dir)
        require_free({name: port for spec in specs for name, port in spec.ports.items()})
        _Supervisor(specs, data_dir, echo).run()


def read_state(data_dir: Path) -> SupervisorState | None:
    """What the supervisor of a data directory last wrote; None when none ever ran there."""
    try:
        return msgspec.json.decode((data_dir / _STATE_FILE).read_bytes(), type=SupervisorState)
    except FileNotFoundError:
        return None


def is_running(data_dir: Path) -> bool:
    """Whether a supervisor runs in a data directory; the file of a dead one does not count."""
    state = read_state(data_dir)
    return state is not None and _started_ticks(state.pid) == state.started_ticks


def stop(data_dir: Path, *, timeout_s: float) -> bool:
    """Ask the supervisor to stop everything, and wait; False when none was running.

    Raises StackError when it still runs after the timeout.
    """
    state = read_state(data_dir)
    if state is None or not is_running(data_dir):
        return False
    with suppress(ProcessLookupError):
        os.kill(state.pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout_s
    while is_running(data_dir):
        if time.monotonic() > deadline:
            raise StackError(
                f"the supervisor {state.pid} did not stop within {timeout_s:g} s; see {data_dir}/logs"
            )
        time.sleep(_POLL_S)
    return True


@contextmanager
def _sole_supervisor(data_dir: Path) -> Iterator[None]:
    """Hold the directory against a second supervisor; the kernel lets go when this process dies, however."""
    lock_path = data_dir / _LOCK_FILE
    lock_path.parent.mkdir(parents=True, exist_ok=True)
    with lock_path.open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DirectoryInUse(
                f"{data_dir} is in use by a running platform; `millrace down` stops it"
            ) from None
        yield


class _Supervisor:
    def __init__(
        self, specs: Sequence[ProcessSpec], data_dir: Path, echo: Callable[[str, str], None] | None
    ) -> None:
        self._data_dir = data_dir
        self._children = [Child(spec, data_dir / "logs" / f"{spec.role}.log", echo) for spec in specs]
        self._is_stopping = False
        self._written: list[ProcessState] = []

    def run(self) -> None:
        handlers = {
            number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            while not self._is_stopping:
                self._turn()
                time.sleep(_POLL_S)
        finally:
            self._stop_all()
            (self._data_dir / _STATE_FILE).unlink(missing_ok=True)
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def _turn(self) -> None:
        ready = {child.spec.role for child in self._children if child.is_ready}
        for child in self._children:
            child.turn(can_start=ready.issuperset(child.spec.after))
        self._write_state()

    def _write_state(self) -> None:
        now = [
            ProcessState(role=child.spec.role, pid=child.pid, ready=child.is_ready, restarts=child.restarts)
            for child in self._children
        ]
        if now == self._written:
            return
        ticks = _started_ticks(os.getpid())
        assert ticks is not None, "this process exists"
        state = SupervisorState(pid=os.getpid(), started_ticks=ticks, processes=now)
        try:
            write_atomically(self._data_dir / _STATE_FILE, msgspec.json.encode(state))
        except OSError as error:
            # A disk that fills up must not take down what still runs; the next turn tries again.
            if error.errno != errno.ENOSPC or not self._written:
                raise
            return
        self._written = now

    def _stop_all(self) -> None:
        """Whoever depends on others stops before them; what is too slow is killed."""
        deadline = time.monotonic() + _STOP_S
        remaining = list(self._children)
        while remaining:
            needed = {role for child in remaining for role in child.spec.after}
            last = [child for child in remaining if child.spec.role not in needed]
            assert last, "the processes depend on each other in a circle"
            for child in last:
                child.ask_to_end()
            for child in last:
                child.wait(min(child.spec.stop_grace_s, max(0.1, deadline - time.monotonic())))
            remaining = [child for child in remaining if child not in last]

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._is_stopping = True


def _started_ticks(pid: int) -> int | None:
    """When a process was started, in clock ticks since boot; None when it does not exist.

    A process id is used again after a while; together with its start it names one process.
    """
    if sys.platform != "linux":
        return _alive(pid)
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, started = fields[0], fields[19]
    return None if state == "Z" else int(started)


def _alive(pid: int) -> int | None:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    return 0
