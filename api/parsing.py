"""Is this body what the route takes, and if not, which parameter is wrong and how?"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Struct, inspect

from api.problems import Problem
from schemas import money
from schemas.money import Currency, MoneyError
from schemas.outcomes import Outcome

MAX_BODY_BYTES: Final = 64 * 1024
MAX_REFERENCE: Final = 255
EMPTY: Final = b"{}"

# What Postgres cannot store in a text column is refused here, where the caller can still be told.
Text = Annotated[str, Meta(max_length=500, pattern=r"^[^\x00]*\Z")]
Name = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"^[^\x00]*\S[^\x00]*\Z")]
Reference = Annotated[str, Meta(pattern=r"^[\x21-\x7e]{1,255}\Z")]
Amount = int | float
"""A number as sent; `amount_minor` refuses all but positive integers. Floats are let in to be refused by name."""

T = TypeVar("T", bound=Struct)

_LARGEST: Final = max((Currency(code) for code in money.EXPONENTS), key=money.max_amount_minor)
_ESCAPE: Final = re.compile(rb"\\u[dD][89a-fA-F]|\\u0000")
_AT: Final = re.compile(r" - at (?:`key` in )?`\$\.?(?P<path>[^`]*)`\Z")
_NAMES: Final = re.compile(r"[A-Za-z]\w*")
"""The members in a path such as `event_types[0]`; places in a list are none."""
_OBJECT_ID: Final = re.compile(r"(pi|pay|auth|cap|void|ref|adj|we|mer)_([0-9a-z]{26})([0-9a-z]*)\Z")
_SUFFIX_LENGTHS: Final = {
    "pi": 0,
    "pay": 0,
    "auth": 2,
    "cap": 8,
    "void": 8,
    "ref": 8,
    "adj": 8,
    "we": 0,
    "mer": 0,
}


class DuplicateName(ValueError):
    """An object names one member twice, so that two readers could see two bodies."""


def parse_body(raw: bytes, model: type[T]) -> T:
    """The body as `model`. Raises Problem, by the precedence of outcomes."""
    parsed = _parse_json(raw)
    try:
        return msgspec.convert(parsed, model)
    except msgspec.ValidationError as error:
        raise _explained(parsed, model, error) from error


def amount_minor(amount: Amount, currency: Currency | None) -> int:
    """A positive whole number of minor units of `currency`; None: of whichever it will turn out to be."""
    if currency is None and isinstance(amount, int) and amount > money.max_amount_minor(_LARGEST):
        raise Problem(
            Outcome.PARAMETER_INVALID, "amount is above the largest of any currency", param="amount"
        )
    try:
        return money.check_amount_minor(amount, _LARGEST if currency is None else currency)
    except MoneyError as error:
        raise Problem(Outcome.PARAMETER_INVALID, str(error), param=error.param) from error


def currency_of(code: str) -> Currency:
    """The currency with this code."""
    try:
        return money.parse_currency(code)
    except MoneyError as error:
        detail = "currency is no active ISO 4217 code; use three capitals such as USD"
        raise Problem(Outcome.PARAMETER_INVALID, detail, param=error.param) from error


def object_key(identifier: str, *prefixes: str) -> str:
    """The aggregate key inside the id of an object with one of these prefixes; anything else is not found."""
    found = _OBJECT_ID.match(identifier)
    if found is None or found[1] not in prefixes or len(found[3]) != _SUFFIX_LENGTHS[found[1]]:
        raise Problem(Outcome.NOT_FOUND)
    return found[2]


def writable(text: str, param: str) -> str:
    """A query parameter that the database can be asked for: no NUL, no half surrogate pair."""
    if "\0" in text or not text.isprintable() or len(text) > MAX_REFERENCE:
        raise Problem(Outcome.PARAMETER_INVALID, "at most 255 printable characters", param=param)
    return text


def _parse_json(raw: bytes) -> Any:
    try:
        parsed = _read(raw.decode())
        if _ESCAPE.search(raw):
            _check_text(raw)
    except DuplicateName as error:
        raise Problem(Outcome.BODY_INVALID, "a member is named twice in one object") from error
    except RecursionError as error:
        raise Problem(Outcome.BODY_INVALID, "the body is nested too deeply") from error
    except (ValueError, msgspec.DecodeError) as error:
        raise Problem(Outcome.BODY_INVALID, "the body is not valid UTF-8 JSON") from error
    if not isinstance(parsed, dict):
        raise Problem(Outcome.BODY_INVALID, "the body must be a JSON object")
    return parsed


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise DuplicateName
    return members


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is no JSON number")


_read = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_no_number).decode


def _check_text(raw: bytes) -> None:
    """Refuse half surrogate pairs, which no UTF-8 writer accepts, and NUL characters, which Postgres does not."""
    msgspec.json.decode(raw)
    if re.search(rb"(?<!\\)(?:\\\\)*\\u0000", raw):
        raise ValueError("a NUL character")


def _explained(parsed: Mapping[str, object], model: type[Struct], error: msgspec.ValidationError) -> Problem:
    info = inspect.type_info(model)
    assert isinstance(info, inspect.StructType)
    for param in _unknown(parsed, info, ""):
        return Problem(Outcome.PARAMETER_UNKNOWN, param=param)
    for param in _missing(parsed, info, ""):
        return Problem(Outcome.PARAMETER_MISSING, param=param)
    text = str(error)
    found = _AT.search(text)
    path = found["path"] if found else ""
    detail = _AT.sub("", text)
    if text.startswith("Invalid enum value") and (choices := list(_choices(info, _NAMES.findall(path)))):
        detail += f"; use one of {', '.join(map(str, choices))}"
    return Problem(Outcome.PARAMETER_INVALID, detail, param=_param(path))


def _choices(kind: inspect.Type, path: Sequence[str]) -> Iterator[object]:
    """The values a parameter may have, where they are listed. path: of the parameter within `kind`."""
    match kind:
        case inspect.LiteralType(values=values) if not path:
            yield from values
        case inspect.UnionType(types=types):
            for one in types:
                yield from _choices(one, path)
        case inspect.VarTupleType(item_type=item):
            yield from _choices(item, path)
        case inspect.StructType(fields=fields) if path:
            for field in fields:
                if field.encode_name == path[0]:
                    yield from _choices(field.type, path[1:])


def _param(path: str) -> str | None:
    """`payment_method.token` as `payment_method[token]`; of a map, the map's own name."""
    first, *inner = path.replace("[...]", "").split(".")
    return first + "".join(f"[{name}]" for name in inner) if first else None


