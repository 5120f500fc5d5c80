"""Are two uses of one idempotency key the same request, and if not, which parameters differ?

A fingerprint is 8 bytes of SHA-256 over all parameters and 2 bytes for each, in field order.
"""

import hashlib
from collections.abc import Iterator
from typing import Final

import msgspec

from schemas.envelope import Body

_WHOLE: Final = 8
_EACH: Final = 2
_encode: Final = msgspec.json.Encoder(order="deterministic").encode


def fingerprint(body: Body) -> bytes:
    """Fingerprint of a command's parameters; independent of the order of map keys."""
    parts = [_encode(value) for _, value in _parameters(body)]
    whole = hashlib.sha256(b"\0".join(parts)).digest()[:_WHOLE]
    return whole + b"".join(hashlib.sha256(part).digest()[:_EACH] for part in parts)


def differing(body: Body, first: bytes) -> tuple[str, ...]:
    """Names of the parameters of `body` that differ from those fingerprinted in `first`.

    Empty when all are equal. One difference in 65,536 is too small to be named; then every
    parameter is, as the fingerprints still differ as a whole.
    """
    second = fingerprint(body)
    if first == second:
        return ()
    names = [name for name, _ in _parameters(body)]
    if len(first) != len(second):
        return tuple(names)
    offsets = range(_WHOLE, len(second), _EACH)
    named = tuple(
        name
        for name, offset in zip(names, offsets, strict=True)
        if first[offset : offset + _EACH] != second[offset : offset + _EACH]
    )
    return named or tuple(names)


def _parameters(body: Body) -> Iterator[tuple[str, object]]:
    for name in body.__struct_fields__:
        value = getattr(body, name)
        if name == "notes":
            yield from ((inner, getattr(value, inner)) for inner in value.__struct_fields__)
        else:
            yield name.removesuffix("_minor"), value
