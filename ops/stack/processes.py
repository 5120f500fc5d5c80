"""What is a process of the stack, and how is one started, watched and ended?"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from ops.stack import leash
from ops.stack.errors import StartFailed
from ops.stack.ports import is_open

_POLL_S = 0.02
_LOG_TAIL_BYTES = 2_000


class Probe(Protocol):
    """Tells whether a process does its work yet; cheap, asked several times a second."""

    def is_ready(self) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AlwaysReady:
    """The probe of a process whose running is all that can be seen."""

    def is_ready(self) -> bool:
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class PortOpen:
    """The probe of a server that listens only once it can serve."""

    port: int

    def is_ready(self) -> bool:
        return is_open(self.port)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """Everything needed to run one process, the same under the supervisor and in a test.

    env is added to the environment of whoever starts it. after: roles that must be ready first.
    ports: what it listens on, by name. user: user id to run as, None for the present one.
    stop_signal asks it to end; after stop_grace_s seconds it is killed.
    start_timeout_s: seconds until ready, beyond which a start has failed.
    is_job: it ends by itself; it is ready once it has ended with 0, and only then is it not started again.
    """

    role: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    ready: Probe = AlwaysReady()
    after: tuple[str, ...] = ()
    ports: Mapping[str, int] = field(default_factory=dict)
    user: int | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_grace_s: float = 5.0
    start_timeout_s: float = 60.0
    is_job: bool = False


def spawn(
    spec: ProcessSpec, output: int | IO[bytes], standard_input: int | IO[bytes] = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Start `spec` in its own session, bound to die with the calling thread; all it writes goes to `output`."""
    user = "-" if spec.user is None else str(spec.user)
    # The interpreter runs isolated and without site-packages: the leash must not depend on either.
    bound = [sys.executable, "-I", "-S", str(Path(leash.__file__)), str(os.getpid()), user, *spec.argv]
    return subprocess.Popen(  # noqa: S603  -- argv comes from our own builders, without a shell
        bound,
        env={**os.environ, **spec.env},
        cwd=spec.cwd,
        stdin=standard_input,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


class Running:
    """One started process: waits for it, ends it, starts it again."""

    def __init__(self, spec: ProcessSpec, log_path: Path) -> None:
        self.spec = spec
        self.log_path = log_path
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the present incarnation."""
        assert self._process is not None, f"{self.spec.role} was never started"
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it is ready. Raises StartFailed with the end of its log."""
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._process = spawn(self.spec, log)
        deadline = time.monotonic() + self.spec.start_timeout_s
        while not self.spec.ready.is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise StartFailed(describe_failure(self.spec, self._process.returncode, self.log_path))
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """End it in order, by force after its grace. Ending what has ended is allowed."""
        if self._process is None:
            return
        signal_group(self._process, self.spec.stop_signal)
        try:
            self._process.wait(self.spec.stop_grace_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL to the whole group, now."""
        if self._process is None:
            return
        signal_group(self._process, signal.SIGKILL)
        self._process.wait()

    def restart(self) -> None:
        """End it in order if it runs, then start it again on the same data and ports."""
        self.stop()
        self.start()

    def end_of_log(self) -> str:
        """The last lines it wrote."""
        return tail(self.log_path)

    def pause(self) -> None:
        """Freeze it with SIGSTOP; resume() lets it go on."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused process go on."""
        os.kill(self.pid, signal.SIGCONT)


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to a process; SIGKILL also reaches whatever it started. Gone is fine."""
    if process.poll() is not None:
        return
    with suppress(ProcessLookupError):
        if number is signal.SIGKILL:
            os.killpg(process.pid, number)
        else:
            os.kill(process.pid, number)


def describe_failure(spec: ProcessSpec, return_code: int | None, log_path: Path) -> str:
    """One message on why a start failed: how it ended, and the end of its log."""
    ended = (
        f"ended with {return_code}" if return_code is not None else f"silent for {spec.start_timeout_s:g} s"
    )
    return f"{spec.role} did not start ({ended}); the end of {log_path}:\n{tail(log_path)}"


def tail(path: Path) -> str:
    """The last lines of a log, at most 2,000 bytes."""
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - _LOG_TAIL_BYTES))
        return log.read().decode(errors="replace")
