"""How is a struct written as an Avro datum: by a function compiled once from the schema, field after field.

fastavro's general writer looks every field up in a dict and tries the branches of every union, which took
a quarter of a posting. Derived schemas have few forms, so the statements that write one are put down in a
row, as they would be by hand; fastavro reads them back, and a test holds both writers against each other.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any, Final

_FOURTEEN_BITS: Final = tuple(bytes((bits & 127 | 128, bits >> 7 | 128)) for bits in range(1 << 14))
"""Fourteen bits of a number that goes on after them: amounts and times take two or three of these."""


def writer_of(schema: Mapping[str, Any]) -> Callable[[Any], bytes]:
    """A function that encodes what has the attributes of the schema's fields.

    schema: a record schema as derived from a struct. Raises TypeError for a form no derived schema has.
    """
    source = "\n".join(
        ("def encode(v0):", " parts = []", " a = parts.append", *_record(schema, "v0", " ", count(1), {}))
    )
    known: dict[str, Any] = {"small": _SMALL, "long": long}
    exec(source + "\n return join(parts)", known | {"join": b"".join}, known)  # noqa: S102  # our own schema, no caller's text
    found: Callable[[Any], bytes] = known["encode"]
    return found


def long(value: int) -> bytes:
    """A whole number: zigzag, seven bits to a byte, the lowest first."""
    zigzag = value << 1 if value >= 0 else (-value << 1) - 1
    encoded = b""
    while zigzag >= 1 << 14:
        encoded += _FOURTEEN_BITS[zigzag & 16383]
        zigzag >>= 14
    if zigzag < 128:
        return encoded + bytes((zigzag,))
    return encoded + bytes((zigzag & 127 | 128, zigzag >> 7))


_SMALL: Final = tuple(map(long, range(8_192)))
"""Numbers from 0 to 8,191 as Avro writes them: lengths, and most amounts and versions."""


def _record(
    schema: Mapping[str, Any], value: str, indent: str, names: Iterator[int], known: dict[str, Any]
) -> Iterator[str]:
    known[schema["name"]] = schema
    for field in schema["fields"]:
        part = f"v{next(names)}"
        yield f"{indent}{part} = {value}.{field['name']}"
        yield from _value(field["type"], part, indent, names, known)


def _value(
    schema: Any, value: str, indent: str, names: Iterator[int], known: dict[str, Any]
) -> Iterator[str]:
    """The statements that write what the variable `value` holds."""
    schema = known.get(schema, schema) if isinstance(schema, str) else schema
    deeper = indent + " "
    if isinstance(schema, list):
        if len(schema) != 2 or schema[0] != "null":
            raise TypeError(f"a union of {schema} is no form of a derived schema")
        yield f"{indent}if {value} is None: a(b'\\x00')"
        yield f"{indent}else:"
        yield f"{deeper}a(b'\\x02')"
        yield from _value(schema[1], value, deeper, names, known)
        return
    kind = schema["type"] if isinstance(schema, dict) else schema
    match kind:
        case "record":
            yield from _record(schema, value, indent, names, known)
        case "array" | "map":
            item = f"v{next(names)}"
            yield f"{indent}if {value}:"
            yield f"{deeper}a(long(len({value})))"
            if kind == "array":
                yield f"{deeper}for {item} in {value}:"
                yield from _value(schema["items"], item, deeper + " ", names, known)
            else:
                key = f"v{next(names)}"
                yield f"{deeper}for {key}, {item} in {value}.items():"
                yield from _value("string", key, deeper + " ", names, known)
                yield from _value(schema["values"], item, deeper + " ", names, known)
            yield f"{indent}a(b'\\x00')"
        case "string" | "bytes":
            if kind == "string":
                yield f"{indent}{value} = {value}.encode()"
            yield f"{indent}n = len({value})"
            yield f"{indent}a(small[n] if n < {len(_SMALL)} else long(n))"
            yield f"{indent}a({value})"
        case "long":
            yield f"{indent}a(small[{value}] if 0 <= {value} < {len(_SMALL)} else long({value}))"
        case "boolean":
            yield f"{indent}a(b'\\x01' if {value} else b'\\x00')"
        case _:
            raise TypeError(f"{schema} is no form of a derived schema")
