"""Which contract messages have no Avro schema yet: gives each the next id and writes it down.

Registered schemas are never changed: a changed struct needs a new version beside the old one.
"""

import json
from pathlib import Path
from typing import get_args

import msgspec

import schemas
from schemas import topics
from schemas.avro_derivation import avro_schema
from schemas.envelope import Body, schema_name
from schemas.topics import Topic

AVRO = Path(schemas.__file__).parent / "avro"


def contract_messages() -> list[tuple[Topic, type[Body]]]:
    """(topic, body) of every message on an Avro topic, in the order of the topic registry."""
    return [
        (topic, body)
        for topic in topics.ALL
        if topic.encoding == "avro"
        for body in get_args(topic.body) or (topic.body,)
    ]


def schema_text(topic: Topic, body: type[Body]) -> str:
    """The text of the schema file of a message: indented JSON with a final newline."""
    return json.dumps(avro_schema(topic.name.partition(".")[0], body, topic.after), indent=2) + "\n"


def register() -> list[str]:
    """Register what is new; returns the names of the schemas added. Keeps every id there is."""
    path = AVRO / "registry.json"
    entries = json.loads(path.read_text()) if path.exists() else []
    known = {(entry["topic"], entry["schema"]) for entry in entries}
    added = []
    for topic, body in contract_messages():
        name = schema_name(body.__name__)
        if (topic.name, name) in known:
            continue
        entries.append({"id": len(entries) + 1, "topic": topic.name, "schema": name})
        (AVRO / topic.name).mkdir(exist_ok=True)
        (AVRO / topic.name / f"{name}.avsc").write_text(schema_text(topic, body))
        added.append(name)
    path.write_bytes(msgspec.json.format(json.dumps(entries).encode(), indent=1) + b"\n")
    return added


if __name__ == "__main__":
    print("\n".join(register()) or "nothing to register")  # noqa: T201  # the report of a command
