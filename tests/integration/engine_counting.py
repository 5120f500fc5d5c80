"""A counting stage for the tests of the engine, and the process that runs it.

Each record adds one to the count of its key and is told onward with its number; nothing is
deduplicated, so a lost, a repeated and a stale record all show in the numbers.
"""

import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from streams.engine.config import EngineConfig
from streams.engine.spec import Input, Quarantine, Quarantined, StageSpec
from streams.engine.worker import run_worker
from streams.ports import HandlerBug, Outbox, Output, Record, View

MODULE = "tests.integration.engine_counting"
DEFECTIVE = b"defective"
IGNORED = b"ignored"


class Counting:
    """Value v under key k becomes `v:<count of k>` on the output topic under v, and as a reply."""

    def __init__(self, output: str) -> None:
        self._output = output

    def __call__(self, view: View, records: Sequence[Record]) -> Outbox:
        outbox = Outbox([], [])
        for record in records:
            key, value = record.key or b"", record.value or b""
            if value == DEFECTIVE:
                raise HandlerBug(record, ValueError("a defect"))
            if value == IGNORED:
                continue
            count = int(view.get(key) or b"0") + 1
            view.put(key, b"%d" % count)
            outbox.outputs.append(Output(self._output, value, b"%b:%d" % (value, count)))
        return outbox


def counting_stage(name: str) -> StageSpec:
    """The stage that counts the keys of `<name>.in` and tells `<name>.out`."""
    return StageSpec(
        name=name,
        version=1,
        inputs=(Input(topic=f"{name}.in"),),
        changelog=f"{name}.changelog",
        new_step=lambda: Counting(f"{name}.out"),
        quarantine=Quarantine(topic=f"{name}.quarantine", decode=_set_aside),
    )


def topics_of(name: str) -> list[str]:
    """Every topic of the stage but its changelog."""
    return [f"{name}.in", f"{name}.out", f"{name}.quarantine"]


def _set_aside(value: bytes) -> Quarantined:
    topic, partition, offset = value.decode().split(" ")
    return Quarantined(topic, int(partition), int(offset))


def worker_config(encoded: str) -> EngineConfig:
    """The configuration a test gave to this process."""
    fields = json.loads(encoded)
    return EngineConfig(**{**fields, "data_dir": Path(fields["data_dir"])})


if __name__ == "__main__":
    logging.basicConfig(level="INFO")
    run_worker([counting_stage(name) for name in sys.argv[2:]], worker_config(sys.argv[1]))