def _unknown(given: Mapping[str, object], info: inspect.StructType, path: str) -> Iterator[str]:
    known = {field.encode_name for field in info.fields}
    for name in given:
        if name not in known:
            yield _shown(path, name)
    for name, value, inner in _nested(given, info):
        yield from _unknown(value, inner, _shown(path, name))


def _missing(given: Mapping[str, object], info: inspect.StructType, path: str) -> Iterator[str]:
    for field in info.fields:
        if field.required and field.encode_name not in given:
            yield _shown(path, field.encode_name)
    for name, value, inner in _nested(given, info):
        yield from _missing(value, inner, _shown(path, name))


def _nested(
    given: Mapping[str, object], info: inspect.StructType
) -> Iterator[tuple[str, Mapping[str, object], inspect.StructType]]:
    for field in info.fields:
        value = given.get(field.encode_name)
        types = field.type.types if isinstance(field.type, inspect.UnionType) else (field.type,)
        for one in types:
            if isinstance(one, inspect.StructType) and isinstance(value, dict):
                yield field.encode_name, value, one


def _shown(path: str, name: str) -> str:
    """A parameter's name within its path; what a caller made up is cut to a length fit for an answer."""
    name = name[:64].encode("ascii", "backslashreplace").decode()
    return f"{path}[{name}]" if path else name


def time_of(text: str, param: str) -> datetime:
    """The time in a query parameter. Raises Problem for one without an offset, or none at all."""
    try:
        # A plus sign that a client forgot to escape arrives as a space.
        at = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        detail = "an RFC 3339 time with its offset, such as 2026-01-31T12:00:00Z"
        raise Problem(Outcome.PARAMETER_INVALID, detail, param=param)
    return at
