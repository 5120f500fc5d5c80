"""Which Avro schema does a message have: derived from the same structs the code uses."""

from typing import Any, Final

from msgspec import NODEFAULT, inspect

from schemas.envelope import Body, Envelope

# Commands are plumbing and never written as Avro; events carry nothing of a caller.
_ONLY_OF_COMMANDS: Final = frozenset({"request"})

AvroType = str | list[Any] | dict[str, Any]


def avro_schema(context: str, body: type[Body], after: type | None) -> dict[str, Any]:
    """The record schema of messages with this body: an `envelope`, a `body` and, of events, an `after`.

    Every optional field has a default, so that a reader of either age can read the other's data.
    Raises TypeError for a type that has no place on a contract topic (floats, for one).
    """
    namespace = f"millrace.{context}"
    named: set[str] = set()
    fields: list[dict[str, Any]] = [
        {"name": "envelope", "type": _record(inspect.type_info(Envelope), "Envelope", named)},
        {"name": "body", "type": _record(inspect.type_info(body), f"{body.__name__}Body", named)},
    ]
    if after is not None:
        shown = _record(inspect.type_info(after), after.__name__, named)
        fields.append({"name": "after", "type": ["null", shown], "default": None})
    return {
        "type": "record",
        "name": body.__name__,
        "namespace": namespace,
        "doc": _doc(body),
        "fields": fields,
    }


def _record(info: inspect.Type, name: str, named: set[str]) -> AvroType:
    """The record schema of a struct; by name alone where the same schema has defined it already."""
    assert isinstance(info, inspect.StructType)
    if name in named:
        return name
    named.add(name)
    return {
        "type": "record",
        "name": name,
        "doc": _doc(info.cls),
        "fields": [_field(field, named) for field in info.fields if field.name not in _ONLY_OF_COMMANDS],
    }


def _field(field: inspect.Field, named: set[str]) -> dict[str, Any]:
    written: dict[str, Any] = {"name": field.name, "type": _type(field.type, field.name, named)}
    if not field.required:
        written["default"] = _default(field)
    return written


def _default(field: inspect.Field) -> object:
    if field.default is None or isinstance(field.default, str | int | bool):
        return field.default
    if field.default == ():
        return []
    if isinstance(field.default, bytes):
        return field.default.decode("latin-1")
    # A sub-record or map that is left out is written empty, each of its own fields having a default.
    assert field.default is not NODEFAULT or field.default_factory is not NODEFAULT
    return {}


def _type(info: inspect.Type, name: str, named: set[str]) -> AvroType:
    match info:
        case inspect.Metadata(type=inner):
            return _type(inner, name, named)
        case inspect.StrType() | inspect.LiteralType() | inspect.EnumType():
            return "string"
        case inspect.IntType():
            return "long"
        case inspect.BoolType():
            return "boolean"
        case inspect.BytesType():
            return "bytes"
        case inspect.NoneType():
            return "null"
        case inspect.DictType(value_type=value):
            return {"type": "map", "values": _type(value, name, named)}
        case inspect.VarTupleType(item_type=item):
            return {"type": "array", "items": _type(item, name, named)}
        case inspect.StructType(cls=cls):
            return _record(info, cls.__name__, named)
        case inspect.UnionType(types=types):
            return [
                "null",
                *(_type(member, name, named) for member in types if not isinstance(member, inspect.NoneType)),
            ]
        case _:
            raise TypeError(f"{name}: {info} has no Avro type on a contract topic")


def _doc(cls: type) -> str:
    return " ".join((cls.__doc__ or "").split())
