"""A chain of three stages with feedback for the tests of the engine, and the process that runs it.

commands -> payments -> requests -> risk -> decisions -> payments -> events -> ledger -> entries. The
key changes at every hop, so each transaction writes to all partitions of the next topic. No stage
deduplicates: whatever the engine loses, repeats or reads stale shows in counts and versions.
"""

import json
import logging
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from streams.engine.spec import Input, StageSpec
from streams.engine.worker import run_worker
from streams.ports import Outbox, Output, Record, View
from tests.integration.engine_counting import worker_config

MODULE = "tests.integration.engine_chain"


class Item(NamedTuple):
    """What travels: its number, the payment and the merchant it is keyed by in turn."""

    number: int
    payment: str
    merchant: str


class Route(NamedTuple):
    """Records of one input go to `output` under the item's field `key`."""

    output: str
    key: str


class Fold(NamedTuple):
    """The state of one key in one stage."""

    count: int = 0
    total: int = 0
    mixed: int = 0

    def with_item(self, item: Item) -> "Fold":
        return Fold(self.count + 1, self.total + item.number, self.mixed ^ item.number)


class Hop:
    """One stage: fold every item into the state of its key and of its input, and pass it on."""

    def __init__(self, routes: Mapping[str, Route]) -> None:
        self._routes = routes

    def __call__(self, view: View, records: Sequence[Record]) -> Outbox:
        outbox = Outbox([], [])
        for record in records:
            item, _ = decode(record.value or b"")
            folded = self._fold(view, b"state/" + (record.key or b""), item)
            seen = self._fold(view, b"seen/" + record.topic.encode() + b"/" + (record.key or b""), item)
            self._check_cause(view, record, seen)
            route = self._routes[record.topic]
            key = str(getattr(item, route.key)).encode()
            outbox.outputs.append(Output(route.output, key, encode(item, record.key or b"", folded.count)))
        return outbox

    def _fold(self, view: View, row: bytes, item: Item) -> Fold:
        stored = view.get(row)
        folded = (Fold(*json.loads(stored)) if stored else Fold()).with_item(item)
        view.put(row, json.dumps(folded).encode())
        return folded

    def _check_cause(self, view: View, record: Record, seen: Fold) -> None:
        """A decision can only follow its command."""
        for topic in self._routes:
            if topic != record.topic and record.topic.endswith("decisions"):
                stored = view.get(b"seen/" + topic.encode() + b"/" + (record.key or b""))
                commands = Fold(*json.loads(stored)).count if stored else 0
                assert seen.count <= commands, f"{record.key!r}: {seen.count} decisions, {commands} commands"


def encode(item: Item, key: bytes, version: int) -> bytes:
    """An item as it travels: with the key and the version the last stage knew it under."""
    return json.dumps([item, key.decode(), version]).encode()


def decode(value: bytes) -> tuple[Item, tuple[str, int]]:
    """The item, and (key, version) in the stage that sent it."""
    item, key, version = json.loads(value)
    return Item(*item), (key, version)


def chain(name: str) -> list[StageSpec]:
    """The three stages under names that no other test uses."""
    routes = {
        "payments": {
            "commands": Route(f"{name}.requests", "merchant"),
            "decisions": Route(f"{name}.events", "merchant"),
        },
        "risk": {"requests": Route(f"{name}.decisions", "payment")},
        "ledger": {"events": Route(f"{name}.entries", "merchant")},
    }
    return [_stage(name, stage, inputs) for stage, inputs in routes.items()]


def _stage(name: str, stage: str, inputs: Mapping[str, Route]) -> StageSpec:
    routes = {f"{name}.{topic}": route for topic, route in inputs.items()}
    return StageSpec(
        name=f"{name}.{stage}",
        version=1,
        inputs=tuple(Input(topic=topic) for topic in routes),
        changelog=f"{name}.{stage}.changelog",
        new_step=lambda: Hop(routes),
    )


TOPICS = ("commands", "requests", "decisions", "events", "entries")


if __name__ == "__main__":
    logging.basicConfig(level="INFO")
    run_worker(chain(sys.argv[2]), worker_config(sys.argv[1]))
