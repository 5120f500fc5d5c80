"""What does each contract message look like: one golden example per version, never changed once written."""

from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

import schemas
from ops.register_schemas import contract_messages
from schemas.envelope import Body, Envelope, schema_name
from schemas.topics import Topic

EXAMPLES = Path(schemas.__file__).parent / "examples"


def path_of(topic: Topic, body: type[Body]) -> Path:
    """Where the example of a message is kept."""
    return EXAMPLES / topic.name / f"{schema_name(body.__name__)}.json"


def write_missing() -> list[Path]:
    """Write an example, every field filled, of each message that has none; returns the new files."""
    missing = [(path_of(topic, body), topic, body) for topic, body in contract_messages()]
    written = []
    for path, topic, body in missing:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(
                msgspec.json.format(msgspec.json.encode(_example(topic, body)), indent=2) + b"\n"
            )
            written.append(path)
    return written


def _example(topic: Topic, body: type[Body]) -> dict[str, Any]:
    envelope = _sample(inspect.type_info(Envelope), "envelope")
    del envelope["request"]  # only commands carry it, and commands are no contract
    made = {
        "envelope": envelope,
        "body": {"schema": schema_name(body.__name__), **_sample(inspect.type_info(body), "")},
    }
    if topic.after is not None:
        made["after"] = _sample(inspect.type_info(topic.after), "after")
    return made


def _sample(info: inspect.Type, name: str) -> Any:
    """A plausible value of a type, the same at every call."""
    match info:
        case inspect.Metadata(type=inner):
            return _sample(inner, name)
        case inspect.StructType(fields=fields):
            return {field.encode_name: _sample(field.type, field.encode_name) for field in fields}
        case inspect.UnionType(types=types):
            return _sample(next(one for one in types if not isinstance(one, inspect.NoneType)), name)
        case inspect.LiteralType(values=values):
            return values[0]
        case inspect.EnumType(cls=cls):
            return next(iter(cls)).value
        case inspect.VarTupleType(item_type=item):
            return [_sample(item, name)]
        case inspect.DictType(value_type=inspect.StrType() | inspect.Metadata(type=inspect.StrType())):
            return {"order": "789"}
        case inspect.DictType(value_type=value):
            return {"amount": _sample(value, name)}
        case inspect.IntType():
            return 1_800_000_000_000 if name.endswith("_ms") else 1
        case inspect.BoolType():
            return True
        case inspect.BytesType():
            return "ZmluZ2VycHJpbnQ="
        case inspect.StrType(pattern=pattern):
            return _text(pattern, name)
        case _:
            raise TypeError(f"{name}: no example of {info}")


def _text(pattern: str | None, name: str) -> str:
    if pattern is None:
        return name
    return "tok_visa" if "tok_" in pattern else "0" * 64


if __name__ == "__main__":
    print("\n".join(str(path) for path in write_missing()) or "every message has an example")  # noqa: T201  # the report of a command
