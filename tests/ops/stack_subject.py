"""Which platform do the supervisor's tests supervise: small processes that write down what happens to them."""

import sys
from pathlib import Path

from ops.stack import supervisor
from ops.stack.processes import ProcessSpec


def specs(data_dir: Path) -> dict[str, tuple[ProcessSpec, ...]]:
    """The scenarios by name."""
    return {
        "chain": (
            _process("below", data_dir),
            _process("above", data_dir, after=("below",)),
        ),
        "stubborn": (_process("stubborn", data_dir, script=_IGNORES_SIGTERM, stop_grace_s=0.3),),
        "failing": (ProcessSpec(role="failing", argv=(sys.executable, "-c", "raise SystemExit(3)")),),
        "job": (
            ProcessSpec(role="job", argv=(sys.executable, "-c", "print('done')"), is_job=True),
            _process("above", data_dir, after=("job",)),
        ),
    }


# Each appends its name and what happened to one file, so that the order of events can be read from it.
_RECORDS = """
import signal, sys, threading
def record(what):
    with open(sys.argv[2], "a") as events:
        events.write(f"{sys.argv[1]} {what}\\n")
ended = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: ended.set())
record("started")
while not ended.wait(0.02):
    pass
record("ended")
"""
_IGNORES_SIGTERM = _RECORDS.replace("lambda *_: ended.set()", "signal.SIG_IGN")


def _process(
    role: str,
    data_dir: Path,
    *,
    script: str = _RECORDS,
    after: tuple[str, ...] = (),
    stop_grace_s: float = 5.0,
) -> ProcessSpec:
    argv = (sys.executable, "-c", script, role, str(data_dir / "events"))
    return ProcessSpec(role=role, argv=argv, after=after, stop_grace_s=stop_grace_s)


def main(arguments: list[str]) -> None:
    """Supervise the scenario named on the command line until SIGTERM."""
    data_dir = Path(arguments[0])
    supervisor.run(specs(data_dir)[arguments[1]], data_dir)


if __name__ == "__main__":
    main(sys.argv[1:])
