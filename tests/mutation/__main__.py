"""How many small mistakes in the ledger do its tests catch? `make mutate` draws some and tries each.

A mutant is killed when any of the tests below fails with it. Those that live are listed: each is either a
mistake that changes nothing (such as a fast path that is not taken) or a test that is missing.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.mutation.mutants import Mutant, mutants
from tests.mutation.named import NAMED

ROOT = Path(__file__).parents[2]
MUTATED = (*sorted((ROOT / "streams" / "ledger").rglob("*.py")), ROOT / "schemas" / "money.py")
SPARED = {"testing.py", "app.py", "__init__.py"}
KILLERS = (
    "tests/streams/ledger",
    "tests/schemas/test_values.py",
    "tests/laws/test_entry_laws.py",
    "tests/laws/test_ledger_laws.py",
    "tests/simulation/test_month.py",
    "tests/ops/test_reference_entries.py",
)
TIMEOUT_S = 180


class Trial(NamedTuple):
    """One mutant of one file, and whether the tests noticed."""

    path: Path
    mutant: Mutant
    is_killed: bool


def main() -> int:
    """Try the mistakes that have names, then mutants; 0 when every named one and nine in ten others are caught."""
    options = argparse.ArgumentParser()
    options.add_argument("--count", type=int, default=200)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    every = [
        (path, mutant) for path in MUTATED if path.name not in SPARED for mutant in mutants(path.read_text())
    ]
    drawn = Random(chosen.seed).sample(every, min(chosen.count, len(every)))  # a seed repeats it
    named = [(one.path, one.mutant()) for one in NAMED]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        of_names = list(pool.map(lambda one: _tried(*one), named))
        trials = list(pool.map(lambda one: _tried(*one), drawn))
    missed = [trial for trial in of_names if not trial.is_killed]
    lived = [trial for trial in trials if not trial.is_killed]
    told = [f"lives: {path.relative_to(ROOT)}:{mutant.line} {mutant.what}" for path, mutant, _ in lived]
    killed, rate = len(trials) - len(lived), 100 * (1 - len(lived) / max(1, len(trials)))
    told += [
        f"not caught: {path.relative_to(ROOT)}:{mutant.line} {mutant.what}" for path, mutant, _ in missed
    ]
    told.append(f"{len(named) - len(missed)} of {len(named)} named mistakes caught")
    told.append(f"{killed} of {len(trials)} mutants killed ({rate:.1f} %), of {len(every)} there are")
    sys.stdout.write("\n".join(told) + "\n")
    return 0 if rate >= 90 and not missed else 1


def _tried(path: Path, mutant: Mutant) -> Trial:
    with tempfile.TemporaryDirectory(prefix="millrace-mutant-") as scratch:
        copy = Path(scratch)
        for name in ("api", "connectors", "models", "ops", "docs", "pyproject.toml"):
            (copy / name).symlink_to(ROOT / name)
        for name in ("schemas", "streams", "tests"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        (copy / path.relative_to(ROOT)).write_text(mutant.source)
        argv = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:randomly"]
        try:
            done = subprocess.run(  # our own interpreter
                [*argv, "-m", "not slow", *KILLERS],
                cwd=copy,
                env={**os.environ, "PYTHONPATH": str(copy)},
                capture_output=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Trial(path, mutant, True)
        return Trial(path, mutant, done.returncode != 0)


if __name__ == "__main__":
    sys.exit(main())
