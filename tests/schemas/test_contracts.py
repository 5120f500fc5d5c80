"""What is said on contract topics never changes behind its readers' backs."""

import json
from typing import get_args

import msgspec
import pytest
from msgspec import inspect

from ops.register_schemas import contract_messages, schema_text
from schemas import registry, topics
from schemas.codec import CorruptMessage, NewerVersion, codec_of
from schemas.envelope import Body, schema_name
from schemas.topics import Topic

MESSAGES = contract_messages()
NAMES = [f"{topic.name}/{schema_name(body.__name__)}" for topic, body in MESSAGES]


@pytest.mark.parametrize(("topic", "body"), MESSAGES, ids=NAMES)
def test_schemas_are_registered_and_unchanged(topic: Topic, body: type[Body]) -> None:
    """A changed struct needs a new version; the registered text of the old one stays."""
    assert schema_text(topic, body) == registry.current(topic.name, body).text


def test_schema_ids_are_assigned_once() -> None:
    """An id that meant two schemas would turn old records into nonsense."""
    ids = [schema.id for schema in registry.all_schemas()]
    assert list(range(1, len(ids) + 1)) == ids


def strings_of(
    info: inspect.Type, path: str, extra: dict[str, object] | None = None
) -> list[tuple[str, object]]:
    match info:
        case inspect.Metadata(type=inner):
            return strings_of(inner, path, info.extra)
        case inspect.StrType():
            return [(path, (extra or {}).get("personal"))]
        case inspect.StructType(fields=fields):
            return [found for field in fields for found in strings_of(field.type, f"{path}.{field.name}")]
        case inspect.UnionType(types=types):
            return [found for member in types for found in strings_of(member, path, extra)]
        case inspect.DictType(key_type=key, value_type=value):
            return strings_of(key, path) + strings_of(value, path)
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            return strings_of(item, path)
        case _:
            return []


@pytest.mark.parametrize("topic", topics.ALL, ids=lambda topic: topic.name)
def test_every_string_says_whether_it_is_personal(topic: Topic) -> None:
    """Personal data that nobody marked could never be erased."""
    members = get_args(topic.body) or (topic.body,)
    unmarked = [
        path
        for member in members
        for path, personal in strings_of(inspect.type_info(member), member.__name__)
        if personal is None
    ]
    assert [] == unmarked


@pytest.mark.parametrize("topic", topics.ALL, ids=lambda topic: topic.name)
@pytest.mark.parametrize(
    "value", [None, b"", b"\x00", b"{}", b"\xff\xfe", b"\x00\x00\x00\x00\x01", b"[" * 50]
)
def test_garbage_is_corrupt(topic: Topic, value: bytes | None) -> None:
    """Bytes that are no message go to the dead letters; they never stop or crash a stage."""
    with pytest.raises(CorruptMessage):
        codec_of(topic).decode(value)


def test_a_newer_version_stops_its_reader() -> None:
    """An old reader must not guess what a newer message means, nor set it aside."""
    value = msgspec.json.encode({"envelope": {}, "body": {"schema": "OperationResult.v2"}})
    with pytest.raises(NewerVersion, match="deploy this reader first"):
        codec_of(topics.PSP_RESULTS).decode(value)


def test_topic_names_follow_the_rule() -> None:
    """Kafka lets a.b and a_b collide, so names have dots only and a version at the end."""
    for topic in topics.ALL:
        assert topic.name.endswith(".v1") and "_" not in topic.name and topic.name == topic.name.lower()


def test_registered_schemas_are_valid_json() -> None:
    """Other tools read these files; they must not need ours."""
    for schema in registry.all_schemas():
        assert "record" == json.loads(schema.text)["type"]
