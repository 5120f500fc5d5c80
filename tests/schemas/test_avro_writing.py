"""Our writer writes what fastavro writes, byte for byte, for every message there is and every number."""

import io
from typing import Any

import fastavro
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.example_messages import path_of
from ops.register_schemas import contract_messages
from schemas import registry
from schemas.avro_writing import long, writer_of
from schemas.codec import codec_of
from schemas.envelope import Body, Recorded, schema_name
from schemas.topics import Topic

MESSAGES = contract_messages()


@pytest.mark.parametrize(
    ("topic", "body"),
    MESSAGES,
    ids=[f"{topic.name}/{schema_name(body.__name__)}" for topic, body in MESSAGES],
)
def test_every_message_is_written_as_fastavro_writes_it(topic: Topic, body: type[Body]) -> None:
    """Every example, header included."""
    message_type: Any = Recorded[topic.body, topic.after]  # type: ignore[name-defined]  # known at run time only
    message = msgspec.json.decode(path_of(topic, body).read_bytes(), type=message_type)
    plain: dict[str, Any] = msgspec.to_builtins(message, builtin_types=(bytes,))
    del plain["body"]["schema"]
    schema = registry.current(topic.name, body)
    expected = io.BytesIO()
    fastavro.schemaless_writer(expected, schema.parsed, plain)
    assert b"\0" + schema.id.to_bytes(4, "big") + expected.getvalue() == codec_of(topic).encode(message)


FIELDS = [
    {"name": "number", "type": "long"},
    {"name": "text", "type": "string"},
    {"name": "raw", "type": "bytes"},
    {"name": "flag", "type": "boolean"},
    {"name": "maybe", "type": ["null", "string"]},
    {"name": "many", "type": {"type": "array", "items": "long"}},
    {"name": "named", "type": {"type": "map", "values": "long"}},
]
SCHEMA = {"type": "record", "name": "Thing", "fields": FIELDS}
LONGS = st.integers(-(2**63), 2**63 - 1)


class Thing(msgspec.Struct):
    """Every form a derived schema has."""

    number: int
    text: str
    raw: bytes
    flag: bool
    maybe: str | None
    many: tuple[int, ...]
    named: dict[str, int]


@given(
    st.builds(
        Thing,
        number=LONGS,
        text=st.text(max_size=200),
        raw=st.binary(max_size=200),
        flag=st.booleans(),
        maybe=st.none() | st.text(max_size=5),
        many=st.lists(LONGS, max_size=5).map(tuple),
        named=st.dictionaries(st.text(max_size=5), LONGS, max_size=3),
    )
)
def test_every_value_is_written_as_fastavro_writes_it(thing: Thing) -> None:
    """Lengths of one byte and more, numbers of every size, texts of every alphabet."""
    expected = io.BytesIO()
    plain = {**msgspec.to_builtins(thing, builtin_types=(bytes,)), "many": list(thing.many)}
    fastavro.schemaless_writer(expected, fastavro.parse_schema(SCHEMA), plain)
    assert expected.getvalue() == writer_of(SCHEMA)(thing)


@given(LONGS)
def test_numbers_are_read_back(value: int) -> None:
    """Zigzag in groups of seven bits."""
    assert value == fastavro.schemaless_reader(io.BytesIO(long(value)), fastavro.parse_schema("long"), None)


@pytest.mark.parametrize("form", [["null", "string", "long"], "double", {"type": "enum"}])
def test_a_form_no_schema_has_is_refused(form: Any) -> None:
    """At the start of a process, not at its first message."""
    with pytest.raises(TypeError, match="no form of a derived schema"):
        writer_of({"type": "record", "name": "Thing", "fields": [{"name": "odd", "type": form}]})
