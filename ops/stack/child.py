"""How is one process kept running: started when it may, restarted with back-off, its log kept in bounds."""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from ops.stack.processes import ProcessSpec, signal_group, spawn

_BACK_OFF_S: Final = (0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0)
_HEALTHY_S: Final = 20.0
_LOG_BYTES: Final = 32 * 1024 * 1024
_PROBE_PAUSE_S: Final = 0.1


class Child:
    """One supervised process over all its incarnations. `turn` is called several times a second."""

    def __init__(self, spec: ProcessSpec, log_path: Path, echo: Callable[[str, str], None] | None) -> None:
        self.spec = spec
        self.restarts = 0
        self.is_ready = False
        self._log_path = log_path
        self._echo = echo
        self._echoed_to = log_path.stat().st_size if log_path.exists() else 0
        self._process: subprocess.Popen[bytes] | None = None
        self._failures = 0
        self._start_at = 0.0
        self._started_at = 0.0
        self._probe_at = 0.0

    @property
    def pid(self) -> int | None:
        """Process id of the present incarnation; None while there is none."""
        return None if self._process is None else self._process.pid

    def turn(self, *, can_start: bool) -> None:
        """Start, probe or bury the process, whichever is due."""
        now = time.monotonic()
        if self._process is not None:
            self._watch(self._process, now)
        elif can_start and now >= self._start_at and not (self.spec.is_job and self.is_ready):
            self._start(now)
        self._tend_log()

    def ask_to_end(self) -> None:
        """Send the stop signal."""
        if self._process is not None:
            signal_group(self._process, self.spec.stop_signal)

    def wait(self, grace_s: float) -> None:
        """Wait until it has ended; kill it after the grace."""
        if self._process is None:
            return
        try:
            self._process.wait(grace_s)
        except subprocess.TimeoutExpired:
            signal_group(self._process, signal.SIGKILL)
            self._process.wait()
        self._tend_log()

    def _start(self, now: float) -> None:
        self._log_path.parent.mkdir(parents=True, exist_ok=True)
        with self._log_path.open("ab") as log:
            self._process = spawn(self.spec, log)
        self._started_at, self._probe_at = now, now

    def _watch(self, process: subprocess.Popen[bytes], now: float) -> None:
        code = process.poll()
        if code is not None:
            self._bury(code, now)
        elif not self.is_ready and not self.spec.is_job and now >= self._probe_at:
            self.is_ready = self.spec.ready.is_ready()
            self._probe_at = time.monotonic() + _PROBE_PAUSE_S
        elif self._failures and now - self._started_at > _HEALTHY_S:
            self._failures = 0

    def _bury(self, code: int, now: float) -> None:
        self._process = None
        self.is_ready = self.spec.is_job and code == 0
        if self.is_ready:
            return
        self._start_at = now + _BACK_OFF_S[min(self._failures, len(_BACK_OFF_S) - 1)]
        self._failures += 1
        self.restarts += 1
        self._say(f"ended with {code}; starts again in {self._start_at - now:.1f} s")

    def _tend_log(self) -> None:
        """Echo what is new, and cut a log that has grown too large; the one before it is kept."""
        if not self._log_path.exists():
            return
        size = self._log_path.stat().st_size
        if self._echo is not None and size > self._echoed_to:
            with self._log_path.open("rb") as log:
                log.seek(self._echoed_to)
                for line in log.read(size - self._echoed_to).decode(errors="replace").splitlines():
                    self._say(line)
            self._echoed_to = size
        if size > _LOG_BYTES:
            # When the disk is full the copy fails; cutting the log is then all the more needed.
            with suppress(OSError):
                shutil.copyfile(self._log_path, self._log_path.with_suffix(".log.1"))
            with self._log_path.open("r+b") as log:
                log.truncate(0)
            self._echoed_to = 0

    def _say(self, line: str) -> None:
        if self._echo is not None:
            self._echo(self.spec.role, line)
