"""Which Avro schemas have ever been written: ids assigned in the repository, append-only."""

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import fastavro

from schemas.envelope import Body, schema_name


class RegisteredSchema(NamedTuple):
    """One version of one message on one contract topic; `parsed` is fastavro's form."""

    id: int
    topic: str
    name: str
    version: int
    text: str
    parsed: Any


@cache
def all_schemas() -> Sequence[RegisteredSchema]:
    """Every registered schema in the order of its id."""
    root = files("schemas") / "avro"
    entries = json.loads((root / "registry.json").read_text())
    return tuple(
        _registered(entry, (root / entry["topic"] / f"{entry['schema']}.avsc").read_text())
        for entry in entries
    )


def of_topic(topic: str) -> Sequence[RegisteredSchema]:
    """The registered schemas of a topic, oldest first."""
    return tuple(schema for schema in all_schemas() if schema.topic == topic)


def current(topic: str, body: type[Body]) -> RegisteredSchema:
    """The schema that messages with this body are written with. Raises KeyError when unregistered."""
    name = schema_name(body.__name__)
    for schema in of_topic(topic):
        if f"{schema.name}.v{schema.version}" == name:
            return schema
    raise KeyError(f"{name} is not registered for {topic}; run `make schemas`")


def _registered(entry: dict[str, Any], text: str) -> RegisteredSchema:
    name, _, version = entry["schema"].partition(".v")
    return RegisteredSchema(
        id=entry["id"],
        topic=entry["topic"],
        name=name,
        version=int(version),
        text=text,
        parsed=fastavro.parse_schema(json.loads(text), named_schemas={}),
    )
