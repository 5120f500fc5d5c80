"""How does an event look without what is personal or secret: as JSON from which marked fields are left out."""

from functools import cache
from typing import Any, Final

import msgspec
from msgspec import Struct, inspect

from connectors.postgres.tables import Document

# A field name leads to the paths to leave out below it; none below means the whole field.
Paths = dict[str, "Paths"]

_WHOLE: Final[Paths] = {}
_MARKS: Final = ("personal", "secret")
_NUL_ESCAPED: Final = "\\u0000"


def public_json(value: Struct) -> Document:
    """`value` as JSON that Postgres takes as jsonb, without the fields marked personal or secret."""
    return json_text(public_plain(value) if withheld_paths(type(value)) else value)


def public_plain(value: Struct) -> dict[str, Any]:
    """`value` as plain values, without the fields marked personal or secret; bytes are base64."""
    plain: dict[str, Any] = msgspec.to_builtins(value)
    return _without(plain, withheld_paths(type(value)))


def json_text(value: object) -> Document:
    """`value` as JSON that Postgres takes as jsonb: the NUL character, which it refuses, is replaced."""
    text = msgspec.json.encode(value).decode()
    if _NUL_ESCAPED not in text:
        return Document(text)
    return Document(msgspec.json.encode(_without_nul(msgspec.json.decode(text))).decode())


@cache
def withheld_paths(kind: type[Struct]) -> Paths:
    """Which fields of a struct are withheld, at any depth. A sub-record with nothing else goes as a whole."""
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType), f"{kind} is no struct"
    return _paths_of(described)


def _paths_of(struct: inspect.StructType) -> Paths:
    paths: Paths = {}
    for field in struct.fields:
        nested = field.type if isinstance(field.type, inspect.StructType) else None
        below = _paths_of(nested) if nested else _WHOLE
        if _is_withheld(field.type) or (
            nested and len(nested.fields) == len(below) and not any(below.values())
        ):
            paths[field.encode_name] = _WHOLE
        elif below:
            paths[field.encode_name] = below
    return paths


def _is_withheld(kind: inspect.Type) -> bool:
    match kind:
        case inspect.Metadata():
            marks = kind.extra or {}
            return any(marks.get(mark) for mark in _MARKS) or _is_withheld(kind.type)
        case inspect.UnionType():
            return any(_is_withheld(member) for member in kind.types)
        case inspect.DictType():
            return _is_withheld(kind.key_type) or _is_withheld(kind.value_type)
        case inspect.CollectionType():
            return _is_withheld(kind.item_type)
        case inspect.TupleType():
            return any(_is_withheld(member) for member in kind.item_types)
        case _:
            return False


def _without(plain: dict[str, Any], paths: Paths) -> dict[str, Any]:
    return {
        name: _without(value, paths[name]) if name in paths else value
        for name, value in plain.items()
        if paths.get(name) != _WHOLE
    }


def _without_nul(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\0", "\ufffd")
        case list():
            return [_without_nul(one) for one in value]
        case dict():
            return {_without_nul(name): _without_nul(one) for name, one in value.items()}
        case _:
            return value
